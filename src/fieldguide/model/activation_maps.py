"""Where in a picture a classifier finds a label: class activation maps (Zhou et al. 2016), without a gradient.

In a network whose features are the mean of its last map over all places, and whose head is linear, a label's logit is
the mean over all places of the map times the label's weights. So that product says what each place adds to the label.
"""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from safetensors import SafetensorError, safe_open

from fieldguide.base.errors import UserError, first_line
from fieldguide.model.asking import FEATURE_MAP
from fieldguide.model.inference import Classifier, to_input

HEAD = "head.weight"
WARM = np.array([255, 96, 16], np.float64)  # what the places that speak for a label are tinted with


def head_weights(weights: Path) -> NDArray[np.float32]:
    """The weights (labels, f) of a classifier's linear head. Raises UserError if the file does not hold them."""
    try:
        with safe_open(weights, "numpy") as file:
            found: NDArray[np.float32] = file.get_tensor(HEAD)
    except (OSError, SafetensorError) as error:
        raise UserError(f"{weights} cannot be read ({first_line(error)}): run `dvc repro`") from None
    return found


def has_map(classifier: Classifier) -> bool:
    """Whether such maps exist for a classifier's network."""
    return classifier.network.shape_of(FEATURE_MAP) is not None


def activation_map(
    classifier: Classifier, head: NDArray[np.float32], picture: Image.Image, label: int
) -> NDArray[np.float64]:
    """What each place of the square that the network sees adds to a label, beside what it adds to the other labels.

    Parameters
    ----------
    head
        See `head_weights`.
    label
        Its place in the vocabulary.

    Returns
    -------
    (height, width) of the network's last map, from 0 to 1: 0 where a place speaks against the label, or not for it.
    """
    square = to_input(picture, classifier.preprocessing)
    ((found,),) = classifier.network.ask([square], [FEATURE_MAP])
    weights = head[label] - head.mean(axis=0)
    added = np.maximum(np.tensordot(weights.astype(np.float64), found.astype(np.float64), 1), 0.0)
    most = float(added.max())
    return added / most if most > 0 else added


def tinted(classifier: Classifier, picture: Image.Image, places: NDArray[np.float64], side: int) -> Image.Image:
    """The square that the network sees, `side` pixels wide, with the places tinted that speak for a label."""
    square = classifier.preprocessing.resize.square(picture, side)
    small = Image.fromarray((255 * places).round().astype(np.uint8))
    share = np.asarray(small.resize((side, side), Image.Resampling.BICUBIC), np.float64)[:, :, None] / 255
    grey = np.asarray(square.convert("L").convert("RGB"), np.float64)
    mixed = (1 - share) * (0.5 * grey + 0.3 * np.asarray(square)) + share * (0.6 * np.asarray(square) + 0.4 * WARM)
    return Image.fromarray(np.clip(mixed, 0, 255).round().astype(np.uint8))
