"""The page about a batch of new pictures: has it shifted, in what, and which pictures show that."""

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

import pandas as pd

from fieldguide.checks.shift import ALPHA, FEATURES, Shift, TwoSample
from fieldguide.evaluation.figures import Shown
from fieldguide.report.page import document
from fieldguide.report.page_parts import STYLE as PARTS_STYLE
from fieldguide.report.page_parts import html_table, image_tag, percent, share_cell


@dataclass(frozen=True)
class BatchFindings:
    """All that screening found in a batch."""

    name: str
    pictures: int
    unread: int
    alarms: int
    alarm_rate: float  # the share of alarms that was promised on pictures like those known
    reference: int  # pictures that it was compared with
    shift: Shift
    mix: pd.DataFrame  # label, reference, batch: shares of the predictions
    typical: Sequence[Shown]
    flagged: Sequence[tuple[str, Sequence[Shown]]]  # by reason


def verdict(found: BatchFindings) -> str:
    """One sentence: whether the batch has shifted, and in what most."""
    if not found.shift.shifted:
        return f"Not shifted: nothing in which these {found.pictures} pictures differ from those known beyond chance"
    most = next(test for test in found.shift.tests if test.shifted)
    return f"Shifted: {describe(most)}"


def describe(test: TwoSample) -> str:
    """What a test found, in words: the size first, then how far chance explains it."""
    chance = f"p {test.p_value:.2g}"
    if test.before is None or test.after is None:
        return f"what they show tells them apart from those known (effect {test.effect:.2f}, {chance})"
    way = "higher" if test.after > test.before else "lower"
    return (
        f"{test.name} is {way}, {test.after:.3g} where {test.before:.3g} was usual (effect {test.effect:.2f}, {chance})"
    )


def batch_page(found: BatchFindings) -> str:
    """The page as HTML, self-contained; every text is escaped, since file names come from strangers."""
    tone = "warning" if found.shift.shifted else "passed"
    facts = [
        ("pictures", str(found.pictures), f"{found.unread} could not be read"),
        ("out of domain", percent(found.alarms / max(found.pictures, 1)), f"{found.alarms} pictures"),
        ("promised", percent(found.alarm_rate), "false alarms on known kinds"),
        ("compared with", str(found.reference), "pictures of the valid split"),
    ]
    cells = [f"<div><dt>{name}</dt><dd>{value}</dd><small>{more}</small></div>" for name, value, more in facts]
    parts = [
        f'<p class="verdict {tone}">{escape(verdict(found))}</p>',
        f"<dl>{''.join(cells)}</dl>",
        "<h2>In what it differs</h2>",
        "<p>Effect: 0 is alike, 1 is nothing in common. The p-values are corrected for the number of tests; a test "
        f"counts below {ALPHA}.</p>",
        _tests(found.shift.tests),
        "<h2>How the class mix moved</h2>",
        _mix(found.mix),
        "<h2>The pictures that show it best</h2>",
        _gallery(found.typical),
        "<h2>Out of domain</h2>" if found.flagged else "",
        *(f"<h3>{escape(reason)}</h3>{_gallery(pictures)}" for reason, pictures in found.flagged),
    ]
    return document(f"Does {found.name} belong?", "\n".join(parts), PARTS_STYLE + STYLE)


def _tests(tests: Sequence[TwoSample]) -> str:
    rows = []
    for test in tests:
        name = "what they show (features)" if test.name == FEATURES else test.name
        medians = ["" if value is None else f"{value:.3g}" for value in (test.before, test.after)]
        cells = "".join(f"<td>{value}</td>" for value in (*medians, f"{test.p_value:.2g}"))
        tone = "warning" if test.shifted else ""
        rows.append(f'<tr class="{tone}"><th>{escape(name)}</th>{share_cell(test.effect)}{cells}</tr>')
    return html_table(("", "effect", "usual", "here", "p"), rows)


def _mix(mix: pd.DataFrame) -> str:
    rows = [
        f"<tr><th>{escape(row['label'])}</th>{share_cell(row['reference'])}{share_cell(row['batch'])}"
        f"<td>{100 * (row['batch'] - row['reference']):+.1f}</td></tr>"
        for row in mix.to_dict("records")
    ]
    return html_table(("prediction", "usual", "here", "points"), rows)


def _gallery(shown: Sequence[Shown]) -> str:
    figures = [
        f"<figure>{image_tag(one.picture)}<figcaption>{'<br>'.join(map(escape, one.lines))}</figcaption></figure>"
        for one in shown
    ]
    return f'<div class="gallery">{"".join(figures)}</div>'


STYLE = """\
.gallery { display: grid; grid-template-columns: repeat(auto-fill, minmax(8.5rem, 1fr)); gap: .75rem; }
figure { margin: 0; padding: .5rem; background: var(--card); border: 1px solid var(--line); border-radius: .5rem; }
figure img { width: 100%; height: 8rem; object-fit: contain; }
figcaption { font-size: .8rem; line-height: 1.35; margin-top: .4rem; }
tr.warning th { color: var(--warning); }
"""
