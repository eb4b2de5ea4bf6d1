"""The model card: how good the classifier is, by what it was measured, and where not to rely on it."""

from collections.abc import Callable, Mapping
from typing import Any

import pandas as pd

from fieldguide.base.shares import decimal, percent
from fieldguide.base.stage_names import Stage
from fieldguide.base.version import VERSION
from fieldguide.data.groups import IN_WORDS
from fieldguide.evaluation.border_verdict import border_sentences
from fieldguide.evaluation.field_section import site_lines, witness_lines
from fieldguide.pages.markdown import render_markdown
from fieldguide.release.publish.results import Results
from fieldguide.release.publish.training import Training
from fieldguide.screening.calibration import Calibration


def points(difference: float) -> str:
    """A difference of two shares in percentage points."""
    return f"{100 * difference:+.1f} points"


FIGURES: dict[str, tuple[str, Callable[[float], str]]] = {  # of the metrics of `evaluate`, as a card tells them
    "accuracy": ("accuracy", percent),
    "macro_f1": ("macro F1", decimal),
    "accuracy_sequences": ("accuracy of sequences, each answered once", percent),
    "new_sites_accuracy": ("accuracy at sites that it was not trained on", percent),
    "log_loss": ("log loss", decimal),
    "ece": ("calibration error (ECE)", decimal),
    "baseline_gain": ("accuracy gained over the most frequent label", points),
    "baseline_tree_gain": ("accuracy gained over a decision tree on colours", points),
}


def model_card(results: Results, training: Training, title: str, license_id: str) -> str:
    """The body of the card in Markdown; without `license_id` that field is to be filled in."""
    evaluate, screen = results.metrics[Stage.EVALUATE], results.metrics[Stage.SCREEN]
    return render_markdown(
        "release/model_card.md",
        title=title,
        version=VERSION,
        labels=results.labels,
        size=results.classifier["preprocessing"]["size"],
        architecture=results.classifier["architecture"],
        figures=[_figure(evaluate, name) for name in FIGURES if name in evaluate],
        per_label=_rows(results.evaluation["per_label"]),
        witnesses=list(witness_lines(evaluate)),
        sides=results.metrics[Stage.SPLIT],
        params=results.params,
        key=_key(str(results.params["split.group_by"])),
        sites=list(site_lines(evaluate)),
        worst_month=_worst(results.evaluation["by_month"]),
        worst_labels=_rows(results.evaluation["per_label"].sort_values(["recall", "label"]).head(1)),
        shifts=_rows(results.evaluation["shifts"].sort_values(["accuracy", "shift"])),
        unknown=_measured(screen, "unknown_label_auroc"),
        border=border_sentences(evaluate),
        metrics=evaluate,
        screen=screen,
        calibration=_calibration(screen),
        training=training,
        license_id=license_id,
    )


def _key(group_by: str) -> str:
    """What stays on one side of the split, in words; a column of the data set's own by its name."""
    return IN_WORDS[group_by][0] if group_by in IN_WORDS else group_by


def _figure(metrics: Mapping[str, Any], name: str) -> tuple[str, str, str]:
    words, shown = FIGURES[name]
    ends = [shown(metrics[end]) for end in (f"{name}_low", f"{name}_high") if end in metrics]
    return words, shown(metrics[name]), " to ".join(ends) or "not measured"


def _measured(metrics: Mapping[str, Any], name: str) -> dict[str, Any] | None:
    """A figure's `value`, and its `low` and `high` or None; None where it was not measured."""
    if name not in metrics:
        return None
    return {"value": metrics[name], "low": metrics.get(f"{name}_low"), "high": metrics.get(f"{name}_high")}


def _calibration(screen: Mapping[str, Any]) -> str:
    pictures = screen["calibration_pictures"] - screen["calibration_strangers"]
    return f"{pictures} pictures{Calibration(pictures, screen['calibration_groups'], pictures).in_groups()}"


def _rows(table: pd.DataFrame) -> list[dict[Any, Any]]:
    return table.to_dict("records")


def _worst(months: pd.DataFrame) -> dict[Any, Any] | None:
    """The month with the lowest accuracy; None where fewer than two are known."""
    return _rows(months.sort_values(["accuracy", "month"]))[0] if len(months) > 1 else None
