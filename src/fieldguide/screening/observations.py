"""What screening sees of a picture, from the one pass through the network that prediction makes anyway."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, fields
from functools import partial
from itertools import chain, tee
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from fieldguide.base.parallel import map_threads
from fieldguide.model.asking import FEATURES, LAYOUT, LOGITS, Network, Square
from fieldguide.model.inference import Classifier, to_input
from fieldguide.screening.gaussians import on_sphere
from fieldguide.screening.measurements import measure_square

MEAN, SPREAD = 0.5, 1.0  # lengths of what the layout adds to the features, beside the body's last ones, 1
Measured = tuple[Square, NDArray[np.float64]]


@dataclass(frozen=True)
class Observations:
    """Of n pictures: the classifier's logits, and what decides whether they belong to its domain."""

    logits: NDArray[np.float32]  # (n, labels)
    features: NDArray[np.float32]  # (n, f), of the frozen body or of the classifier, see `_features`
    layout: NDArray[np.float32]  # (n, 16 c): a map of c features averaged over 4 x 4 places, of the same network
    measurements: NDArray[np.float64]  # (n, measurements), see measure_square

    def __len__(self) -> int:
        return len(self.logits)

    def __getitem__(self, rows: NDArray[Any]) -> "Observations":
        """Some of the pictures, by their positions or a mask."""
        return Observations(**{field.name: getattr(self, field.name)[rows] for field in fields(self)})


def measure(square: Square, size: tuple[int, int]) -> Measured:
    """What `to_input` made of a picture of this width and height, and its measurements: see `measure_square`."""
    return square, measure_square(list(square), size)


def observe(classifier: Classifier, feature_network: Network, pictures: Iterable[Measured]) -> Observations:
    """Observe n pictures (n at least 1), as `measure` makes them."""
    measurements: list[NDArray[np.float64]] = []

    def squares() -> Iterator[Square]:
        for square, measured in pictures:
            measurements.append(measured)
            yield square

    if feature_network is classifier.network:
        rows = list(classifier.network.ask(squares(), (LOGITS, FEATURES, LAYOUT)))
    else:
        own, others = tee(squares())
        answers = classifier.network.ask(own, (LOGITS,)), feature_network.ask(others, (FEATURES, LAYOUT))
        rows = [(*logits, *seen) for logits, seen in zip(*answers, strict=True)]
    logits, last, layout = (np.stack(column) for column in zip(*rows, strict=True))
    places = layout.reshape(*layout.shape[:2], -1)
    return Observations(logits, _features(last, places), places.reshape(len(places), -1), np.stack(measurements))


def observe_pictures(classifier: Classifier, feature_network: Network, pictures: Iterable[Image.Image]) -> Observations:
    """Observe RGB pictures of any size, at least one."""
    views = map_threads(partial(views_of, classifier), pictures)
    return observe(classifier, feature_network, chain.from_iterable(views))


def observe_pairs(
    classifier: Classifier, feature_network: Network, pictures: Iterable[Image.Image]
) -> tuple[Observations, Observations]:
    """Observe pictures as `observe_pictures` does, and the same turned by 180 degrees, opening each once.

    The measurements of a turned picture are those of the picture, since they have no direction.
    """
    views = map_threads(partial(views_of, classifier, turned=True), pictures)
    return unpaired(observe(classifier, feature_network, chain.from_iterable(views)))


def views_of(classifier: Classifier, picture: Image.Image, *, turned: bool = False) -> list[Measured]:
    """A picture for `observe`, followed by the same turned by 180 degrees if that is wanted."""
    upright = measure(to_input(picture, classifier.preprocessing), picture.size)
    if not turned:
        return [upright]
    other = to_input(picture.transpose(Image.Transpose.ROTATE_180), classifier.preprocessing)
    return [upright, (other, upright[1])]


def unpaired(found: Observations) -> tuple[Observations, Observations]:
    """Pictures, and the same turned, of which each follows its picture."""
    upright = np.arange(0, len(found), 2)
    return found[upright], found[upright + 1]


def _features(last: NDArray[np.float32], places: NDArray[np.float32]) -> NDArray[np.float32]:
    """The body's features and, of an earlier map (n, c, places), mean and standard deviation over all places.

    Each is on a sphere. The mean knows less of the labels and more of everything else. The deviation knows how much one
    place differs from the others: in a picture without its subject there is nothing to differ.
    """
    mean = places.mean(axis=2)
    spread = places.std(axis=2)
    return np.concatenate([on_sphere(last), MEAN * on_sphere(mean), SPREAD * on_sphere(spread)], axis=1)
