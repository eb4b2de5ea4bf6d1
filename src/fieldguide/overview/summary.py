"""The summary of a run on the terminal."""

from textwrap import indent
from typing import Any

from fieldguide.base.errors import UserError
from fieldguide.base.files import read_json
from fieldguide.base.json_output import as_json
from fieldguide.base.paths import Paths
from fieldguide.base.stage_names import Stage
from fieldguide.base.stopped import Stopped, read_stopped
from fieldguide.base.terminal import key_values
from fieldguide.data.status import Status

Figures = dict[str, Any]
Rows = list[tuple[str, str]]


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
    rows = [row for stage, figures in metrics.items() for row in ROWS[stage](figures)]
    reports = "reports/index.html, reports/evaluate/index.html, reports/data_docs/index.html, reports/*/flagged.csv"
    if stopped:
        rows.append(("stopped", f"{stopped.stage}: {stopped.message}"))
        reports = "reports/index.html shows what was done up to then; `dvc repro` resumes"
    return indent(key_values([*rows, ("reports", reports)]), "  ")


def _clean(clean: Figures) -> Rows:
    left_out = [
        f"{clean[status]} {status.replace('_', ' ')}" for status in Status if status != "kept" and clean[status]
    ]
    return [
        ("pictures", f"{clean['pictures']} came in, {clean['kept']} kept"),
        ("left out", ", ".join(left_out) or "none"),
    ]


def _validate(validate: Figures) -> Rows:
    told = f"{validate['passed']} of {validate['expectations']} passed, warnings: {validate['warnings']}"
    return [("checks", f"{told}, {validate['flagged_pictures']} pictures flagged")]


def _split(split: Figures) -> Rows:
    sides = f"{split['train']} train, {split['valid']} valid, {split['test']} test"
    return [("split", f"{sides}, {split['left_out']} look-alikes of another side left out")]


def _train(train: Figures) -> Rows:
    return [("training", f"{train['epochs']} epochs, valid accuracy {train['valid_accuracy']:.3f}")]


def _evaluate(evaluate: Figures) -> Rows:
    return [
        (
            "test",
            f"accuracy {evaluate['accuracy']:.3f} (95 % interval {evaluate['accuracy_low']:.3f} to "
            f"{evaluate['accuracy_high']:.3f}), macro F1 {evaluate['macro_f1']:.3f}, "
            f"log loss {evaluate['log_loss']:.3f}",
        ),
        (
            "baselines",
            f"accuracy {evaluate['baseline_accuracy']:.3f} for always predicting the most frequent label, "
            f"{evaluate['baseline_tree_accuracy']:.3f} for a decision tree on colours",
        ),
        *_per_label(evaluate),
        (
            "calibration",
            f"calibration error {evaluate['ece']:.3f} ({evaluate['ece_uncalibrated']:.3f} before temperature scaling); "
            f"accuracy {evaluate['accuracy_at_coverage_90']:.3f} on the most confident 90 %",
        ),
        ("weakest under", _weakest_shifts(evaluate)),
    ]


def _screen(screen: Figures) -> Rows:
    return [
        (
            "out of domain",
            f"{screen['test_alarms']} of {screen['test_pictures']} test pictures raise the alarm (95 % interval "
            f"{screen['test_alarm_rate_low']:.3f} to {screen['test_alarm_rate_high']:.3f}, promised "
            f"{_promise(screen)}); {screen['label_doubts']} label doubts",
        )
    ]


def _promise(screen: Figures) -> str:
    """The promised alarm rate, and what it may be by so few calibration pictures; older metrics lack the interval."""
    if "alarm_rate_promised_low" not in screen:
        return f"{screen['alarm_rate_promised']:.3f}"
    ordinary = screen["calibration_pictures"] - screen["calibration_strangers"]
    return (
        f"{screen['alarm_rate_promised']:.3f}, with {ordinary} calibration pictures "
        f"{screen['alarm_rate_promised_low']:.3f} to {screen['alarm_rate_promised_high']:.3f}"
    )


def _per_label(evaluate: Figures) -> Rows:
    labels = [name.removeprefix("recall_") for name in evaluate if name.startswith("recall_")]
    shown = [f"{label} {evaluate[f'precision_{label}']:.2f}/{evaluate[f'recall_{label}']:.2f}" for label in labels]
    return [("labels", f"precision/recall: {', '.join(shown)}")]


def _weakest_shifts(evaluate: Figures) -> str:
    prefix = "shift_accuracy_"
    found = {name.removeprefix(prefix): figure for name, figure in evaluate.items() if name.startswith(prefix)}
    del found["unchanged"]
    weakest = sorted(found, key=lambda shift: found[shift])[:3]
    return ", ".join(f"{shift.replace('_', ' ')} (accuracy {found[shift]:.3f})" for shift in weakest)


ROWS = {
    Stage.CLEAN: _clean,
    Stage.VALIDATE: _validate,
    Stage.SPLIT: _split,
    Stage.TRAIN: _train,
    Stage.EVALUATE: _evaluate,
    Stage.SCREEN: _screen,
}
