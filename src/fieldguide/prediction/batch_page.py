"""The page about a batch of new pictures: has it shifted, in what, and which pictures show that."""

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

import pandas as pd

from fieldguide.evaluation.page import STYLE as EVALUATION_STYLE
from fieldguide.evaluation.page import gallery
from fieldguide.pages.document import document
from fieldguide.pages.figures import Shown
from fieldguide.pages.parts import html_table, percent, share_cell
from fieldguide.statistics.two_sample import ALPHA, FEATURES, Shift, TwoSample


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


def batch_page(found: BatchFindings, typical: Sequence[Shown], flagged: Sequence[tuple[str, Sequence[Shown]]]) -> str:
    """The page as HTML, self-contained; every text is escaped, since file names come from strangers.

    `typical` are the pictures that are most like the batch and least like those known, `flagged` the alarms by reason.
    """
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
        f"<h2>The pictures {'that show it best' if found.shift.shifted else 'least like those known'}</h2>",
        gallery(typical),
        "<h2>Out of domain</h2>" if flagged else "",
        *(f"<h3>{escape(reason)}</h3>{gallery(pictures)}" for reason, pictures in flagged),
    ]
    return document(f"Does {found.name} belong?", "\n".join(parts), EVALUATION_STYLE + STYLE)


def _tests(tests: Sequence[TwoSample]) -> str:
    rows = []
    for test in tests:
        name = "what they show (features)" if test.name == FEATURES else test.name
        medians = ["" if value is None else f"{value:.3g}" for value in (test.before, test.after)]
        cells = "".join(f"<td>{value}</td>" for value in (*medians, f"{test.p_value:.2g}"))
        effect = f'<td class="share" style="--share: {100 * test.effect:.1f}%">{test.effect:.2f}</td>'
        tone = "warning" if test.shifted else ""
        rows.append(f'<tr class="{tone}"><th>{escape(name)}</th>{effect}{cells}</tr>')
    return html_table(("", "effect", "usual", "here", "p"), rows, "tests")


def _mix(mix: pd.DataFrame) -> str:
    rows = [
        f"<tr><th>{escape(row['label'])}</th>{share_cell(row['reference'])}{share_cell(row['batch'])}"
        f"<td>{100 * (row['batch'] - row['reference']):+.1f}</td></tr>"
        for row in mix.to_dict("records")
    ]
    return html_table(("prediction", "usual", "here", "points"), rows)


STYLE = """\
dl small { white-space: normal; }
tr.warning th { color: var(--warning); }
.tests td, .tests th { overflow-wrap: normal; }
.tests td { white-space: nowrap; }
.tests .share { min-width: 3.2rem; }
@media (max-width: 40rem) { .tests table { font-size: .8rem; } .tests th, .tests td { padding: .3rem; } }
"""
