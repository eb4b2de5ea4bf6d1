"""The robustness of a classifier to the named shifts."""

from collections.abc import Iterable, Mapping, Sequence

import pandas as pd
from PIL import Image, ImageOps

from fieldguide.evaluation.metrics import Positions, Probabilities
from fieldguide.evaluation.shifts import SHIFTS, shifted
from fieldguide.model.inference import Classifier, predict
from fieldguide.statistics.groups import Groups
from fieldguide.statistics.intervals import share_interval

UNCHANGED = "unchanged"
EXAMPLE_HEIGHT = 128  # pixels


def measure_shifts(
    classifier: Classifier,
    pictures: Iterable[Image.Image],
    ids: Sequence[str],
    targets: Positions,
    unchanged: Probabilities,
    groups: Groups,
) -> pd.DataFrame:
    """Accuracy and mean confidence of the classifier on pictures under every shift.

    Parameters
    ----------
    pictures, ids, targets
        (n) RGB pictures, their ids and the positions of their labels.
    unchanged
        (n, labels), the probabilities for the unchanged pictures.
    groups
        (n,) the group of each picture.

    Returns
    -------
    One row a shift, the unchanged pictures first: shift, pictures, accuracy, accuracy_low and accuracy_high (its 95 %
    interval), drop (accuracy lost against the unchanged pictures), confidence (mean probability of the
    prediction).
    """
    changed = (shifted(picture, shift, one) for picture, one in zip(pictures, ids, strict=True) for shift in SHIFTS)
    probabilities = predict(classifier, changed).reshape(len(ids), len(SHIFTS), -1)
    rows = [_row(UNCHANGED, targets, unchanged, groups)]
    rows += [_row(shift, targets, probabilities[:, number], groups) for number, shift in enumerate(SHIFTS)]
    table = pd.DataFrame(rows)
    table.insert(5, "drop", table["accuracy"].iloc[0] - table["accuracy"])
    return table


def show_shifts(pictures: Mapping[str, Image.Image]) -> dict[str, Image.Image]:
    """For every row of `measure_shifts` the pictures (by their ids) under that shift, side by side and small.

    The ends of very long pictures are left out.
    """
    widths = [round(EXAMPLE_HEIGHT * min(max(one.width / one.height, 0.5), 1.5)) for one in pictures.values()]
    strips = {}
    for shift in (UNCHANGED, *SHIFTS):
        strips[shift] = Image.new("RGB", (sum(widths), EXAMPLE_HEIGHT))
        for number, (identity, picture) in enumerate(pictures.items()):
            changed = picture if shift == UNCHANGED else shifted(picture, shift, identity)
            strips[shift].paste(ImageOps.fit(changed, (widths[number], EXAMPLE_HEIGHT)), (sum(widths[:number]), 0))
    return strips


def _row(shift: str, targets: Positions, probabilities: Probabilities, groups: Groups) -> dict[str, str | int | float]:
    right = probabilities.argmax(axis=1) == targets
    low, high = share_interval(right, groups)
    return {
        "shift": shift,
        "pictures": len(targets),
        "accuracy": float(right.mean()),
        "accuracy_low": low,
        "accuracy_high": high,
        "confidence": float(probabilities.max(axis=1).mean()),
    }
