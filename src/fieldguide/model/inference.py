"""Prediction with a trained classifier: numpy in, numpy out, and no code in the files that it loads.

On a processor ONNX Runtime answers (see `fieldguide.model.onnx_network`), on a GPU PyTorch. Everything that asks a
classifier asks it here, and gets the same answer.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from fieldguide.base.errors import UserError
from fieldguide.base.files import read_json, sha256_of_file
from fieldguide.base.parallel import map_threads
from fieldguide.base.progress import progress
from fieldguide.data.images import open_bounded
from fieldguide.model.asking import LOGITS, Network, Square
from fieldguide.model.description import Description, Preprocessing, read_description
from fieldguide.model.gpu import has_gpu
from fieldguide.model.onnx_network import WEIGHTS, OnnxNetwork, read_onnx


@dataclass(frozen=True)
class Classifier:
    """A trained network, its labels in the order of its logits, and its preprocessing.

    The logits divided by the temperature give calibrated probabilities.
    """

    network: Network
    vocabulary: list[str]
    preprocessing: Preprocessing
    temperature: float


def load_classifier(weights: Path, description: Path) -> Classifier:
    """Load a classifier: the .onnx file beside its weights, on a GPU these, and the .json that describes it.

    Runs no code from them, and reads no other file. Raises UserError if one is missing, damaged, or does not fit the
    others.
    """
    content = read_description(description)
    if has_gpu() and weights.is_file():
        from fieldguide.model.torch_classifier import load_torch_network

        network: Network = load_torch_network(weights, description)
    else:
        network = _load_onnx(weights, content)
    return Classifier(network, content.vocabulary, content.preprocessing, content.temperature)


def weights_sha256(classifier: Classifier, weights: Path) -> str:
    """The sha256 of a classifier's weights; an .onnx file, which may come without them, says it too."""
    network = classifier.network
    return network.facts[WEIGHTS] if isinstance(network, OnnxNetwork) else sha256_of_file(weights)


def load_trained(weights: Path) -> tuple[Classifier, dict[str, Any]]:
    """Load the classifier that `train` wrote in this checkout, and the configuration that it was trained with."""
    description = weights.with_suffix(".json")
    config: dict[str, Any] = read_json(description)["record"]["config"]
    return load_classifier(weights, description), config


def open_for(classifier: Classifier, file: Path | BinaryIO) -> Image.Image:
    """Open a picture as `clean` does. Raises fieldguide.data.images.PictureError if it cannot be used."""
    preprocessing = classifier.preprocessing
    return open_bounded(file, preprocessing.max_megapixels, preprocessing.max_side, preprocessing.depth)


def open_all(classifier: Classifier, files: Sequence[Path], task: str) -> Iterator[Image.Image]:
    """Open pictures one after the other as `open_for` does, with progress under the name of the task."""
    for file in progress(files, task):
        yield open_for(classifier, file)


def predict(classifier: Classifier, pictures: Iterable[Image.Image]) -> NDArray[np.float64]:
    """Predict RGB pictures of any size.

    Returns
    -------
    Calibrated probabilities (n, labels) in the order of the vocabulary, each row with sum 1.
    """
    return calibrated(predict_logits(classifier, pictures), classifier.temperature)


def predict_logits(classifier: Classifier, pictures: Iterable[Image.Image]) -> NDArray[np.float64]:
    """The network's outputs (n, labels) for RGB pictures of any size; `calibrated` makes probabilities of them."""
    return logits_of(classifier, map_threads(lambda picture: to_input(picture, classifier.preprocessing), pictures))


def logits_of(classifier: Classifier, squares: Iterable[Square]) -> NDArray[np.float64]:
    """The network's outputs (n, labels) for squares, as `to_input` makes them of n pictures."""
    rows = [logits for (logits,) in classifier.network.ask(squares, [LOGITS])]
    return np.array(rows, np.float64).reshape(-1, len(classifier.vocabulary))


def calibrated(logits: NDArray[np.float64], temperature: float) -> NDArray[np.float64]:
    """Probabilities (n, labels) of logits; a temperature above 1 makes them less confident (Guo et al. 2017)."""
    scaled = logits / temperature
    powers = np.exp(scaled - scaled.max(axis=1, keepdims=True))
    probabilities: NDArray[np.float64] = powers / powers.sum(axis=1, keepdims=True)
    return probabilities


def to_input(picture: Image.Image, preprocessing: Preprocessing) -> Square:
    """What the network gets for an RGB picture: float32 (3, size, size), from 0 to 1; it normalizes it itself."""
    return as_input(preprocessing.resize.square(picture, preprocessing.size))


def as_input(square: Image.Image) -> Square:
    """The same for an RGB picture that is a square of the network's size already."""
    return np.asarray(square).transpose(2, 0, 1).astype(np.float32, order="C") / np.float32(255)


def _load_onnx(weights: Path, content: Description) -> OnnxNetwork:
    file = weights.with_suffix(".onnx")
    if not file.is_file():
        raise UserError(
            f"{file} is missing, which older versions did not write: run `fieldguide export onnx --model "
            f"{file.parent}` where PyTorch is installed"
        )
    network, labels = read_onnx(file), len(content.vocabulary)
    if network.shape_of(LOGITS) != (labels,) or network.size != content.preprocessing.size:
        raise UserError(
            f"{file} is not the network of {weights.with_suffix('.json').name}, of {labels} labels and pictures of "
            f"{content.preprocessing.size} pixels: run `dvc repro`, or `fieldguide export onnx --model {file.parent}`"
        )
    made_from = network.facts.get(WEIGHTS)
    if made_from is None or (weights.is_file() and sha256_of_file(weights) != made_from):
        raise UserError(f"{file} was not made from {weights.name}: run `fieldguide export onnx --model {file.parent}`")
    return network
