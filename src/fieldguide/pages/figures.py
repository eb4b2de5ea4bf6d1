"""Figures for people, as PNG; the same numbers and pictures give the same bytes."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from PIL import Image

from fieldguide.base.errors import printable
from fieldguide.pages.colours import BLUE, GREY, ORANGE
from fieldguide.pages.parts import Shown, in_words


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
    axes.set_xticks(
        range(len(matrix)), [printable(label) for label in counts.columns], rotation=45, ha="right", parse_math=False
    )
    axes.set_yticks(range(len(matrix)), [printable(label) for label in counts.index], parse_math=False)
    axes.set(xlabel="predicted", ylabel="true", title=title)
    return figure


def reliability_figure(served: pd.DataFrame, uncalibrated: pd.DataFrame) -> Figure:
    """Confidence against accuracy, before and after temperature scaling, and the number of pictures in each bin.

    Parameters
    ----------
    served, uncalibrated
        Tables of `fieldguide.statistics.calibration.reliability`.
    """
    figure = Figure(figsize=(5, 5.4), layout="constrained")
    upper, lower = figure.subplots(2, 1, sharex=True, height_ratios=(3, 1))
    upper.plot([0, 1], [0, 1], color=GREY, linewidth=1.5, linestyle=":", label="perfect")
    for table, colour, marker, name in ((uncalibrated, ORANGE, "s", "as trained"), (served, BLUE, "o", "as served")):
        upper.plot(table["confidence"], table["accuracy"], color=colour, marker=marker, markersize=4, label=name)
        lower.stairs(*_steps(table), color=colour, fill=False, linewidth=1.5)
    upper.set(ylabel="accuracy", xlim=(0, 1), ylim=(0, 1.03))
    upper.legend(loc="upper left", frameon=False)
    lower.set(xlabel="confidence", ylabel="pictures")
    return figure


def _steps(table: pd.DataFrame) -> tuple[list[int], list[float]]:
    """Heights and edges of a histogram, with the bins that hold nothing."""
    width = float((table["high"] - table["low"]).iloc[0])
    edges = np.arange(round(1 / width) + 1) * width
    heights = np.zeros(len(edges) - 1, int)
    heights[np.rint(table["low"] / width).astype(int)] = table["pictures"]
    return heights.tolist(), edges.tolist()


def coverage_figure(table: pd.DataFrame) -> Figure:
    """Coverage against accuracy; the table is that of `fieldguide.statistics.calibration.coverage`."""
    figure = Figure(figsize=(5, 3.4), layout="constrained")
    axes = figure.subplots()
    axes.plot(table["coverage"], table["accuracy"], color=BLUE, drawstyle="steps-post", marker=".", markersize=3)
    axes.axhline(table["accuracy"].iloc[-1], color=GREY, linewidth=1, linestyle=":")
    axes.set(xlabel="share of the pictures that are answered", ylabel="accuracy on these", xlim=(0, 1))
    axes.set_ylim(top=1.005)
    _in_percent(axes)
    axes.yaxis.set_major_formatter("{x:.1%}")
    return figure


def shifts_figure(table: pd.DataFrame, examples: Mapping[str, Image.Image]) -> Figure:
    """Accuracy (bar, with its interval) and mean confidence (dot) under every shift, each beside an example.

    Parameters
    ----------
    table
        That of `fieldguide.evaluation.robustness.measure_shifts`: its first row is about the unchanged pictures.
    examples
        A picture for every row, by the shift's name.
    """
    figure = Figure(figsize=(9, 0.75 * len(table) + 0.9), layout="constrained")
    grid = figure.add_gridspec(len(table), 2, width_ratios=(3, 7))
    axes = figure.add_subplot(grid[:, 1])
    accuracy, places = table["accuracy"].to_numpy(), np.arange(len(table))
    reach = np.maximum([accuracy - table["accuracy_low"], table["accuracy_high"] - accuracy], 0)
    axes.barh(places, accuracy, height=0.6, color=[GREY] + [BLUE] * (len(table) - 1))
    axes.errorbar(accuracy, places, xerr=reach, fmt="none", ecolor="black", elinewidth=1, label="95 % interval")
    axes.plot(table["confidence"], places, "o", color=ORANGE, markersize=6, label="mean confidence")
    axes.axvline(accuracy[0], color=GREY, linewidth=1, linestyle=":")
    axes.set_yticks(places, [in_words(name) for name in table["shift"]])
    axes.set(
        xlim=(0, 1), ylim=(len(table) - 0.5, -0.5), xlabel=f"accuracy on {table['pictures'].iloc[0]} test pictures"
    )
    _in_percent(axes)
    figure.legend(loc="outside upper right", ncols=2, frameon=False)
    for row, name in enumerate(table["shift"]):
        beside = figure.add_subplot(grid[row, 0])
        beside.imshow(examples[name])
        beside.set_axis_off()
    return figure


def gallery_figure(rows: Sequence[tuple[str, Sequence[Shown]]]) -> Figure:
    """Pictures in rows of equal length at most, each row with a title (or "") and each picture with its lines."""
    columns = max((len(shown) for _, shown in rows), default=1)
    figure = Figure(figsize=(1.9 * columns, 2.4 * max(len(rows), 1)), layout="constrained")
    if not rows:
        figure.text(0.5, 0.5, "none", ha="center")
        return figure
    for part, (title, shown) in zip(figure.subfigures(len(rows), 1, squeeze=False)[:, 0], rows, strict=True):
        if title:
            part.suptitle(printable(title), fontsize=10, parse_math=False)
        for axes in part.subplots(1, columns, squeeze=False)[0]:
            axes.set_axis_off()
        for axes, one in zip(part.axes, shown, strict=False):
            axes.imshow(one.picture)
            axes.set_title("\n".join(map(printable, one.lines)), fontsize=7, y=0, va="top", pad=-3, parse_math=False)
    return figure


def _in_percent(axes: Axes) -> None:
    axes.xaxis.set_major_formatter("{x:.0%}")
