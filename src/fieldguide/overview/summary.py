"""The summary of a run on the terminal."""

from collections.abc import Mapping
from textwrap import indent
from typing import Any

import pandas as pd

from fieldguide.base.errors import UserError
from fieldguide.base.files import read_json
from fieldguide.base.json_output import as_json
from fieldguide.base.paths import Paths
from fieldguide.base.shares import decimal, percent
from fieldguide.base.stage_names import Stage
from fieldguide.base.stopped import Stopped, read_stopped
from fieldguide.base.terminal import key_values
from fieldguide.data.counts import keys_of, said
from fieldguide.data.cropping import BOXES
from fieldguide.data.look_alike_cost import cost_in_words
from fieldguide.data.status import Status
from fieldguide.evaluation.border_verdict import border_sentences
from fieldguide.evaluation.field_section import site_lines, witness_lines
from fieldguide.evaluation.tables import are_unequal, read_evaluation
from fieldguide.overview.verdict import REVIEWED
from fieldguide.pages.parts import in_words
from fieldguide.training.kept_epoch import kept_epoch

Figures = dict[str, Any]
Rows = list[tuple[str, str]]
Counts = Mapping[str, int]

MAX_RECALLS = 6  # labels whose recall the first line tells


def read_figures(paths: Paths) -> tuple[dict[Stage, Figures], Stopped | None]:
    """The metrics of the stages by stage, and what stopped the last run: then those of the stages before.

    Raises UserError if the pipeline has not run yet.
    """
    stopped = read_stopped(paths)
    stages = [stage for stage in ROWS if not stopped or (stage in stopped.done and stage != stopped.stage)]
    try:
        metrics = {
            stage: read_json(paths.metrics(stage)) for stage in stages if not stopped or paths.metrics(stage).is_file()
        }
    except FileNotFoundError as error:
        raise UserError(f"{error.filename} is missing: run `dvc repro` first") from None
    return metrics, stopped


def summary_as_json(paths: Paths) -> str:
    """The same for programs: the metrics by stage, and under `stopped` what stopped the last run, or null."""
    metrics, stopped = read_figures(paths)
    shown = {"stage": stopped.stage, "message": stopped.message} if stopped else None
    return as_json({**metrics, "stopped": shown})


def summarize(paths: Paths) -> str:
    """A few lines on the results in the checkout, or on what stopped the last run.

    Raises UserError if the pipeline has not run yet.
    """
    metrics, stopped = read_figures(paths)
    counts = {key: int(figures[name]) for stage, figures in metrics.items() for key, name in keys_of(stage).items()}
    rows = [row for stage, figures in metrics.items() for row in ROWS[stage](figures, counts, paths)]
    reports = "reports/index.html, reports/evaluate/index.html, reports/data_docs/index.html, reports/*/flagged.csv"
    if stopped:
        rows.append(("stopped", f"{stopped.stage}: {stopped.message}"))
        reports = "reports/index.html shows what was done up to then; `dvc repro` resumes"
    return indent(key_values([*rows, ("reports", reports)]), "  ")


def _clean(clean: Figures, counts: Counts, _paths: Paths) -> Rows:
    left_out = [
        f"{clean[status]} {status.replace('_', ' ')}" for status in Status if status != "kept" and clean[status]
    ]
    return [
        ("pictures", f"{said(counts, 'clean.pictures')} came in, {said(counts, 'clean.kept')}"),
        ("left out", ", ".join(left_out) or "none"),
    ]


def _validate(validate: Figures, counts: Counts, _paths: Paths) -> Rows:
    return [("before training", _checks(counts, "validate", validate))]


def _split(split: Figures, counts: Counts, _paths: Paths) -> Rows:
    cost = cost_in_words(split)
    sides = said(counts, "split.train", "split.valid", "split.test", "split.left_out")
    return [("split", sides), *([("look-alikes", cost)] if cost else [])]


def _train(train: Figures, _counts: Counts, paths: Paths) -> Rows:
    description = paths.classifier.with_suffix(".json")
    cropped = description.is_file() and read_json(description)["preprocessing"].get("crop") == BOXES
    of_boxes = "; on boxes cut out of the pictures (clean.crop)" if cropped else ""
    return [("training", f"{kept_epoch(train)}{of_boxes}")]


def _evaluate(evaluate: Figures, _counts: Counts, paths: Paths) -> Rows:
    return [
        ("test", headline(evaluate, read_evaluation(paths.report("evaluate"), "per_label"))),
        *(("groups", line) for line in witness_lines(evaluate)),
        *(("sites", line) for line in site_lines(evaluate)),
        (
            "baselines",
            f"accuracy {decimal(evaluate['baseline_accuracy'])} for always predicting the most frequent label, "
            f"{decimal(evaluate['baseline_tree_accuracy'])} for a decision tree on colours",
        ),
        *(("background", line) for line in border_sentences(evaluate)),
        *_per_label(evaluate),
        (
            "calibration",
            f"calibration error {decimal(evaluate['ece'])} ({decimal(evaluate['ece_uncalibrated'])} before temperature "
            f"scaling); accuracy {decimal(evaluate['accuracy_at_coverage_90'])} on the most confident 90 %",
        ),
        ("weakest under", _weakest_shifts(read_evaluation(paths.report("evaluate"), "shifts"))),
    ]


def headline(evaluate: Figures, labels: pd.DataFrame) -> str:
    """The accuracy first; where labels are unequal, what counts every label the same, and the lowest recalls."""
    between = f"95 % interval {decimal(evaluate['accuracy_low'])} to {decimal(evaluate['accuracy_high'])}"
    accuracy, macro_f1 = f"accuracy {decimal(evaluate['accuracy'])}", f"macro F1 {decimal(evaluate['macro_f1'])}"
    if not are_unequal(labels):
        return f"{accuracy} ({between}), {macro_f1}, log loss {decimal(evaluate['log_loss'])}"
    lowest = labels.sort_values(["recall", "label"]).head(MAX_RECALLS)
    recalls = ", ".join(f"{row['label']} {decimal(row['recall'], 2)}" for row in lowest.to_dict("records"))
    which = f", the lowest {MAX_RECALLS}" if len(labels) > MAX_RECALLS else ""
    return f"{macro_f1} and recall ({recalls}{which}) since labels are unequal; {accuracy} ({between})"


def _screen(screen: Figures, counts: Counts, _paths: Paths) -> Rows:
    return [
        (
            "out of domain",
            f"{said(counts, 'screen.test_alarms')} of {screen['test_pictures']} (95 % interval "
            f"{decimal(screen['test_alarm_rate_low'])} to {decimal(screen['test_alarm_rate_high'])}, promised "
            f"{_promise(screen)})",
        ),
        *_unknown_label(screen),
        ("after training", _checks(counts, "screen", screen)),
        ("review", f"{said(counts, 'screen.review_queue')}: {said(counts, *REVIEWED)}"),
    ]


def _unknown_label(screen: Figures) -> Rows:
    """How well a label would be noticed that is not known; nothing where none was left out, as in older versions."""
    if "unknown_label_auroc" not in screen:
        return []
    low, high = (decimal(screen[f"unknown_label_auroc_{end}"]) for end in ("low", "high"))
    return [
        (
            "unknown label",
            f"noticed with AUROC {decimal(screen['unknown_label_auroc'])} (95 % interval {low} to {high}), "
            f"{percent(screen['unknown_label_caught'])} raise the alarm; mean over "
            f"{screen['unknown_labels']} labels, each left out in turn",
        )
    ]


def _promise(screen: Figures) -> str:
    """The promised alarm rate, and what it may be by so few calibration pictures; older metrics lack the interval."""
    if "alarm_rate_promised_low" not in screen:
        return decimal(screen["alarm_rate_promised"])
    ordinary = screen["calibration_pictures"] - screen["calibration_strangers"]
    groups = screen.get("calibration_groups", ordinary)
    in_groups = f" in {groups} groups" if groups < ordinary else ""
    return (
        f"{decimal(screen['alarm_rate_promised'])}, with {ordinary} calibration pictures{in_groups} "
        f"{decimal(screen['alarm_rate_promised_low'])} to {decimal(screen['alarm_rate_promised_high'])}"
    )


def _per_label(evaluate: Figures) -> Rows:
    labels = [name.removeprefix("recall_") for name in evaluate if name.startswith("recall_")]
    figures = {label: [decimal(evaluate[f"{name}_{label}"], 2) for name in ("precision", "recall")] for label in labels}
    shown = ", ".join(f"{label} {'/'.join(both)}" for label, both in figures.items())
    return [("labels", f"precision/recall: {shown}")]


def _checks(counts: Counts, stage: str, metrics: Figures) -> str:
    made, flagged = (said(counts, f"{stage}.{name}") for name in ("expectations", "flagged_pictures"))
    notes = metrics.get("notes", 0)
    noted = f", {notes} {'tell' if notes > 1 else 'tells'} what the whole set is like" if notes else ""
    return f"{metrics['passed']} of {made} passed, {metrics['warnings']} gave a warning{noted}; {flagged}"


def _weakest_shifts(shifts: pd.DataFrame) -> str:
    weakest = shifts[shifts["shift"] != "unchanged"].nsmallest(3, "accuracy")
    return ", ".join(
        f"{in_words(row['shift'])} (accuracy {decimal(row['accuracy'])}, {decimal(row['accuracy_low'])} to "
        f"{decimal(row['accuracy_high'])})"
        for row in weakest.to_dict("records")
    )


ROWS = {
    Stage.CLEAN: _clean,
    Stage.VALIDATE: _validate,
    Stage.SPLIT: _split,
    Stage.TRAIN: _train,
    Stage.EVALUATE: _evaluate,
    Stage.SCREEN: _screen,
}
