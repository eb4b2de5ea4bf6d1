"""Figures as PNG files; the same numbers give the same bytes."""

from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from fieldguide.base.files import replace_file


def confusion_figure(counts: pd.DataFrame, title: str) -> Figure:
    """A confusion matrix: rows true labels, columns predictions, coloured by the share of the row."""
    matrix = counts.to_numpy()
    share = matrix / np.maximum(matrix.sum(axis=1, keepdims=True), 1)
    side = 2.6 + 0.75 * len(matrix)
    figure = Figure(figsize=(side, side * 0.9), layout="constrained")
    axes = figure.subplots()
    axes.imshow(share, cmap="Blues", vmin=0, vmax=1)
    for (row, column), count in np.ndenumerate(matrix):
        colour = "white" if share[row, column] > 0.5 else "black"
        text = f"{count}\n{share[row, column]:.0%}"
        axes.text(column, row, text, ha="center", va="center", color=colour, fontsize=9)
    axes.set_xticks(range(len(matrix)), counts.columns, rotation=45, ha="right")
    axes.set_yticks(range(len(matrix)), counts.index)
    axes.set(xlabel="predicted", ylabel="true", title=title)
    return figure


def save_figure(figure: Figure, path: Path) -> None:
    """Write a figure as PNG, atomically, without the time and version that matplotlib adds."""
    with replace_file(path) as partial:
        figure.savefig(partial, format="png", dpi=120, metadata={"Software": None})
