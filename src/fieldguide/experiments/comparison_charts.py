"""The confusion matrices of runs beside one another, each with its difference from the first."""

from collections.abc import Sequence
from html import escape

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from fieldguide.experiments.comparison import Comparison, Results, shares
from fieldguide.pages.parts import html_table

BETTER, WORSE, NEUTRAL = "42 111 176", "217 130 43", "42 111 176"  # red, green, blue: as the figures' blue and orange


def confusions(found: Comparison) -> str:
    """The matrices as HTML; names of runs and labels are escaped."""
    first, blocks = found.runs[0], []
    for run, counts in zip(found.runs, found.matrices, strict=True):
        block = f"<h3>{escape(run.name)}</h3>{_matrix(counts)}"
        if run is not first:
            block += f"<h4>less {escape(first.name)}</h4>{_difference(counts, found.matrices[0])}"
        blocks.append(f"<div>{block}</div>")
    wide = "wide" if len(found.matrices[0]) > 6 else ""
    told = (
        f"<p>{len(found.answers[0])} test pictures. Rows are true labels, columns predictions, coloured by the share "
        f"of the row. Below each: the change against {escape(first.name)} in pictures and in points of the share, "
        "<b class=better>blue</b> for better (more on the diagonal, fewer beside it), <b class=worse>orange</b> for "
        "worse.</p>"
    )
    return f'{told}<div class="matrices {wide}">{"".join(blocks)}</div>'


def _matrix(counts: pd.DataFrame) -> str:
    cells = [
        [
            _cell(NEUTRAL, share, f"{count}", f"{100 * share:.0f} %" if count else "")
            for count, share in zip(*row, strict=True)
        ]
        for row in zip(counts.to_numpy(), shares(counts).to_numpy(), strict=True)
    ]
    return _labelled(counts, cells)


def _difference(counts: pd.DataFrame, first: pd.DataFrame) -> str:
    change, points = (counts - first).to_numpy(), (shares(counts) - shares(first)).to_numpy()
    strongest = max(float(np.abs(points).max()), 1e-9)
    cells = []
    for row in range(len(first)):
        line = []
        for column in range(len(first)):
            more, moved = change[row, column], points[row, column]
            tone = BETTER if (moved > 0) == (row == column) else WORSE
            text, small = (f"{more:+d}", f"{100 * moved:+.0f}") if more else ("0", "")
            line.append(_cell(tone, abs(moved) / strongest, text, small))
        cells.append(line)
    return _labelled(first, cells)


def _labelled(counts: pd.DataFrame, cells: Sequence[Sequence[str]]) -> str:
    rows = [f"<tr><th>{escape(name)}</th>{''.join(row)}</tr>" for name, row in zip(counts.index, cells, strict=True)]
    return html_table(("", *counts.columns), rows, "counts")


def _cell(tone: str, strength: float, text: str, small: str) -> str:
    return f'<td style="background: rgb({tone} / {0.6 * strength:.2f})">{text}<small>{small}</small></td>'


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
    names = [run.name.replace("$", r"\$") for run in runs]
    figure.legend(lines, names, loc="outside lower center", frameon=False, ncols=min(len(runs), 3))
    return figure


STYLE = """\
.matrices { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(18rem, 100%), 1fr)); gap: 0 1rem; }
.matrices > div { min-width: 0; } .matrices.wide { grid-template-columns: minmax(0, 1fr); }
.counts td { text-align: center; border-left: 1px solid var(--line); line-height: 1.25; }
.counts td small { display: block; color: inherit; opacity: .8; }
.counts thead th { text-align: center; }
.counts th, .counts td { padding: .3rem .4rem; } .counts tbody th { min-width: 0; white-space: nowrap; }
.wide thead th { writing-mode: vertical-rl; transform: rotate(180deg); text-align: left; }
"""
