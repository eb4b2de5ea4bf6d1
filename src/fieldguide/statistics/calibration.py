"""Calibration of probabilities, and the accuracy gained by leaving the least confident predictions to a person.

The confidence of a prediction is the probability of the predicted label.
"""

import numpy as np
import pandas as pd
from numpy.typing import NDArray

Confidence = NDArray[np.float64]  # (n,), above 0 and at most 1
Right = NDArray[np.bool_]  # (n,), whether the predicted label is the true one

BINS = 15  # as in Guo et al. 2017, so that figures can be compared with published ones


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


def expected_calibration_error(confidence: Confidence, right: Right) -> float:
    """The mean distance of confidence and accuracy over 15 equal bins (Guo et al. 2017; Naeini et al. 2015).

    0 is perfect. Few pictures make it larger than it is, since each bin's accuracy is a matter of chance too: compare
    it with `chance_calibration_error`.
    """
    bins = np.ceil(confidence * BINS).astype(int).clip(1, BINS)
    gaps = np.bincount(bins, weights=confidence - right, minlength=BINS + 1)
    return float(np.abs(gaps).sum() / len(confidence))


def chance_calibration_error(confidence: Confidence, simulations: int = 200) -> float:
    """The ECE to expect of a perfectly calibrated classifier that is this confident on as many pictures.

    The mean over simulated outcomes, as in the consistency bars of Bröcker and Smith 2007; seeded.
    """
    chance = np.random.default_rng(0)
    errors = [
        expected_calibration_error(confidence, chance.random(len(confidence)) < confidence) for _ in range(simulations)
    ]
    return float(np.mean(errors))


def coverage(confidence: Confidence, right: Right) -> pd.DataFrame:
    """The accuracy on the pictures that are answered when those below a threshold are not.

    Returns
    -------
    For every per cent of coverage the highest threshold that still reaches it (equal thresholds once): threshold,
    coverage (share of the pictures with at least this confidence), accuracy, pictures; the most careful first.
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
    return table.iloc[np.unique(wanted)].reset_index(drop=True)


def at_coverage(table: pd.DataFrame, share: float) -> dict[str, float]:
    """The row of `coverage` with the highest threshold that answers at least this share of the pictures."""
    row = table[table["coverage"] >= share - 1e-9].iloc[0]
    return {str(name): float(value) for name, value in row.items()}
