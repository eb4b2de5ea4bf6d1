"""The confusion matrices of runs side by side, each with its difference from the first."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from fieldguide.base.errors import printable
from fieldguide.base.shares import percent
from fieldguide.experiments.comparison import Comparison, Results, shares

BETTER, WORSE, NEUTRAL = "42 111 176", "217 130 43", "42 111 176"  # red, green, blue: as the figures' blue and orange


@dataclass(frozen=True)
class Cell:
    """A cell of a matrix: its colour (red, green, blue) and how strong that is (0 to 1), a text and a small one."""

    tone: str
    strength: float
    text: str
    small: str


@dataclass(frozen=True)
class Matrix:
    """The cells of a run's confusion matrix and of its changes against the first run, which has none."""

    run: str
    counts: Sequence[Sequence[Cell]]
    changes: Sequence[Sequence[Cell]]


def matrices(found: Comparison) -> list[Matrix]:
    """The confusion matrix of each run."""
    first = found.matrices[0]
    return [
        Matrix(run.name, _cells(counts), _changes(counts, first) if place else [])
        for place, (run, counts) in enumerate(zip(found.runs, found.matrices, strict=True))
    ]


def _cells(counts: pd.DataFrame) -> list[list[Cell]]:
    return [
        [
            Cell(NEUTRAL, 0.6 * share, f"{count}", percent(share, 0) if count else "")
            for count, share in zip(*row, strict=True)
        ]
        for row in zip(counts.to_numpy(), shares(counts).to_numpy(), strict=True)
    ]


def _changes(counts: pd.DataFrame, first: pd.DataFrame) -> list[list[Cell]]:
    change, points = (counts - first).to_numpy(), (shares(counts) - shares(first)).to_numpy()
    strongest = float(np.abs(points).max(initial=1e-9))
    cells = []
    for row in range(len(first)):
        line = []
        for column in range(len(first)):
            more, moved = change[row, column], points[row, column]
            tone = BETTER if (moved > 0) == (row == column) else WORSE
            text, small = (f"{more:+d}", f"{100 * moved:+.0f}") if more else ("0", "")
            line.append(Cell(tone, 0.6 * abs(moved) / strongest, text, small))
        cells.append(line)
    return cells


def comparison_curves(runs: Sequence[Results]) -> Figure:
    """Losses (train dashed, valid solid) and valid accuracy per epoch, each run in its colour."""
    figure = Figure(figsize=(8.4, 3.6 + 0.22 * len(runs)), layout="constrained")
    losses, accuracy = figure.subplots(1, 2)
    for panel in (losses, accuracy):
        panel.xaxis.set_major_locator(MaxNLocator(integer=True))
    lines = []
    for position, run in enumerate(runs):
        epochs, colour = run.history["epoch"], f"C{position % 10}"
        losses.plot(epochs, run.history["train_loss"], color=colour, linestyle="--", linewidth=1)
        losses.plot(epochs, run.history["valid_loss"], color=colour)
        lines += accuracy.plot(epochs, run.history["valid_accuracy"], color=colour)
    losses.set(xlabel="epoch", ylabel="loss (train dashed, valid solid)")
    accuracy.set(xlabel="epoch", ylabel="valid accuracy")
    names = [printable(run.name).replace("$", r"\$") for run in runs]
    figure.legend(lines, names, loc="outside lower center", frameon=False, ncols=min(len(runs), 3))
    return figure
