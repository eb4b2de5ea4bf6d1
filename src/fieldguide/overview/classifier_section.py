"""The quality of the classifier on pictures that it has never seen."""

from typing import Any

from fieldguide.base.files import read_json
from fieldguide.base.paths import Paths
from fieldguide.base.shares import percent
from fieldguide.data.csv_files import read_csv
from fieldguide.evaluation.page import confusion_rows, coverage_rows
from fieldguide.evaluation.tables import read_confusion, read_evaluation
from fieldguide.overview.pictures import gallery
from fieldguide.pages.figures import coverage_figure, reliability_figure
from fieldguide.pages.learning_curves import curves_figure
from fieldguide.statistics.calibration import coverage_steps
from fieldguide.training.kept_epoch import kept_epoch

MAX_HARDEST = 12

Found = dict[str, Any]  # what a template of this room shows


def answers(paths: Paths) -> Found:
    """How often it is right, by label, what it confuses, and the pictures with the highest loss."""
    folder = paths.report("evaluate")
    hardest = read_evaluation(folder, "top_losses").head(MAX_HARDEST)
    shown = [
        (clean_path, path, f"label {label}", f"predicted {prediction}, {percent(probability, 0)}")
        for path, clean_path, label, prediction, probability, _loss in hardest.itertuples(index=False)
    ]
    return {
        "labels": read_evaluation(folder, "per_label").to_dict("records"),
        "counts": confusion_rows(read_confusion(folder / "confusion_matrix.csv")),
        "hardest": gallery(paths, "Highest losses", shown, MAX_HARDEST),
    }


def shifts(paths: Paths) -> list[dict[Any, Any]]:
    """How often it is right under every shift."""
    return read_evaluation(paths.report("evaluate"), "shifts").to_dict("records")


def calibration(paths: Paths) -> Found:
    """Its calibration, and what leaving predictions of low confidence to a person brings."""
    folder = paths.report("evaluate")
    coverage = read_evaluation(folder, "coverage")
    return {
        "metrics": read_json(paths.metrics("evaluate")),
        "reliability": reliability_figure(read_evaluation(folder, "reliability_groups")),
        "at_coverage": coverage_rows(coverage),
        "coverage": coverage_figure(coverage_steps(coverage)),
    }


def training(paths: Paths) -> Found:
    """The course of the training."""
    metrics = read_json(paths.metrics("train"))
    history = read_csv(paths.history, {"epoch": int}, float)
    search = read_csv(paths.report("train") / "lr_find.csv", others=float)
    curves = curves_figure(history, metrics["best_epoch"], search, metrics["lr"], stacked=True)
    return {"kept": kept_epoch(metrics), "curves": curves}
