"""Where in a picture a classifier finds a label: which places speak for it, and by which method that is known.

In a network whose features are the mean of its last map over all places, and whose head is linear, a label's logit is
the mean over all places of the map times the label's weights. So that product says what each place adds to the label:
a class activation map, without a gradient (Zhou et al. 2016). Other networks take Grad-CAM, and with it PyTorch.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from safetensors import SafetensorError, safe_open

from fieldguide.base.errors import UserError, first_line
from fieldguide.model.asking import FEATURE_MAP, Square
from fieldguide.model.inference import Classifier, as_input, to_input

HEAD = "head.weight"
CLASS_ACTIVATION = "class activation maps (Zhou et al. 2016)"
GRAD_CAM = "Grad-CAM (Selvaraju et al. 2017)"

BANDS, GRAIN = 8, 12  # of the noise that is changed: its bands in each direction, its spots

Places = NDArray[np.float64]


@dataclass(frozen=True)
class ActivationMaps:
    """Says where a classifier looks.

    `method` names how that is known. `added` takes a square, as `to_input` makes it, and a label's place in the
    vocabulary; it gives what each place of the network's map adds to that label, beside what it adds to the others.
    `drift` is how far from the middle of its place in the map the network looks: see `drift_of`.
    """

    classifier: Classifier
    method: str
    added: Callable[[Square, int], Places]
    drift: float

    def places(self, picture: Image.Image, label: int) -> Places:
        """Where an RGB picture speaks for a label.

        (height, width) of the network's map, from 0 to 1: 0 where a place speaks against the label, or not for it.
        """
        added = np.maximum(self.added(to_input(picture, self.classifier.preprocessing), label), 0.0)
        most = float(added.max())
        return added / most if most > 0 else added


def activation_maps(classifier: Classifier, weights: Path) -> ActivationMaps:
    """The maps of a classifier, by the method that its network allows: its weights are in `weights`.

    Raises UserError if the weights cannot be read, or where only Grad-CAM is left: if PyTorch is not installed, or the
    network has no map at all.
    """
    size = classifier.preprocessing.size
    if classifier.network.shape_of(FEATURE_MAP) is not None:
        values, added = partial(_map, classifier), partial(_class_activation, classifier, head_weights(weights))
        return ActivationMaps(classifier, CLASS_ACTIVATION, added, drift_of(values, size))
    try:
        from fieldguide.model.grad_cam import load_grad_cam
    except ModuleNotFoundError as error:
        raise UserError(f"that takes Grad-CAM, which needs {error.name}: pip install 'fieldguide[train]'") from None
    found = load_grad_cam(weights, weights.with_suffix(".json"))
    return ActivationMaps(classifier, GRAD_CAM, found.added, drift_of(found.values, size))


def drift_of(values: Callable[[Square], NDArray[np.float32]], size: int) -> float:
    """How far a network looks from where its map is drawn, as a share of the side: below 0 above and to the left.

    A convolution with a stride of 2 that pads evenly looks at the first of two pixels, not between them. Over five of
    them the places of a map have gone half their width astray. That is measured: bands of noise are changed one by
    one, and each row and column of the map lies where what changes it lies, on average.

    Parameters
    ----------
    values
        The map (c, side, side) of a square of `size` pixels.
    """
    chance = np.random.default_rng(0)
    ground, other = (_noise(chance, size) for _ in range(2))
    before, middles = values(ground), (np.arange(BANDS) + 0.5) / BANDS
    drifts = []
    for axis, summed in ((1, (0, 2)), (2, (0, 1))):
        effects = []
        for band in np.array_split(np.arange(size), BANDS):
            changed = ground.copy()
            where = (slice(None), band) if axis == 1 else (slice(None), slice(None), band)
            changed[where] = other[where]
            effects.append(np.square((values(changed) - before).astype(np.float64)).sum(axis=summed))
        total = np.maximum(np.sum(effects, axis=0), 1e-12)
        drifts.append((middles @ np.array(effects) / total).mean() - 0.5)
    return float(np.mean(drifts))


def maps_or_reason(classifier: Classifier, weights: Path) -> tuple[ActivationMaps | None, str]:
    """Those of `activation_maps`, for a page that can do without; or None, and why there are none."""
    try:
        return activation_maps(classifier, weights), ""
    except UserError as error:
        return None, str(error)


def head_weights(weights: Path) -> NDArray[np.float32]:
    """The weights (labels, f) of a classifier's linear head. Raises UserError if the file does not hold them."""
    try:
        with safe_open(weights, "numpy") as file:
            found: NDArray[np.float32] = file.get_tensor(HEAD)
    except (OSError, SafetensorError) as error:
        raise UserError(f"{weights} cannot be read ({first_line(error)}): run `dvc repro`") from None
    return found


def _map(classifier: Classifier, square: Square) -> NDArray[np.float32]:
    ((found,),) = classifier.network.ask([square], [FEATURE_MAP])
    return found


def _class_activation(classifier: Classifier, head: NDArray[np.float32], square: Square, label: int) -> Places:
    weights = head[label] - head.mean(axis=0)
    return np.tensordot(weights.astype(np.float64), _map(classifier, square).astype(np.float64), 1)


def _noise(chance: np.random.Generator, size: int) -> Square:
    """Coarse noise, as pictures are coarse."""
    pixels = chance.integers(0, 256, (GRAIN, GRAIN, 3), dtype=np.uint8)
    return as_input(Image.fromarray(pixels).resize((size, size), Image.Resampling.BICUBIC))
