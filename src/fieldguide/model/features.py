"""Features of a frozen body: computed once for every picture, and kept."""

import hashlib
import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict
from functools import partial
from pathlib import Path

import numpy as np
from filelock import FileLock
from numpy.typing import NDArray

from fieldguide.base.engines import map_chunks
from fieldguide.base.parallel import map_threads
from fieldguide.data.images import open_picture
from fieldguide.model.asking import FEATURES, Network, Square
from fieldguide.model.backbone import Backbone
from fieldguide.model.description import Preprocessing
from fieldguide.model.fingerprint import code_digest
from fieldguide.model.inference import to_input
from fieldguide.model.kept_arrays import read_kept, write_kept
from fieldguide.model.onnx_network import OnnxNetwork
from fieldguide.model.surroundings import inference_surroundings

Features = NDArray[np.float32]


def frozen_features(
    backbone: Backbone, preprocessing: Preprocessing, pictures: Sequence[tuple[str, Path]], kept: Path
) -> Features:
    """Features of pictures, from the folder `kept` where they are known, else computed and added to it.

    Those that other code, libraries or another kind of processor computed are not used, and replaced.

    Parameters
    ----------
    pictures
        The sha256 of each file, and the file.

    Returns
    -------
    float32 (pictures, f).
    """
    choice = json.dumps([asdict(backbone.architecture), backbone.sha256, preprocessing.as_dict()], sort_keys=True)
    file = kept / f"{hashlib.sha256(choice.encode()).hexdigest()[:32]}.safetensors"
    surroundings = [code_digest(), backbone.network_sha256(), *inference_surroundings()]
    key = hashlib.sha256("\n".join(surroundings).encode()).hexdigest()
    kept.mkdir(parents=True, exist_ok=True)
    with FileLock(kept.resolve().with_suffix(".lock")):  # a sweep's jobs share what is kept, and begin together
        known = read_kept(file, key)
        if missing := {sha256: path for sha256, path in pictures if sha256 not in known.rows}:
            known = known.more(list(missing), {FEATURES: _compute(backbone, preprocessing, list(missing.values()))})
            write_kept(file, key, known)
    return known.of([sha256 for sha256, _ in pictures])[FEATURES]


def _compute(backbone: Backbone, preprocessing: Preprocessing, files: Sequence[Path]) -> Features:
    network = backbone.network
    function = partial(features_of, network, preprocessing)
    return np.stack(list(map_chunks(function, files, "features", here=not isinstance(network, OnnxNetwork))))


def features_of(network: Network, preprocessing: Preprocessing, files: Iterable[Path]) -> Iterator[Features]:
    """The features (f,) of clean pictures, in order."""

    def square_of(path: Path) -> Square:
        return to_input(open_picture(path, preprocessing.max_megapixels), preprocessing)

    return (features for (features,) in network.ask(map_threads(square_of, files), [FEATURES]))
