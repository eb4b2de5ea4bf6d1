"""The baselines that a classifier has to beat to be of any use."""

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from PIL import Image

from fieldguide.base.shares import decimal
from fieldguide.statistics.groups import Groups
from fieldguide.statistics.paired import accuracy_bounds

DEPTH = 6
MAX_TREE_PICTURES = 5000  # training pictures: enough for a small tree
BINS = 8
BASELINES = {
    "baseline": "always predicting the most frequent label",
    "baseline_tree": "a decision tree on colour statistics",
}


def majority_label(train_labels: "pd.Series[str]") -> str:
    """The most frequent label; of several, the first by name."""
    return str(train_labels.mode().iloc[0])


def gains(right: NDArray[np.bool_], baselines: Mapping[str, NDArray[np.bool_]], groups: Groups) -> dict[str, float]:
    """The accuracy of each baseline, and by how much the classifier's is higher, with its 95 % interval.

    Parameters
    ----------
    right
        (n,) whether the classifier has each picture right, n at least 1.
    baselines
        By the names in BASELINES the same of each baseline.
    groups
        (n,) the group of each picture.

    Returns
    -------
    `<baseline>_accuracy`, and `<baseline>_gain` with `_low` and `_high`, by a paired bootstrap over groups.
    """
    figures: dict[str, float] = {}
    for name, theirs in baselines.items():
        differences = right.astype(float) - theirs
        low, high = accuracy_bounds(differences, groups, 0.95, added=1)
        figures |= {
            f"{name}_accuracy": float(theirs.mean()),
            f"{name}_gain": float(differences.sum()) / len(right),
            f"{name}_gain_low": low,
            f"{name}_gain_high": high,
        }
    return figures


def is_beaten(metrics: Mapping[str, Any]) -> bool:
    """Whether a baseline is as accurate as the classifier, or more."""
    return any(metrics[f"{name}_gain"] <= 0 for name in BASELINES)


def not_beaten(metrics: Mapping[str, Any]) -> str:
    """The warning for a classifier that was not shown to be better than the baselines; "" if it was.

    It was shown where the whole interval of the gain is above 0.
    """
    others = [
        f"{text} ({decimal(metrics[f'{name}_accuracy'])}; gain {100 * metrics[f'{name}_gain']:+.1f} points, "
        f"95 % interval {100 * metrics[f'{name}_gain_low']:+.1f} to {100 * metrics[f'{name}_gain_high']:+.1f})"
        for name, text in BASELINES.items()
        if metrics[f"{name}_gain_low"] <= 0
    ]
    if not others:
        return ""
    verb = "does not beat" if is_beaten(metrics) else "was not shown to beat"
    return f"the classifier (accuracy {decimal(metrics['accuracy'])}) {verb} {' and '.join(others)}"


def colour_statistics(picture: Image.Image) -> NDArray[np.float64]:
    """Statistics of an RGB picture's colours, wherever they are in it: (30,) float64 between 0 and 1.

    The mean and the standard deviation of every channel, then its histogram in 8 bins, as shares of the pixels.
    """
    counts = np.array(picture.histogram(), np.float64).reshape(3, 256) / (picture.width * picture.height)
    levels = np.arange(256) / 255
    mean = counts @ levels
    deviation = np.sqrt(np.maximum(counts @ levels**2 - mean**2, 0))
    return np.concatenate([mean, deviation, counts.reshape(3 * BINS, -1).sum(axis=1)])


def tree_predictions(
    train_pictures: Iterable[Image.Image], train_labels: "pd.Series[str]", pictures: Iterable[Image.Image]
) -> NDArray[np.str_]:
    """The predictions (n,) of a decision tree of depth 6 on the colour statistics; the same for the same pictures."""
    from sklearn.tree import DecisionTreeClassifier  # slow to import, and the pages about baselines need no tree

    tree = DecisionTreeClassifier(max_depth=DEPTH, random_state=0)
    tree.fit(np.stack([colour_statistics(picture) for picture in train_pictures]), train_labels.to_numpy(str))
    predicted: NDArray[np.str_] = tree.predict(np.stack([colour_statistics(picture) for picture in pictures]))
    return predicted
