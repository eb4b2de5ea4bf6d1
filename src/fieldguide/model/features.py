"""Features of a frozen body: computed once for every picture, and kept."""

import hashlib
import json
import warnings
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import nn
from tqdm import tqdm

from fieldguide.base.files import replace_file
from fieldguide.data.images import open_picture
from fieldguide.model.description import Preprocessing
from fieldguide.model.predict import to_input


def frozen_features(
    body: nn.Module,
    body_sha256: str,
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
    body, body_sha256
        Pictures (n, 3, size, size) in, features (n, f) out; and the hash of its weights.
    pictures
        The sha256 of each file, and the file.
    key
        What else features follow from (see `state_key`): those kept under another one are not used, and replaced.

    Returns
    -------
    float32 (pictures, f) on the processor.
    """
    choice = json.dumps([body_sha256, asdict(preprocessing)], sort_keys=True)
    file = kept / f"{hashlib.sha256(choice.encode()).hexdigest()[:32]}.safetensors"
    known = _read(file, key)
    missing = {sha256: path for sha256, path in pictures if sha256 not in known}
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
        with warnings.catch_warnings(action="ignore"), ThreadPoolExecutor(threads) as pool:
            computed = pool.map(features_of, missing.values())
            known.update(
                zip(missing, tqdm(computed, "features", len(missing), unit="picture", disable=None), strict=True)
            )
    finally:
        torch.set_num_threads(threads)
    if missing:
        with replace_file(file) as partial:
            origin = json.dumps({"key": key, "pictures": list(known)})  # one entry: several have no order in the file
            save_file({"features": torch.stack(list(known.values()))}, partial, {"origin": origin})
    return torch.stack([known[sha256] for sha256, _ in pictures])


def _read(file: Path, key: str) -> dict[str, torch.Tensor]:
    try:
        with safe_open(file, framework="pt") as content:
            origin = json.loads((content.metadata() or {}).get("origin", "{}"))
            if origin.get("key") != key:
                return {}
            return dict(zip(origin["pictures"], content.get_tensor("features"), strict=True))
    except (FileNotFoundError, SafetensorError):
        return {}
