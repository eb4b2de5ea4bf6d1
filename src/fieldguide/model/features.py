"""Features of a frozen body: computed once for every picture, and kept."""

import hashlib
import json
import warnings
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from pathlib import Path

import torch
from filelock import FileLock
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import nn

from fieldguide.base.files import replace_file
from fieldguide.base.progress import progress
from fieldguide.data.images import open_picture
from fieldguide.model.backbone import Backbone
from fieldguide.model.description import Preprocessing
from fieldguide.model.inference import to_input


def frozen_features(
    backbone: Backbone,
    preprocessing: Preprocessing,
    pictures: Sequence[tuple[str, Path]],
    kept: Path,
    key: str,
) -> torch.Tensor:
    """Features of pictures, from the folder `kept` where they are known, else computed and added to it.

    The body sees one picture at a time, each on one core (several at once, as many as PyTorch has threads), so that a
    picture's features never depend on the others in its batch, nor on `train.threads`.

    Parameters
    ----------
    pictures
        The sha256 of each file, and the file.
    key
        What else features follow from (see `state_key`): those kept under another one are not used, and replaced.

    Returns
    -------
    float32 (pictures, f) on the processor.
    """
    choice = json.dumps([asdict(backbone.architecture), backbone.sha256, preprocessing.as_dict()], sort_keys=True)
    file = kept / f"{hashlib.sha256(choice.encode()).hexdigest()[:32]}.safetensors"
    kept.mkdir(parents=True, exist_ok=True)
    with FileLock(kept.resolve().with_suffix(".lock")):  # a sweep's jobs share what is kept, and begin together
        known = _read(file, key)
        if missing := {sha256: path for sha256, path in pictures if sha256 not in known}:
            known |= _compute(backbone.body, preprocessing, missing)
            _write(file, key, known)
    return torch.stack([known[sha256] for sha256, _ in pictures])


def _compute(body: nn.Module, preprocessing: Preprocessing, pictures: Mapping[str, Path]) -> dict[str, torch.Tensor]:
    device = "cuda" if torch.cuda.is_available() else "cpu"
    body = body.to(device).eval()

    @torch.inference_mode()
    def features_of(path: Path) -> torch.Tensor:
        picture = to_input(open_picture(path, preprocessing.max_megapixels), preprocessing)
        features: torch.Tensor = body(picture[None].to(device))[0].float().cpu()
        return features

    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        with (
            warnings.catch_warnings(action="ignore"),
            ThreadPoolExecutor(threads, initializer=torch.set_num_threads, initargs=(1,)) as pool,
        ):
            computed = pool.map(features_of, pictures.values())
            shown = progress(computed, "features", len(pictures))
            return dict(zip(pictures, shown, strict=True))
    finally:
        torch.set_num_threads(threads)


def _write(file: Path, key: str, known: Mapping[str, torch.Tensor]) -> None:
    pictures, features = list(known), torch.stack(list(known.values()))
    # One entry, since several have no order in the file.
    origin = json.dumps({"key": key, "pictures": pictures, "sha256": _sha256(pictures, features)})
    with replace_file(file) as partial:
        save_file({"features": features}, partial, {"origin": origin})


def _read(file: Path, key: str) -> dict[str, torch.Tensor]:
    """What is kept under the key; nothing if the file is missing, damaged or of another key."""
    try:
        with safe_open(file, framework="pt") as content:
            origin = json.loads((content.metadata() or {}).get("origin", "{}"))
            if origin.get("key") != key:
                return {}
            pictures, features = origin["pictures"], content.get_tensor("features")
            is_whole = _sha256(pictures, features) == origin["sha256"]
            return dict(zip(pictures, features, strict=True)) if is_whole else {}
    except (FileNotFoundError, SafetensorError, ValueError, LookupError):
        return {}


def _sha256(pictures: Sequence[str], features: torch.Tensor) -> str:
    return hashlib.sha256(json.dumps(pictures).encode() + features.numpy().tobytes()).hexdigest()
