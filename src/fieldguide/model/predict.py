"""Prediction with a trained classifier: PyTorch and Pillow only, and no code in the files that it loads."""

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from itertools import islice
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from scipy.special import softmax
from torch import nn

from fieldguide.base.errors import UserError
from fieldguide.base.files import read_json
from fieldguide.data.images import bounded, open_picture
from fieldguide.data.square import to_square
from fieldguide.model.network import Architecture, Normalization, build_body, build_classifier, count_features
from fieldguide.model.weights import load_weights


@dataclass(frozen=True)
class Preprocessing:
    """What happens to a picture before the network sees it."""

    max_megapixels: float
    max_side: int
    method: str
    pad_mode: str
    size: int
    normalization: Normalization


@dataclass(frozen=True)
class Classifier:
    """A trained network in evaluation mode, its labels in the order of its outputs, and its preprocessing.

    The logits divided by the temperature give calibrated probabilities.
    """

    network: nn.Sequential
    vocabulary: list[str]
    preprocessing: Preprocessing
    temperature: float


def describe_classifier(
    architecture: Architecture, vocabulary: Sequence[str], preprocessing: Preprocessing, temperature: float
) -> dict[str, Any]:
    """What stands beside the weights, as JSON, so that `load_classifier` can build the network again."""
    return {
        "architecture": asdict(architecture),
        "vocabulary": list(vocabulary),
        "preprocessing": asdict(preprocessing),
        "temperature": temperature,
    }


def load_classifier(weights: Path, description: Path) -> Classifier:
    """Load a classifier from its .safetensors file and the .json that describes it.

    Raises UserError if either is missing, damaged, or does not fit the other.
    """
    try:
        content = read_json(description)
        architecture = Architecture(**content["architecture"])
        vocabulary = [str(label) for label in content["vocabulary"]]
        plain = content["preprocessing"]
        normalization = Normalization(**plain["normalization"])
        preprocessing = Preprocessing(**{**plain, "normalization": normalization})
        temperature = float(content["temperature"])
    except FileNotFoundError:
        raise UserError(f"{description} is missing: run `dvc repro`") from None
    except (ValueError, KeyError, TypeError) as error:
        raise UserError(f"{description} does not describe a classifier ({error})") from None
    body = build_body(architecture)
    network = build_classifier(body, count_features(body, preprocessing.size), len(vocabulary))
    load_weights(network, weights)
    return Classifier(network.eval(), vocabulary, preprocessing, temperature)


def open_for(classifier: Classifier, file: Path | BinaryIO) -> Image.Image:
    """Open a picture as `clean` does. Raises fieldguide.data.images.PictureError if it cannot be used."""
    preprocessing = classifier.preprocessing
    return bounded(open_picture(file, preprocessing.max_megapixels), preprocessing.max_side)


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
    device = "cuda" if torch.cuda.is_available() else "cpu"
    network = classifier.network.to(device).to(memory_format=torch.channels_last)
    logits = [np.zeros((0, len(classifier.vocabulary)))]
    remaining = iter(pictures)
    with torch.inference_mode():
        while batch := list(islice(remaining, batch_size)):
            inputs = torch.stack([to_input(picture, classifier.preprocessing) for picture in batch])
            logits.append(network(inputs.to(device, memory_format=torch.channels_last)).double().cpu().numpy())
    return np.concatenate(logits)


def calibrated(logits: NDArray[np.float64], temperature: float) -> NDArray[np.float64]:
    """Probabilities (n, labels) of logits; a temperature above 1 makes them less sure (Guo et al. 2017)."""
    probabilities: NDArray[np.float64] = softmax(logits / temperature, axis=1)
    return probabilities


def to_input(picture: Image.Image, preprocessing: Preprocessing) -> torch.Tensor:
    """The float32 tensor (3, size, size) that the network gets for an RGB picture."""
    square = to_square(picture, preprocessing.method, preprocessing.size, preprocessing.pad_mode)
    pixels = torch.from_numpy(np.array(square)).permute(2, 0, 1).float() / 255
    mean = torch.tensor(preprocessing.normalization.mean)[:, None, None]
    std = torch.tensor(preprocessing.normalization.std)[:, None, None]
    return (pixels - mean) / std
