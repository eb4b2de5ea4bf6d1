"""The page that puts runs beside one another."""

from collections.abc import Hashable, Mapping, Sequence
from html import escape
from typing import Any

from PIL import Image

from fieldguide.experiments.comparison import (
    Comparison,
    Results,
    differing_answers,
    differing_choices,
    evidence,
    verdict,
)
from fieldguide.experiments.comparison_charts import STYLE as CONFUSIONS_STYLE
from fieldguide.experiments.comparison_charts import comparison_curves, confusions
from fieldguide.pages.document import document
from fieldguide.pages.figures import in_words
from fieldguide.pages.parts import STYLE as PARTS_STYLE
from fieldguide.pages.parts import chart_tag, html_table, image_tag, number, share_cell

THUMBNAIL = 96  # pixels of the longer side
NOTHING = "&ndash;"
SHIFT = "shift_accuracy_"
PICTURES = "test_pictures"
FIGURES = {
    "accuracy": "accuracy",
    "macro_f1": "macro F1",
    "log_loss": "log loss",
    "ece": "calibration error",
    "accuracy_tta": "accuracy, several views",
    "accuracy_at_coverage_90": "accuracy on the surest 90 %",
    "accuracy_at_coverage_80": "accuracy on the surest 80 %",
    "train.valid_accuracy": "accuracy on the valid split",
    PICTURES: "test pictures",
}
IN_UNITS = ("log_loss", "ece")  # the other figures are shares


def comparison_page(found: Comparison, thumbnails: Mapping[str, Image.Image]) -> str:
    """The page as HTML; every text is escaped, since names of runs, files and labels come from strangers.

    `thumbnails` are pictures by id, as far as they are at hand.
    """
    runs = found.runs
    parts = [*_verdicts(found)]
    if found.note:
        parts.append(f'<p class="verdict warning">{escape(found.note)}</p>')
    parts += ["<h2>Choices that differ</h2>", _choices(runs), "<h2>Figures</h2>", _figures(runs, FIGURES)]
    if shifts := _shifts(runs):
        parts += ["<h3>Accuracy when pictures are different</h3>", _figures(runs, shifts)]
    if len(found.answers[0]):
        parts += ["<h2>Confusions</h2>", confusions(found)]
    parts += ["<h2>Training</h2>", chart_tag(comparison_curves(runs), "losses and accuracy per epoch")]
    if len(found.answers[0]):
        parts += ["<h2>Pictures on which they differ</h2>", _pictures(found, thumbnails)]
    return document("Which run is better?", "\n".join(parts), STYLE)


def _verdicts(found: Comparison) -> list[str]:
    lines = []
    for other, test in zip(found.runs[1:], found.tests, strict=True):
        tone = "" if not test.beyond_chance else "passed" if test.difference > 0 else "warning"
        told, why = (escape(say(found.runs[0].name, other.name, test)) for say in (verdict, evidence))
        lines.append(f'<p class="verdict {tone}">{told}<span>{why}</span></p>')
    how = "McNemar's exact test on the same pictures; the interval is a paired bootstrap."
    if len(found.tests) > 1:
        how += " Each test stands alone: among twenty of equal classifiers, one is below 0.05 by chance."
    return [*lines, f"<p class=how>{how}</p>"]


def _choices(runs: Sequence[Results]) -> str:
    rows = [
        f"<tr><th>{escape(name)}</th>{''.join(f'<td>{escape(value) or NOTHING}</td>' for value in values)}</tr>"
        for name, values in differing_choices(runs)
    ]
    identities = "".join(f"<td><small>{escape(run.run[:8] or 'the checkout')}</small></td>" for run in runs)
    rows.append(f"<tr><th>run</th>{identities}</tr>")
    return html_table(("", *(run.name for run in runs)), rows, "plain")


def _figures(runs: Sequence[Results], names: Mapping[str, str]) -> str:
    rows = [
        f"<tr><th>{escape(text)}</th>{''.join(_figure(run.metrics, name) for run in runs)}</tr>"
        for name, text in names.items()
    ]
    return html_table(("", *(run.name for run in runs)), rows, "plain")


def _shifts(runs: Sequence[Results]) -> dict[str, str]:
    names = dict.fromkeys(name for run in runs for name in run.metrics if name.startswith(SHIFT))
    return {name: in_words(name.removeprefix(SHIFT)) for name in names}


def _figure(metrics: Mapping[str, float], name: str) -> str:
    if name not in metrics:
        return f"<td>{NOTHING}</td>"
    value = metrics[name]
    if name == PICTURES:
        return f"<td>{value:.0f}</td>"
    interval = (metrics[f"{name}_low"], metrics[f"{name}_high"]) if f"{name}_low" in metrics else None
    if name not in IN_UNITS:
        return share_cell(value, interval)
    between = f"<small>{number(interval[0])} to {number(interval[1])}</small>" if interval else ""
    return f"<td>{number(value)} {between}</td>"


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


STYLE = (
    PARTS_STYLE
    + CONFUSIONS_STYLE
    + """\
.verdict + .verdict { margin-top: .5rem; }
.verdict:not(.passed, .warning) { color: inherit; border-left-color: var(--soft); }
.verdict span { display: block; font-weight: 400; color: var(--text); }
.how { color: var(--soft); font-size: .85rem; }
h4 { font-size: .85rem; font-weight: 400; color: var(--soft); margin: .75rem 0 .35rem; }
.better { color: var(--blue); } .worse { color: var(--orange); }
:root { --blue: #1f5a94; --orange: #a85a10; }
@media (prefers-color-scheme: dark) { :root { --blue: #86b9ec; --orange: #f0a75a; } }
.chart { width: 58rem; }
.plain thead th, .pictures thead th { white-space: normal; overflow-wrap: normal; color: inherit; font-weight: 600; }
.plain tbody th { overflow-wrap: normal; min-width: 6.5rem; } .plain td:last-child { white-space: normal; }
.plain small { display: inline-block; }
.pictures img { min-width: 4rem; max-height: 4rem; object-fit: contain; }
.pictures td:last-child { white-space: normal; }
"""
)
