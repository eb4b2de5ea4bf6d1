"""Calibration of probabilities, and the accuracy gained by leaving the least confident predictions to a person.

The confidence of a prediction is the probability of the predicted label.
"""

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from fieldguide.statistics.groups import Groups
from fieldguide.statistics.intervals import share_interval

Confidence = NDArray[np.float64]  # (n,), above 0 and at most 1
Right = NDArray[np.bool_]  # (n,), whether the predicted label is the true one

BINS = 15  # as in Guo et al. 2017, so that figures can be compared with published ones
SIMULATIONS = 200
MIN_PART, MAX_PARTS = 20, 8  # pictures of a part in a chart, and parts


def reliability(confidence: Confidence, right: Right) -> pd.DataFrame:
    """The reliability diagram: how often predictions of about the same confidence are right.

    Returns
    -------
    One row for each of 15 equally wide bins that holds pictures: low (not in it) and high (in it), mean confidence,
    accuracy, pictures.
    """
    bins = np.ceil(confidence * BINS).astype(int).clip(1, BINS)
    table = pd.DataFrame({"bin": bins, "confidence": confidence, "accuracy": right.astype(float), "pictures": 1})
    table = table.groupby("bin").agg({"confidence": "mean", "accuracy": "mean", "pictures": "sum"})
    table.insert(0, "low", (table.index - 1) / BINS)
    table.insert(1, "high", table.index / BINS)
    return table.reset_index(drop=True)


def reliability_groups(confidence: Confidence, right: Right, groups: Groups) -> pd.DataFrame:
    """The same for a chart: parts of about as many pictures each, at least 20 where there are so many, at most 8.

    Bins of equal width hold a single picture where few predictions are unsure; its accuracy is 0 or 1, by chance.

    Returns
    -------
    One row a part, the least confident first: low and high (of its confidences), mean confidence, accuracy with its
    95 % interval (accuracy_low, accuracy_high; `share_interval` by the pictures' groups), pictures.
    """
    order = np.argsort(confidence, kind="stable")
    parts = np.array_split(order, min(max(len(order) // MIN_PART, 1), MAX_PARTS))
    rows = []
    for part in parts:
        accuracy_low, accuracy_high = share_interval(right[part], groups[part])
        rows.append(
            {
                "low": confidence[part].min(),
                "high": confidence[part].max(),
                "confidence": confidence[part].mean(),
                "accuracy": right[part].mean(),
                "accuracy_low": accuracy_low,
                "accuracy_high": accuracy_high,
                "pictures": len(part),
            }
        )
    return pd.DataFrame(rows)


def expected_calibration_error(confidence: Confidence, right: Right) -> float:
    """The mean distance of confidence and accuracy over 15 equal bins (Guo et al. 2017; Naeini et al. 2015).

    0 is perfect. Few pictures make it larger than it is, since each bin's accuracy is a matter of chance too: compare
    it with `chance_calibration_error`.
    """
    bins = np.ceil(confidence * BINS).astype(int).clip(1, BINS)
    gaps = np.bincount(bins, weights=confidence - right, minlength=BINS + 1)
    return float(np.abs(gaps).sum() / len(confidence))


def chance_calibration_error(confidence: Confidence) -> float:
    """The ECE to expect of a perfectly calibrated classifier that is this confident on as many pictures.

    The mean over simulated outcomes, as in the consistency bars of Bröcker and Smith 2007; seeded.
    """
    return float(_chance_errors(confidence).mean())


def largest_chance_error(confidence: Confidence) -> float:
    """The ECE that of twenty such classifiers only one exceeds."""
    return float(np.quantile(_chance_errors(confidence), 0.95))


def _chance_errors(confidence: Confidence) -> NDArray[np.float64]:
    chance = np.random.default_rng(0)
    outcomes = (chance.random(len(confidence)) < confidence for _ in range(SIMULATIONS))
    return np.array([expected_calibration_error(confidence, right) for right in outcomes])


def coverage(confidence: Confidence, right: Right, groups: Groups) -> pd.DataFrame:
    """The accuracy on the pictures that are answered when those below a threshold are not.

    Returns
    -------
    For every per cent of coverage the highest threshold that still reaches it (equal thresholds once): threshold,
    coverage (share of the pictures with at least this confidence), accuracy, pictures, and the accuracy's 95 % interval
    (accuracy_low, accuracy_high; `share_interval`); the most careful first.
    """
    order = np.argsort(-confidence, kind="stable")
    answered = np.arange(1, len(order) + 1)
    table = pd.DataFrame(
        {
            "threshold": confidence[order],
            "coverage": answered / len(order),
            "accuracy": right[order].cumsum() / answered,
            "pictures": answered,
        }
    ).drop_duplicates("threshold", keep="last")  # pictures of equal confidence are answered together or not at all
    wanted = table["coverage"].searchsorted(np.arange(1, 101) / 100 - 1e-9)
    table = table.iloc[np.unique(wanted)].reset_index(drop=True)
    some = [order[:pictures] for pictures in table["pictures"]]
    low, high = zip(*(share_interval(right[rows], groups[rows]) for rows in some), strict=True)
    return table.assign(accuracy_low=low, accuracy_high=high)


def coverage_steps(table: pd.DataFrame) -> pd.DataFrame:
    """Rows of `coverage` for a chart: every tenth of the pictures, from 20 pictures up; the most careful first."""
    wanted = table["coverage"].searchsorted(np.arange(1, 11) / 10 - 1e-9)
    steps = table.iloc[np.unique(wanted)]
    enough = (steps["pictures"] >= MIN_PART) | (steps["coverage"] == steps["coverage"].max())
    return steps[enough].reset_index(drop=True)


def at_coverage(table: pd.DataFrame, share: float) -> dict[str, float]:
    """The row of `coverage` with the highest threshold that answers at least this share of the pictures."""
    row = table[table["coverage"] >= share - 1e-9].iloc[0]
    return {str(name): float(value) for name, value in row.items()}
