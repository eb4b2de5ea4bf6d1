"""The metrics of a classifier, each with its interval."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.metrics import confusion_matrix

from fieldguide.base.shares import decimal
from fieldguide.statistics.calibration import (
    at_coverage,
    chance_calibration_error,
    coverage,
    expected_calibration_error,
    largest_chance_error,
)
from fieldguide.statistics.groups import Groups, group_sizes
from fieldguide.statistics.intervals import bootstrap, share_interval

Positions = NDArray[np.intp]
Probabilities = NDArray[np.float64]
Figures = dict[str, float]

SMALLEST = 1e-15  # what a probability of 0 counts as
LARGEST = {"accuracy": 1.0, "macro_f1": 1.0, "log_loss": -float(np.log(SMALLEST)), "ece": 1.0}  # the smallest are 0


def measure(
    targets: Positions,
    probabilities: Probabilities,
    uncalibrated: Probabilities,
    several_views: Probabilities,
    groups: Groups,
    resamples: int,
) -> Figures:
    """All metrics of the unchanged test pictures.

    Parameters
    ----------
    targets
        (n,) positions of the true labels, n at least 1.
    probabilities, uncalibrated, several_views
        (n, labels): what the classifier serves, with temperature 1, and with test-time augmentation.
    groups
        (n,) the group of each picture, see `fieldguide.statistics.groups`.
    resamples
        Bootstrap samples behind the intervals.
    """
    confidence, right = probabilities.max(axis=1), probabilities.argmax(axis=1) == targets
    answered = coverage(confidence, right, groups)
    plain = headline(targets, uncalibrated)
    augmented = {**headline(targets, several_views), **headline_intervals(targets, several_views, groups, resamples)}
    return {
        **headline(targets, probabilities),
        **headline_intervals(targets, probabilities, groups, resamples),
        "log_loss_uncalibrated": plain["log_loss"],
        "ece_uncalibrated": plain["ece"],
        "ece_by_chance": chance_calibration_error(confidence),
        "ece_by_chance_high": largest_chance_error(confidence),
        **{f"accuracy_at_coverage_{share}": at_coverage(answered, share / 100)["accuracy"] for share in (90, 80)},
        **{
            f"{name}_tta{end}": augmented[f"{name}{end}"]
            for name in ("accuracy", "macro_f1", "log_loss")
            for end in ("", "_low", "_high")
        },
    }


def temperature_warning(metrics: Mapping[str, Any]) -> str:
    """What to say where the temperature has made the log loss on the test split worse; "" where it has not."""
    before, after = metrics["log_loss_uncalibrated"], metrics["log_loss"]
    if after <= before:
        return ""
    return (
        f"temperature scaling makes the log loss on the test split worse, {decimal(before)} without it and "
        f"{decimal(after)} with it: the valid split is too small, or too unlike the test split, to calibrate on"
    )


def headline(targets: Positions, probabilities: Probabilities) -> Figures:
    """Accuracy, macro F1, log loss and ECE.

    Parameters
    ----------
    targets
        (n,) positions of the true labels, n at least 1.
    probabilities
        (n, labels), each row with sum 1.
    """
    return _headline(_outcomes(targets, probabilities))


def headline_intervals(targets: Positions, probabilities: Probabilities, groups: Groups, resamples: int) -> Figures:
    """The 95 % intervals of `headline`, as `<figure>_low` and `<figure>_high`.

    That of the accuracy is `share_interval`: it holds for few groups and for a classifier without a mistake, where a
    bootstrap would give 1 to 1. The others are percentiles over `resamples` bootstrap samples of the groups; of a
    single group nothing is known of them: all that a figure can be.
    """
    outcomes = _outcomes(targets, probabilities)

    def of_sample(rows: Positions) -> Figures:
        return _headline({name: values[rows] for name, values in outcomes.items()})

    if len(group_sizes(groups)) < 2:
        intervals = {f"{name}_low": 0.0 for name in LARGEST} | {f"{name}_high": np.inf for name in LARGEST}
    else:
        intervals = bootstrap(of_sample, groups, resamples)
    intervals["accuracy_low"], intervals["accuracy_high"] = share_interval(outcomes["right"], groups)
    return {name: min(max(value, 0.0), LARGEST[name.rpartition("_")[0]]) for name, value in intervals.items()}


def _outcomes(targets: Positions, probabilities: Probabilities) -> dict[str, NDArray[Any]]:
    """What the figures need of every picture, computed once for all bootstrap samples."""
    predicted = probabilities.argmax(axis=1)
    return {
        "target": targets,
        "predicted": predicted,
        "right": predicted == targets,
        "confidence": probabilities.max(axis=1),
        "loss": losses(targets, probabilities),
    }


def _headline(outcomes: dict[str, NDArray[Any]]) -> Figures:
    return {
        "accuracy": float(outcomes["right"].mean()),
        "macro_f1": macro_f1(outcomes["target"], outcomes["predicted"]),
        "log_loss": float(outcomes["loss"].mean()),
        "ece": expected_calibration_error(outcomes["confidence"], outcomes["right"]),
    }


def macro_f1(targets: Positions, predicted: Positions) -> float:
    """The mean F1 of the labels that occur among targets or predictions.

    As scikit-learn's f1_score, which takes too long for a thousand bootstrap samples.
    """
    labels = int(max(targets.max(), predicted.max())) + 1
    true, named = np.bincount(targets, minlength=labels), np.bincount(predicted, minlength=labels)
    right = np.bincount(targets[targets == predicted], minlength=labels)
    occurring = true + named > 0
    return float((2 * right[occurring] / (true + named)[occurring]).mean())


def losses(targets: Positions, probabilities: Probabilities) -> NDArray[np.float64]:
    """The log loss (n,) of every picture; a probability of 0 counts as 1e-15."""
    each: NDArray[np.float64] = -np.log(np.maximum(probabilities[np.arange(len(targets)), targets], SMALLEST))
    return each


def confusion(targets: Positions, predicted: Positions, vocabulary: list[str]) -> pd.DataFrame:
    """Counts; the rows are the true labels, the columns the predictions."""
    counts = confusion_matrix(targets, predicted, labels=range(len(vocabulary)))
    return pd.DataFrame(counts, index=pd.Index(vocabulary, name="label"), columns=vocabulary)


def per_label(targets: Positions, predicted: Positions, vocabulary: list[str], groups: Groups) -> pd.DataFrame:
    """One row a label, for n pictures: positions (n,) of true and predicted labels, and their groups (n,).

    Returns
    -------
    The columns label, pictures, groups, precision, recall and f1, each with `_low` and `_high` (`share_interval`).
    Precision is the share of right answers among those that are the label, recall among the pictures that have it, and
    F1 is 2 s / (1 + s), where s is that among both. A label that was never predicted has precision 0.
    """
    rows = []
    for position, label in enumerate(vocabulary):
        has, gets = targets == position, predicted == position
        row: dict[str, Any] = {"label": label, "pictures": int(has.sum()), "groups": len(group_sizes(groups[has]))}
        for name, among in (("precision", gets), ("recall", has), ("f1", has | gets)):
            right = (has & gets)[among]
            shares = np.array([right.sum() / max(len(right), 1), *share_interval(right, groups[among])])
            shares = 2 * shares / (1 + shares) if name == "f1" else shares
            row |= dict(zip((name, f"{name}_low", f"{name}_high"), shares.tolist(), strict=True))
        rows.append(row)
    return pd.DataFrame(rows)


def confused_pairs(counts: pd.DataFrame) -> pd.DataFrame:
    """The pairs label, prediction that are mistakes, with how often they are: the most frequent first, then by name."""
    cells = [
        (label, prediction, count)
        for label, row in zip(counts.index, counts.to_numpy().tolist(), strict=True)
        for prediction, count in zip(counts.columns, row, strict=True)
    ]
    pairs = pd.DataFrame(cells, columns=["label", "prediction", "pictures"])
    wrong = pairs[(pairs["label"] != pairs["prediction"]) & (pairs["pictures"] > 0)]
    return wrong.sort_values(["pictures", "label", "prediction"], ascending=[False, True, True]).reset_index(drop=True)
