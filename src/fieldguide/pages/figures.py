"""Figures for people, as PNG; the same numbers and pictures give the same bytes."""

from collections.abc import Iterable, Mapping, Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from PIL import Image

from fieldguide.base.errors import printable
from fieldguide.base.shares import decimal, percent
from fieldguide.pages.colours import BLUE, GREY, ORANGE
from fieldguide.pages.parts import Shown, in_words
from fieldguide.pages.png import DPI

CELL, GAP, TITLE, LINE = 228, 5, 26, 15  # pixels of a gallery: a picture's place, what is free around it, texts


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
        text = f"{count}\n{percent(share[row, column], 0)}"
        axes.text(column, row, text, ha="center", va="center", color=colour, fontsize=9)
    axes.set_xticks(
        range(len(matrix)), [printable(label) for label in counts.columns], rotation=45, ha="right", parse_math=False
    )
    axes.set_yticks(range(len(matrix)), [printable(label) for label in counts.index], parse_math=False)
    axes.set(xlabel="predicted", ylabel="true", title=title)
    return figure


def reliability_figure(groups: pd.DataFrame) -> Figure:
    """How often predictions are right (bar: its interval) beside how sure they are, in groups of like confidence.

    Parameters
    ----------
    groups
        The table of `fieldguide.statistics.calibration.reliability_groups`.
    """
    names = [_range(*row) for row in groups[["low", "high", "pictures"]].itertuples(index=False)]
    figure, axes = _accuracy_rows(groups, names, height=1.5 + 0.42 * len(groups))
    axes.plot(groups["confidence"], np.arange(len(groups)), "D", color=ORANGE, markersize=6, label="confidence")
    axes.set(xlabel="share of the predictions")
    _from_the_smallest(axes, [*groups["accuracy_low"], *groups["confidence"]])
    figure.legend(loc="outside upper center", ncols=2, frameon=False)
    return figure


def coverage_figure(steps: pd.DataFrame) -> Figure:
    """How often predictions are right (bar: its interval) when the least confident ones are left to a person.

    Parameters
    ----------
    steps
        The table of `fieldguide.statistics.calibration.coverage_steps`.
    """
    names = [_answered(*row) for row in steps[["coverage", "pictures"]].itertuples(index=False)]
    figure, axes = _accuracy_rows(steps, names, height=1.3 + 0.36 * len(steps))
    axes.set(xlabel="answers that are right", ylabel="answered")
    _from_the_smallest(axes, steps["accuracy_low"])
    return figure


def accuracy_figure(table: pd.DataFrame, names: Sequence[str]) -> Figure:
    """How often predictions are right (bar: its interval) in parts of the pictures, the first part on top.

    Parameters
    ----------
    table
        Columns pictures, accuracy, accuracy_low, accuracy_high; `names` are those of its rows.
    """
    shown = [f"{printable(name)} ({pictures})" for name, pictures in zip(names, table["pictures"], strict=True)]
    figure, axes = _accuracy_rows(table, shown, height=1.1 + 0.32 * len(table))
    axes.invert_yaxis()
    axes.set(xlabel="predictions that are right, with the 95 % interval")
    _from_the_smallest(axes, table["accuracy_low"])
    return figure


def _range(low: float, high: float, pictures: float) -> str:
    least, most = decimal(low, 2), decimal(high, 2)
    named = least if least == most and least[0] in "<>" else f"{least} to {most}"
    return f"{named} ({pictures:.0f})"


def _answered(coverage: float, pictures: float) -> str:
    return f"{percent(coverage, 0)} ({pictures:.0f} pictures)"


def _accuracy_rows(table: pd.DataFrame, names: Sequence[str], height: float) -> tuple[Figure, Axes]:
    """A row for each group of pictures: its accuracy, a dot, on a bar that is its interval."""
    figure = Figure(figsize=(5, height), layout="constrained")
    axes = figure.subplots()
    places, low = np.arange(len(table)), table["accuracy_low"]
    axes.barh(places, table["accuracy_high"] - low, left=low, height=0.5, color=BLUE, alpha=0.3)
    axes.plot(table["accuracy"], places, "o", color=BLUE, markersize=7, label="right, with its 95 % interval")
    axes.set_yticks(places, names, parse_math=False)
    axes.set(ylim=(-0.6, len(table) - 0.4))
    return figure, axes


def _from_the_smallest(axes: Axes, shares: Iterable[float]) -> None:
    """A horizontal axis of shares, from the tenth below the smallest one to 100 %, with a grid."""
    axes.set_xlim(max(np.floor(10 * min(shares)) / 10, 0) - 0.015, 1.015)
    axes.grid(axis="x", color=GREY, alpha=0.3)
    axes.set_axisbelow(True)
    _in_percent(axes)


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
    """Pictures in rows of equal length at most, each row with a title (or "") and each picture with its lines.

    They are placed by their pixels, without axes, for which matplotlib would take ten times as long.
    """
    columns = max([1, *(len(shown) for _, shown in rows)])
    pictures = [[_in_its_cell(one.picture) for one in shown] for _, shown in rows]
    heights = [
        TITLE * bool(title) + max((GAP + picture.height for picture in row), default=0) + _height_of_lines(shown)
        for (title, shown), row in zip(rows, pictures, strict=True)
    ]
    width, height = columns * CELL, sum(heights) or CELL
    figure = Figure(figsize=(width / DPI, height / DPI), dpi=DPI)
    if not rows:
        figure.text(0.5, 0.5, "none", ha="center")
    bottom = height
    for (title, shown), row, row_height in zip(rows, pictures, heights, strict=True):
        top, bottom = bottom, bottom - row_height
        if title:
            figure.text(0.5, (top - 4) / height, printable(title), fontsize=10, ha="center", va="top", parse_math=False)
            top -= TITLE
        for column, (picture, one) in enumerate(zip(row, shown, strict=True)):
            left, low = column * CELL + (CELL - picture.width) // 2, top - GAP - picture.height
            figure.figimage(np.asarray(picture), left, low)
            middle, lines = (column + 0.5) * CELL / width, "\n".join(map(printable, one.lines))
            figure.text(middle, (low - 4) / height, lines, fontsize=7, ha="center", va="top", parse_math=False)
    return figure


def _in_its_cell(picture: Image.Image) -> Image.Image:
    """As large as its place in a gallery allows; of a very long one at least a pixel is left."""
    scale = (CELL - 2 * GAP) / max(picture.size)
    width, height = (max(1, round(side * scale)) for side in picture.size)
    return picture.resize((width, height), Image.Resampling.BICUBIC)


def _height_of_lines(shown: Sequence[Shown]) -> int:
    """In pixels, with what is free below them."""
    return LINE * (max((len(one.lines) for one in shown), default=0) + 1)


def _in_percent(axes: Axes) -> None:
    axes.xaxis.set_major_formatter(lambda share, _: percent(round(share, 4), 0))
