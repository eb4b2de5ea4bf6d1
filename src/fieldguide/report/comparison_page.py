"""The page that puts runs beside one another."""

from collections.abc import Hashable, Mapping, Sequence
from html import escape
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from PIL import Image

from fieldguide.report.comparison import (
    Comparison,
    Results,
    differing_answers,
    differing_choices,
    shares,
    verdict,
)
from fieldguide.report.figures import in_words
from fieldguide.report.page import document
from fieldguide.report.page_parts import STYLE as PARTS_STYLE
from fieldguide.report.page_parts import chart_tag, html_table, image_tag, number, share_cell

THUMBNAIL = 96  # pixels of the longer side
BETTER, WORSE, NEUTRAL = "42 111 176", "217 130 43", "42 111 176"  # red, green, blue: as the figures' blue and orange
NOTHING = "&ndash;"
SHIFT = "shift_accuracy_"
FIGURES = {
    "accuracy": "accuracy",
    "macro_f1": "macro F1",
    "log_loss": "log loss",
    "ece": "calibration error",
    "accuracy_tta": "accuracy, several views",
    "accuracy_at_coverage_90": "accuracy on the surest 90 %",
    "accuracy_at_coverage_80": "accuracy on the surest 80 %",
    "train.valid_accuracy": "accuracy on the valid split",
}
IN_UNITS = ("log_loss", "ece")  # the other figures are shares


def comparison_page(found: Comparison, thumbnails: Mapping[str, Image.Image]) -> str:
    """The page as HTML; every text is escaped, since names of runs, files and labels come from strangers.

    `thumbnails` are pictures by id, as far as they are at hand.
    """
    runs, pictures = found.runs, len(found.answers[0])
    parts = [*_verdicts(found)]
    if found.note:
        parts.append(f'<p class="verdict warning">{escape(found.note)}</p>')
    parts += ["<h2>Choices that differ</h2>", _choices(runs), "<h2>Figures</h2>", _figures(runs)]
    if pictures:
        parts += [
            "<h2>Confusions</h2>",
            f"<p>{pictures} test pictures. Rows are true labels, columns predictions, coloured by the share of the "
            "row. Differences are against the first run: <b class=better>blue</b> is better (more on the "
            "diagonal, fewer beside it), <b class=worse>orange</b> is worse.</p>",
            _confusions(found),
            "<h2>Pictures on which they differ</h2>",
            _pictures(found, thumbnails),
        ]
    parts += ["<h2>Training</h2>", chart_tag(curves(runs), "losses and accuracy per epoch")]
    return document("Which run is better?", "\n".join(parts), STYLE)


def _verdicts(found: Comparison) -> list[str]:
    lines = []
    for other, test in zip(found.runs[1:], found.tests, strict=True):
        tone = "" if not test.beyond_chance else "passed" if test.difference > 0 else "warning"
        lines.append(f'<p class="verdict {tone}">{escape(verdict(found.runs[0].name, other.name, test))}.</p>')
    how = "McNemar's exact test on the same pictures; the interval is a paired bootstrap."
    if len(found.tests) > 1:
        how += " Each test stands alone: among twenty of equal classifiers, one is below 0.05 by chance."
    return [*lines, f"<p><small>{how}</small></p>"]


def _choices(runs: Sequence[Results]) -> str:
    rows = [
        f"<tr><th>{escape(name)}</th>{''.join(f'<td>{escape(value) or NOTHING}</td>' for value in values)}</tr>"
        for name, values in differing_choices(runs)
    ]
    identities = "".join(f"<td><small>{escape(run.run[:8] or 'the checkout')}</small></td>" for run in runs)
    rows.append(f"<tr><th>run</th>{identities}</tr>")
    return html_table(("", *(run.name for run in runs)), rows, "plain")


def _figures(runs: Sequence[Results]) -> str:
    shifts = [name for name in runs[0].metrics if name.startswith(SHIFT) and name != f"{SHIFT}unchanged"]
    names = {**FIGURES, **{name: f"accuracy, {in_words(name.removeprefix(SHIFT))}" for name in shifts}}
    rows = [
        f"<tr><th>{escape(text)}</th>{''.join(_figure(run.metrics, name) for run in runs)}</tr>"
        for name, text in names.items()
    ]
    tested = "".join(f"<td>{run.metrics.get('test_pictures', 0):.0f}</td>" for run in runs)
    rows.append(f"<tr><th>test pictures</th>{tested}</tr>")
    return html_table(("", *(run.name for run in runs)), rows, "plain")


def _figure(metrics: Mapping[str, float], name: str) -> str:
    if name not in metrics:
        return f"<td>{NOTHING}</td>"
    value = metrics[name]
    interval = (metrics[f"{name}_low"], metrics[f"{name}_high"]) if f"{name}_low" in metrics else None
    if name not in IN_UNITS:
        return share_cell(value, interval)
    between = f"<small>{number(interval[0])} to {number(interval[1])}</small>" if interval else ""
    return f"<td>{number(value)} {between}</td>"


def _confusions(found: Comparison) -> str:
    first = found.matrices[0]
    blocks = [_block(run.name, _matrix(counts)) for run, counts in zip(found.runs, found.matrices, strict=True)]
    for run, counts in zip(found.runs[1:], found.matrices[1:], strict=True):
        blocks.append(_block(f"{run.name} less {found.runs[0].name}", _difference(counts, first)))
    wide = "wide" if len(first) > 6 else ""
    return f'<div class="matrices {wide}">{"".join(blocks)}</div>'


def _block(title: str, matrix: str) -> str:
    return f"<div><h3>{escape(title)}</h3>{matrix}</div>"


def _matrix(counts: pd.DataFrame) -> str:
    cells = [
        [_cell(NEUTRAL, share, f"{count}", f"{100 * share:.0f} %") for count, share in zip(*row, strict=True)]
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
            text, small = (f"{more:+d}", f"{100 * moved:+.0f} points") if more else ("0", "")
            line.append(_cell(tone, abs(moved) / strongest, text, small))
        cells.append(line)
    return _labelled(first, cells)


def _labelled(counts: pd.DataFrame, cells: Sequence[Sequence[str]]) -> str:
    rows = [f"<tr><th>{escape(name)}</th>{''.join(row)}</tr>" for name, row in zip(counts.index, cells, strict=True)]
    return html_table(("", *counts.columns), rows, "counts")


def _cell(tone: str, strength: float, text: str, small: str) -> str:
    return f'<td style="background: rgb({tone} / {0.6 * strength:.2f})">{text}<small>{small}</small></td>'


def _pictures(found: Comparison, thumbnails: Mapping[str, Image.Image]) -> str:
    groups = differing_answers(found)
    if not groups:
        return "<p>None: they answer all alike.</p>"
    names = [run.name for run in found.runs]
    parts = []
    for title, rows in groups:
        lines = [_picture(row, len(names), thumbnails.get(row["id"])) for row in rows.to_dict("records")]
        parts.append(f"<h3>{escape(title)} ({len(rows)})</h3>")
        parts.append(html_table(("", "picture", "truth", *names), lines, "pictures"))
    return "".join(parts)


def _picture(row: Mapping[Hashable, Any], runs: int, thumbnail: Image.Image | None) -> str:
    shown = image_tag(thumbnail, "", THUMBNAIL) if thumbnail else ""
    answers = ""
    for position in range(runs):
        answer = str(row[f"answer_{position}"])
        tone = "better" if answer == row["label"] else "worse"
        answers += (
            f'<td><b class="{tone}">{escape(answer)}</b> <small>{row[f"probability_{position}"]:.0%}</small></td>'
        )
    path, label = escape(str(row["clean_path"])), escape(str(row["label"]))
    return (
        f"<tr><td>{shown}</td><td>{path}<br><small>{escape(str(row['id']))}</small></td><td>{label}</td>{answers}</tr>"
    )


def curves(runs: Sequence[Results]) -> Figure:
    """Losses (train dashed, valid solid) and valid accuracy per epoch, each run in its colour."""
    figure = Figure(figsize=(8.4, 3.6 + 0.22 * len(runs)), layout="constrained")
    losses, accuracy = figure.subplots(1, 2)
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


STYLE = (
    PARTS_STYLE
    + """\
.verdict + .verdict { margin-top: .5rem; }
.verdict:not(.passed, .warning) { color: inherit; border-left-color: var(--soft); }
.better { color: var(--blue); } .worse { color: var(--orange); }
:root { --blue: #1f5a94; --orange: #a85a10; }
@media (prefers-color-scheme: dark) { :root { --blue: #86b9ec; --orange: #f0a75a; } }
.matrices { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(19rem, 100%), 1fr)); gap: 0 1rem; }
.matrices > div { min-width: 0; } .matrices.wide { grid-template-columns: minmax(0, 1fr); }
.counts td { text-align: center; border-left: 1px solid var(--line); line-height: 1.25; }
.counts td small { display: block; color: inherit; opacity: .8; }
.counts thead th { text-align: center; }
.plain thead th, .pictures thead th { white-space: normal; overflow-wrap: normal; color: inherit; font-weight: 600; }
.plain small { display: inline-block; }
.pictures img { min-width: 4rem; max-height: 4rem; object-fit: contain; }
.pictures td:last-child { white-space: normal; }
"""
)
