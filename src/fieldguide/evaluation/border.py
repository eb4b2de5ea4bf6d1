"""A classifier that sees only the border of each picture: where it is good, labels can be told from the background.

It is a logistic regression on features of a network, whose pictures have their middle painted over. Where it is good,
another one is asked to tell the middle of a picture from its corners: if it cannot, these are pictures of surfaces, or
close-ups, and the border is no background.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from PIL import Image

from fieldguide.base.parallel import map_threads
from fieldguide.data.resizing.squish import Squish
from fieldguide.evaluation.baselines import majority_label
from fieldguide.evaluation.border_verdict import BORDER, stands_out
from fieldguide.evaluation.metrics import Figures
from fieldguide.model.asking import FEATURES, Network, Square
from fieldguide.model.inference import as_input
from fieldguide.screening.label_doubts import INVERSE_PENALTY
from fieldguide.statistics.calibration import Right
from fieldguide.statistics.groups import Groups
from fieldguide.statistics.intervals import share_interval
from fieldguide.statistics.paired import accuracy_bounds

MAX_PICTURES = 1000  # that the regression learns from, and that it is asked about
PER_LABEL = 100  # of these, on average, to learn from
MAX_COMPARED = 300  # whose middle is compared with their corners
CORNER = 0.25  # of the width and of the height
WHOLE = Squish("squish")

Features = NDArray[np.float32]
Opened = Callable[[pd.DataFrame, str], Iterable[Image.Image]]


def border_figures(
    network: Network,
    opened: Opened,
    train: pd.DataFrame,
    test: pd.DataFrame,
    groups: Groups,
    headline: Mapping[str, Any],
) -> Figures:
    """How often the border of a picture is enough to name it.

    Parameters
    ----------
    network
        Gives the features.
    opened
        Opens the pictures of some rows, with progress under a name.
    train, test, groups
        The pictures to learn from, and n to ask about, with the column label; and the group (n,) of each of these.
    headline
        `accuracy`, the classifier's, and `baseline_accuracy`, that of always predicting the most frequent label.

    Returns
    -------
    border_pictures, which were asked about; border_accuracy with `_low` and `_high`; border_gain with `_low` and
    `_high`, by how much that is more than the most frequent label's. If it `stands_out`, also middle_told with `_low`
    and `_high`: the share of pictures whose middle is told from their corners.
    """
    squares = (lambda picture: border_only(picture, network.size),)
    learned = _features(network, opened(train, "border, train"), squares)[:, 0]
    asked = _features(network, opened(test, "border, test"), squares)[:, 0]
    labels, truth = train["label"].to_numpy(str), test["label"].to_numpy(str)
    right = _named(learned, labels, asked) == truth
    differences = right.astype(float) - (truth == majority_label(train["label"]))
    low, high = accuracy_bounds(differences, groups, 0.95, added=1)
    figures: Figures = {
        "border_pictures": len(test),
        **_share("border_accuracy", right, groups),
        "border_gain": float(differences.mean()),
        "border_gain_low": low,
        "border_gain_high": high,
    }
    if not stands_out({**headline, **figures}):
        return figures
    some = test.head(MAX_COMPARED)
    told = _middle_told(network, opened(train.head(MAX_COMPARED), "middle, train"), opened(some, "middle, test"))
    return figures | _share("middle_told", told, groups[: len(some)])


def _named(learned: Features, labels: NDArray[np.str_], asked: Features) -> NDArray[np.str_]:
    """The label that the regression gives each picture; where it could learn one alone, that."""
    if len({*labels}) == 1:
        return np.repeat(labels[:1], len(asked))
    named: NDArray[np.str_] = _regression().fit(learned, labels).predict(asked)
    return named


def border_only(picture: Image.Image, size: int) -> Image.Image:
    """The whole RGB picture as a square of `size` pixels, its middle painted over in the mean colour of its border."""
    square = np.array(WHOLE.square(picture, size))
    edge = max(1, round(BORDER * size))
    inside = np.zeros((size, size), bool)
    inside[edge:-edge, edge:-edge] = True
    square[inside] = square[~inside].mean(axis=0).round()
    return Image.fromarray(square)


def corners(picture: Image.Image, size: int) -> Image.Image:
    """The four corners of an RGB picture, put together with the outer sides within: a square of `size` pixels."""
    return _crossed(np.asarray(WHOLE.square(picture, size)), size)


def middle(picture: Image.Image, size: int) -> Image.Image:
    """As much of the middle of a picture, put together in the same way."""
    square, edge = np.asarray(WHOLE.square(picture, size)), round((0.5 - CORNER) * size)
    return _crossed(square[edge : size - edge, edge : size - edge], size)


def _crossed(pixels: NDArray[np.uint8], size: int) -> Image.Image:
    side = round(CORNER * size)
    upper, lower = pixels[:side], pixels[-side:]
    rows = [np.concatenate([row[:, -side:], row[:, :side]], axis=1) for row in (lower, upper)]
    return WHOLE.square(Image.fromarray(np.concatenate(rows)), size)


def _middle_told(network: Network, train: Iterable[Image.Image], test: Iterable[Image.Image]) -> Right:
    """Whether the middle of each test picture looks more like a middle than its corners do."""
    squares = (lambda picture: corners(picture, network.size), lambda picture: middle(picture, network.size))
    learned, asked = (_features(network, pictures, squares) for pictures in (train, test))
    flat, asked_flat = (found.reshape(-1, found.shape[2]) for found in (learned, asked))
    score = _regression().fit(flat, np.arange(len(flat)) % 2).decision_function(asked_flat)
    told: Right = score[1::2] > score[::2]
    return told


def _features(
    network: Network, pictures: Iterable[Image.Image], squares: tuple[Callable[[Image.Image], Image.Image], ...]
) -> Features:
    """(n, squares, f): the features of several squares of each of n pictures."""

    def inputs(picture: Image.Image) -> list[Square]:
        return [as_input(square(picture)) for square in squares]

    asked = (one for several in map_threads(inputs, pictures) for one in several)
    found = np.stack([features for (features,) in network.ask(asked, [FEATURES])])
    return found.reshape(-1, len(squares), found.shape[1])


def _regression() -> Any:
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    return make_pipeline(StandardScaler(), LogisticRegression(C=INVERSE_PENALTY, max_iter=1000))


def _share(name: str, right: Right, groups: Groups) -> Figures:
    low, high = share_interval(right, groups)
    return {name: float(right.mean()), f"{name}_low": low, f"{name}_high": high}
