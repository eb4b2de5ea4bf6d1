"""What an evaluation finds, of a dozen pictures for any two or more labels."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from PIL import Image

from fieldguide.data.groups import group_numbers
from fieldguide.evaluation.baselines import BASELINES, gains
from fieldguide.evaluation.field_figures import by_month, by_site
from fieldguide.evaluation.gallery import hardest
from fieldguide.evaluation.metrics import confused_pairs, confusion, measure, per_label
from fieldguide.evaluation.page import Findings
from fieldguide.evaluation.predictions import predictions_table
from fieldguide.pages.parts import Drawn, Shown
from fieldguide.statistics.calibration import coverage, reliability, reliability_groups

PICTURE = Image.new("RGB", (40, 30), "grey")


def predictions(labels: Sequence[str], name: str) -> tuple[pd.DataFrame, Any, Any]:
    """Twelve test pictures in files called `name`; two of them are taken for others. Table, targets, probabilities."""
    targets = np.arange(12) % len(labels)
    sure = np.where(targets[:, None] == np.arange(len(labels)), 1.0, 0.0)
    sure[[1, 3]] = np.roll(sure[[1, 3]], 1, axis=1)
    probabilities = 0.1 / (len(labels) - 1) + (0.9 - 0.1 / (len(labels) - 1)) * sure
    pictures = pd.DataFrame(
        {
            "id": [f"{number:016x}" for number in range(12)],
            "path": [f"{number}/{name}.jpg" for number in range(12)],
            "clean_path": [f"{number}/{name}.jpg" for number in range(12)],
            "split": "test",
            "label": [labels[int(target)] for target in targets],
            "group": [f"{number:016x}" for number in range(12)],
            **dict.fromkeys(("split_key", "site", "time", "sequence")),
        }
    )
    return predictions_table(pictures, probabilities, list(labels)), targets, probabilities


def findings(labels: Sequence[str], name: str) -> Findings:
    """All that the page about them shows."""
    test, targets, probabilities = predictions(labels, name)
    predicted, confidence = probabilities.argmax(axis=1), probabilities.max(axis=1)
    groups = group_numbers(test)
    counts, right = confusion(targets, predicted, list(labels)), predicted == targets
    shifts = pd.DataFrame([{"shift": "unchanged", "pictures": 12, "accuracy": 0.8, "accuracy_low": 0.7}])
    figures = measure(targets, probabilities, probabilities, probabilities, groups, 20)
    bins, answered = reliability(confidence, right), coverage(confidence, right, groups)
    shown = [Shown(PICTURE, (name, labels[0]), Drawn(PICTURE, f"what speaks for {name}"))]
    return Findings(
        metrics={
            **figures,
            "temperature": 1.0,
            "test_pictures": 12,
            "groups": 12,
            "group_by": "look_alike",
            **gains(right, dict.fromkeys(BASELINES, targets == 0), groups),
        },
        warning="",
        test=test,
        counts=counts,
        sites=by_site(test, right),
        months=by_month(test, right, groups),
        labels=per_label(targets, predicted, list(labels), groups),
        reliability=bins,
        reliability_uncalibrated=bins,
        reliability_groups=reliability_groups(confidence, right, groups),
        coverage=answered,
        shifts=shifts.assign(accuracy_high=0.9, drop=0.0, confidence=0.9),
        examples={"unchanged": PICTURE},
        hardest=hardest(test),
        hardest_shown=shown,
        scale=PICTURE,
        looking="class activation maps",
        not_looking="",
        pairs=[(f"{pair.label} for {pair.prediction}", shown) for pair in confused_pairs(counts).itertuples()],
    )
