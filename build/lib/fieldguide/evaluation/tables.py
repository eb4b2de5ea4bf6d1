"""The tables that an evaluation leaves as CSV files, and what their columns hold."""

from pathlib import Path

import pandas as pd

from fieldguide.data.csv_files import Type, read_csv, write_csv

FIGURES = dict.fromkeys(
    (
        *("precision", "precision_low", "precision_high", "recall", "recall_low", "recall_high"),
        *("f1", "f1_low", "f1_high"),
        *("low", "high", "confidence", "accuracy", "accuracy_low", "accuracy_high", "drop"),
        *("threshold", "coverage", "probability", "loss"),
    ),
    float,
)
TYPES: dict[str, Type] = {**FIGURES, "pictures": int, "groups": int}


def read_evaluation(folder: Path, name: str) -> pd.DataFrame:
    """A table of reports/evaluate by its name (per_label, reliability, coverage, shifts, top_losses ...)."""
    return read_csv(folder / f"{name}.csv", TYPES)


def are_unequal(labels: pd.DataFrame) -> bool:
    """Whether one label has twice the pictures of another, so that the accuracy says little about the rare ones.

    `labels` is the table of `per_label`.
    """
    return bool(labels["pictures"].max() >= 2 * labels["pictures"].min())


def write_confusion(file: Path, counts: pd.DataFrame) -> None:
    """Write the matrix of `metrics.confusion`: the first column is the true label, each other one a prediction."""
    labels = pd.Series(counts.index, counts.index, name="label")
    write_csv(file, pd.concat([labels, counts], axis=1))


def read_confusion(file: Path) -> pd.DataFrame:
    """The matrix that `write_confusion` wrote; a label may be called `label` too."""
    table = read_csv(file)
    return table.iloc[:, 1:].astype(int).set_axis(pd.Index(table.iloc[:, 0], name="label"), axis="index")
