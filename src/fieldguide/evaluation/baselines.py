"""The baselines that a classifier has to beat to be of any use."""

from collections.abc import Iterable, Mapping

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from PIL import Image

DEPTH = 6
MAX_TREE_PICTURES = 5000  # training pictures: enough for a small tree
BINS = 8
BASELINES = {
    "baseline_accuracy": "always predicting the most frequent label",
    "baseline_tree_accuracy": "a decision tree on colour statistics",
}


def majority_accuracy(train_labels: "pd.Series[str]", labels: "pd.Series[str]") -> float:
    """The accuracy of always predicting the most frequent training label."""
    return float((labels == majority_label(train_labels)).mean())


def majority_label(train_labels: "pd.Series[str]") -> str:
    """The most frequent label; of several, the first by name."""
    return str(train_labels.mode().iloc[0])


def not_beaten(metrics: Mapping[str, float]) -> str:
    """The warning for a classifier that is no better than a baseline; "" if it beats them all."""
    accuracy = metrics["accuracy"]
    better = [f"{text} ({metrics[name]:.3f})" for name, text in BASELINES.items() if metrics[name] >= accuracy]
    if not better:
        return ""
    return f"the classifier (accuracy {accuracy:.3f}) does not beat {' and '.join(better)}"


def colour_statistics(picture: Image.Image) -> NDArray[np.float64]:
    """Statistics of an RGB picture's colours, wherever they are in it: (30,) float64 between 0 and 1.

    The mean and the standard deviation of every channel, then its histogram in 8 bins, as shares of the pixels.
    """
    counts = np.array(picture.histogram(), np.float64).reshape(3, 256) / (picture.width * picture.height)
    levels = np.arange(256) / 255
    mean = counts @ levels
    deviation = np.sqrt(np.maximum(counts @ levels**2 - mean**2, 0))
    return np.concatenate([mean, deviation, counts.reshape(3 * BINS, -1).sum(axis=1)])


def tree_accuracy(
    train_pictures: Iterable[Image.Image],
    train_labels: "pd.Series[str]",
    pictures: Iterable[Image.Image],
    labels: "pd.Series[str]",
) -> float:
    """The accuracy of a decision tree of depth 6 on the colour statistics; the same for the same pictures."""
    return float((tree_predictions(train_pictures, train_labels, pictures) == labels.to_numpy(str)).mean())


def tree_predictions(
    train_pictures: Iterable[Image.Image], train_labels: "pd.Series[str]", pictures: Iterable[Image.Image]
) -> NDArray[np.str_]:
    """That tree's prediction for each picture: (n,) labels."""
    from sklearn.tree import DecisionTreeClassifier  # slow to import, and the pages about baselines need no tree

    tree = DecisionTreeClassifier(max_depth=DEPTH, random_state=0)
    tree.fit(np.stack([colour_statistics(picture) for picture in train_pictures]), train_labels.to_numpy(str))
    predicted: NDArray[np.str_] = tree.predict(np.stack([colour_statistics(picture) for picture in pictures]))
    return predicted
