"""Prediction with a trained classifier: PyTorch and Pillow only, and no code in the files that it loads."""

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import nn

from fieldguide.base.errors import UserError
from fieldguide.base.files import read_json
from fieldguide.base.progress import progress
from fieldguide.data.images import bounded, open_picture
from fieldguide.model.description import Preprocessing, read_description
from fieldguide.model.network import build_bounded, build_classifier, count_features
from fieldguide.model.weights import load_weights, read_shapes

MAX_LIBRARY_HEAD = 2**24  # weights of the head for a thousand labels that a library builds and that is taken off again


@dataclass(frozen=True)
class Classifier:
    """A trained network in evaluation mode, its labels in the order of its outputs, and its preprocessing.

    The logits divided by the temperature give calibrated probabilities.
    """

    network: nn.Sequential
    vocabulary: list[str]
    preprocessing: Preprocessing
    temperature: float


def load_classifier(weights: Path, description: Path) -> Classifier:
    """Load a classifier from its .safetensors file and the .json that describes it.

    Runs no code from them, reads no other file, and builds no network that is much larger than the weights, whatever
    they claim. Raises UserError if either is missing, damaged, or does not fit the other.
    """
    content = read_description(description)
    shapes = read_shapes(weights)
    head = shapes.get("head.weight", ())
    if len(head) != 2 or head[0] != len(content.vocabulary):
        raise UserError(
            f"{weights} does not hold the weights of this network (no head for {len(content.vocabulary)} labels)"
        )
    labels, features = head
    try:
        body = build_bounded(content.architecture, 2 * sum(map(math.prod, shapes.values())) + MAX_LIBRARY_HEAD)
        network = build_classifier(body, features, labels)
        load_weights(network, weights)
        if (given := count_features(body, content.preprocessing.size)) != features:
            raise UserError(f"the body gives {given} features, the head takes {features}")
    except UserError as error:
        raise UserError(f"{description}: {error}") from None
    network.to(memory_format=torch.channels_last)
    return Classifier(network.eval(), content.vocabulary, content.preprocessing, content.temperature)


def load_trained(weights: Path) -> tuple[Classifier, dict[str, Any]]:
    """Load the classifier that `train` wrote in this checkout, and the configuration that it was trained with.

    PyTorch gets as many threads as it had in training: another number would be another order of summing.
    """
    description = weights.with_suffix(".json")
    classifier = load_classifier(weights, description)
    config: dict[str, Any] = read_json(description)["record"]["config"]
    torch.set_num_threads(config["train"]["threads"])
    return classifier, config


def open_for(classifier: Classifier, file: Path | BinaryIO) -> Image.Image:
    """Open a picture as `clean` does. Raises fieldguide.data.images.PictureError if it cannot be used."""
    preprocessing = classifier.preprocessing
    return bounded(open_picture(file, preprocessing.max_megapixels, preprocessing.depth), preprocessing.max_side)


def open_all(classifier: Classifier, files: Sequence[Path], task: str) -> Iterator[Image.Image]:
    """Open pictures one after the other as `open_for` does, with progress under the name of the task."""
    for file in progress(files, task):
        yield open_for(classifier, file)


def predict(classifier: Classifier, pictures: Iterable[Image.Image], batch_size: int = 64) -> NDArray[np.float64]:
    """Predict RGB pictures of any size, `batch_size` at a time.

    Returns
    -------
    Calibrated probabilities (n, labels) in the order of the vocabulary, each row with sum 1.
    """
    return calibrated(predict_logits(classifier, pictures, batch_size), classifier.temperature)


def predict_logits(
    classifier: Classifier, pictures: Iterable[Image.Image], batch_size: int = 64
) -> NDArray[np.float64]:
    """The network's outputs (n, labels) for RGB pictures of any size; `calibrated` makes probabilities of them."""
    logits = [np.zeros((0, len(classifier.vocabulary)))]
    remaining = iter(pictures)
    while batch := list(islice(remaining, batch_size)):
        logits.append(logits_of(classifier, [to_input(picture, classifier.preprocessing) for picture in batch]))
    return np.concatenate(logits)


def logits_of(classifier: Classifier, inputs: Sequence[torch.Tensor]) -> NDArray[np.float64]:
    """The network's outputs (n, labels) for one batch, as `to_input` makes it of n pictures (n at least 1)."""
    device = "cuda" if torch.cuda.is_available() else "cpu"
    network = classifier.network.to(device)
    batch = torch.stack(list(inputs)).to(device, memory_format=torch.channels_last)
    with torch.inference_mode():
        logits: NDArray[np.float64] = network(batch).double().cpu().numpy()
    return logits


def calibrated(logits: NDArray[np.float64], temperature: float) -> NDArray[np.float64]:
    """Probabilities (n, labels) of logits; a temperature above 1 makes them less confident (Guo et al. 2017)."""
    probabilities: NDArray[np.float64] = torch.from_numpy(logits / temperature).softmax(dim=1).numpy()
    return probabilities


def to_input(picture: Image.Image, preprocessing: Preprocessing) -> torch.Tensor:
    """The float32 tensor (3, size, size) that the network gets for an RGB picture."""
    square = preprocessing.resize.square(picture, preprocessing.size)
    pixels = torch.from_numpy(np.array(square)).permute(2, 0, 1).float() / 255
    mean = torch.tensor(preprocessing.normalization.mean)[:, None, None]
    std = torch.tensor(preprocessing.normalization.std)[:, None, None]
    return (pixels - mean) / std
