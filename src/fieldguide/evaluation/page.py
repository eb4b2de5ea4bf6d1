"""The page that says how good the classifier is, where it fails, and how far the figures can be trusted."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd
from PIL import Image

from fieldguide.base.shares import decimal, percent
from fieldguide.evaluation.baselines import BASELINES
from fieldguide.evaluation.border_verdict import border_lines, border_warning
from fieldguide.evaluation.field_section import field_section
from fieldguide.pages.figures import coverage_figure, reliability_figure
from fieldguide.pages.parts import THUMBNAIL, Shown
from fieldguide.pages.render import render
from fieldguide.statistics.calibration import at_coverage, coverage_steps

COVERAGES = (0.9, 0.8)  # shares of the pictures that are answered


@dataclass(frozen=True)
class Findings:
    """All that an evaluation found; the tables are those of the functions named beside them."""

    metrics: Mapping[str, Any]
    warning: str  # "" if the classifier beats the baselines
    test: pd.DataFrame  # predictions for the test split
    counts: pd.DataFrame  # metrics.confusion
    labels: pd.DataFrame  # metrics.per_label
    sites: pd.DataFrame  # field_figures.by_site
    months: pd.DataFrame  # field_figures.by_month
    reliability: pd.DataFrame  # calibration.reliability
    reliability_uncalibrated: pd.DataFrame
    reliability_groups: pd.DataFrame  # calibration.reliability_groups
    coverage: pd.DataFrame  # calibration.coverage
    shifts: pd.DataFrame  # robustness.measure_shifts
    examples: Mapping[str, Image.Image]  # one picture for every row of shifts
    hardest: pd.DataFrame  # gallery.hardest
    hardest_shown: Sequence[Shown]  # the same, as pictures
    pairs: Sequence[tuple[str, Sequence[Shown]]]  # mistakes of the most confused pairs of labels
    scale: Image.Image  # activation_overlay.colour_scale
    looking: str  # by which method the pictures are beside them of where the classifier looks
    not_looking: str  # or why there are none


@dataclass(frozen=True)
class Confusion:
    """A confusion matrix for a page: of every row the true label, and counts with their shares of the row."""

    labels: list[str]
    rows: Sequence[tuple[str, Sequence[tuple[int, float]]]]


def evaluation_page(found: Findings) -> str:
    """The page as HTML."""
    return render(
        "evaluation/page.html",
        title="How good is the classifier?",
        found=found,
        beaten="Better than "
        + " and ".join(f"{text} ({percent(found.metrics[f'{name}_accuracy'])})" for name, text in BASELINES.items()),
        facts=_facts(found.metrics, len(found.test)),
        field=field_section(found.metrics, found.sites, found.months),
        counts=confusion_rows(found.counts),
        reliability=reliability_figure(found.reliability_groups),
        at_coverage=coverage_rows(found.coverage),
        coverage=coverage_figure(coverage_steps(found.coverage)),
        shifts=found.shifts.to_dict("records"),
        side=THUMBNAIL,
        scale=found.scale,
        background=border_warning(found.metrics),
        border=list(border_lines(found.metrics)),
    )


def _facts(metrics: Mapping[str, Any], pictures: int) -> list[tuple[str, str, str]]:
    def between(name: str) -> str:
        form = percent if name.startswith(("accuracy", "macro_f1", "border")) else decimal
        return f"{form(metrics[f'{name}_low'])} to {form(metrics[f'{name}_high'])}"

    groups = metrics["groups"]
    return [
        ("accuracy", percent(metrics["accuracy"]), between("accuracy")),
        ("macro F1", percent(metrics["macro_f1"]), between("macro_f1")),
        *(
            [("accuracy by the border alone", percent(metrics["border_accuracy"]), between("border_accuracy"))]
            if "border_accuracy" in metrics
            else []
        ),
        ("log loss", decimal(metrics["log_loss"]), between("log_loss")),
        ("calibration error", decimal(metrics["ece"]), between("ece")),
        ("accuracy, test-time augmentation", percent(metrics["accuracy_tta"]), between("accuracy_tta")),
        ("log loss, test-time augmentation", decimal(metrics["log_loss_tta"]), between("log_loss_tta")),
        (
            "test pictures",
            str(pictures),
            f"in {groups} groups" if groups < pictures else "95 % intervals",
        ),
    ]


def confusion_rows(counts: pd.DataFrame) -> Confusion:
    """The counts of `metrics.confusion`, with the shares of each row."""
    rows = [
        (label, [(count, count / max(row.sum(), 1)) for count in row])
        for label, row in zip(counts.index, counts.to_numpy(), strict=True)
    ]
    return Confusion(list(counts.columns), rows)


def coverage_rows(table: pd.DataFrame) -> list[dict[str, float]]:
    """What leaving predictions of low confidence to a person brings, of the table of `calibration.coverage`."""
    return [at_coverage(table, share) for share in COVERAGES]
