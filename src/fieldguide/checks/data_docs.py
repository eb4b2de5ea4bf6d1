"""Data Docs: what the checks found, as one page that needs no network and is the same for the same findings.

The pages that Great Expectations makes load their styles from the network and hold random ids and times.
"""

from collections.abc import Mapping, Sequence
from html import escape
from pathlib import Path

import pandas as pd

from fieldguide.base.files import replace_folder, write_text
from fieldguide.checks.expectations import CheckResult, in_words
from fieldguide.report.page import document

SHOWN_OFFENDERS = 50


def write_data_docs(
    folder: Path,
    title: str,
    facts: Mapping[str, int | float | str],
    overview: pd.DataFrame,
    results: Sequence[CheckResult],
) -> None:
    """Replace `folder` by the pages about `results`, beginning with index.html.

    Parameters
    ----------
    folder
        Takes the place of an older one as a whole.
    title, facts
        The heading, and a few figures that are shown large below it.
    overview
        A small table with a named index; shown whole, its columns between 0 and 1 as bars.
    results
        Shown with the failed ones first; of many offending rows the first `SHOWN_OFFENDERS`, with the count.
    """
    with replace_folder(folder) as partial:
        write_text(partial / "index.html", render_page(title, facts, overview, results))


def render_page(
    title: str,
    facts: Mapping[str, int | float | str],
    overview: pd.DataFrame,
    results: Sequence[CheckResult],
) -> str:
    """The page as HTML; see `write_data_docs`.

    Every text is escaped: names of files and labels come from strangers.
    """
    verdict, tone = _verdict(results)
    ordered = sorted(results, key=_urgency)
    body = BODY.format(
        tone=tone,
        verdict=escape(verdict),
        facts="\n".join(
            f"<div><dt>{escape(name)}</dt><dd>{escape(in_words(value))}</dd></div>" for name, value in facts.items()
        ),
        overview=_overview(overview),
        checks="\n".join(_check(result) for result in ordered),
    )
    return document(title, body, STYLE)


def _verdict(results: Sequence[CheckResult]) -> tuple[str, str]:
    failed = [result.severity for result in results if not result.success]
    errors, warnings = failed.count("error"), failed.count("warning")
    if errors:
        return f"Stopped: {errors} of {len(results)} checks failed as errors, {warnings} as warnings", "error"
    if warnings:
        return f"Passed, with warnings from {warnings} of {len(results)} checks", "warning"
    return f"Passed all {len(results)} checks", "passed"


def _state(result: CheckResult) -> str:
    return "passed" if result.success else result.severity


def _urgency(result: CheckResult) -> tuple[int, bool]:
    return ("error", "warning", "passed").index(_state(result)), not result.offenders


def _check(result: CheckResult) -> str:
    state = _state(result)
    head = (
        f'<span class="badge {state}">{state}</span><b>{escape(result.name)}</b>'
        f'<span class="observed">{escape(result.observed)}</span>'
        f'<span class="limit">{escape(result.limit)}</span>'
    )
    if not result.offenders:
        return f'<li><div class="head">{head}</div></li>'
    rows = "\n".join(
        f"<tr><td>{escape(offender.row)}</td><td>{escape(offender.value)}</td></tr>"
        for offender in result.offenders[:SHOWN_OFFENDERS]
    )
    hidden = len(result.offenders) - SHOWN_OFFENDERS
    more = f"<tr><td>and {hidden} more</td><td></td></tr>" if hidden > 0 else ""
    opened = "" if result.success else " open"
    return (
        f'<li><details{opened}><summary class="head">{head}</summary>'
        f'<div class="rows"><table>{rows}{more}</table></div></details></li>'
    )


def _overview(frame: pd.DataFrame) -> str:
    heads = "".join(f"<th>{escape(str(name))}</th>" for name in [frame.index.name, *frame.columns])
    shares = [bool(frame[column].dtype.kind == "f" and frame[column].between(0, 1).all()) for column in frame]
    rows = "\n".join(
        f"<tr><th>{escape(str(row[0]))}</th>"
        + "".join(_cell(value, share) for value, share in zip(row[1:], shares, strict=True))
        + "</tr>"
        for row in frame.itertuples(name=None)
    )
    return f"<thead><tr>{heads}</tr></thead>\n<tbody>{rows}</tbody>"


def _cell(value: float | int | str, share: bool) -> str:
    if share:
        percent = f"{100 * float(value):.1f}"
        return f'<td class="share" style="--share: {percent}%">{percent} %</td>'
    return f"<td>{escape(in_words(value))}</td>"


BODY = """\
<p class="verdict {tone}">{verdict}</p>
<dl>
{facts}
</dl>
<div class="overview"><table>
{overview}
</table></div>
<h2>Checks</h2>
<ul>
{checks}
</ul>"""

STYLE = """\
.rows { overflow: auto; max-height: 14rem; border-top: 1px solid var(--line); }
.rows td:last-child { text-align: right; }
.head { display: grid; grid-template-columns: 5.5rem minmax(0, 1fr) auto; gap: 0 .9rem; padding: .6rem .9rem; }
summary { cursor: pointer; }
summary b::after { content: " \\25b8"; color: var(--soft); }
[open] summary b::after { content: " \\25be"; }
.badge { color: var(--tone); border: 1px solid; border-radius: 1rem; font-size: .8rem; line-height: 1.4rem;
  height: 1.5rem; text-align: center; }
.limit { grid-column: 2 / -1; color: var(--soft); font-size: .9rem; }
@media (max-width: 40rem) {
  .head { grid-template-columns: 4.2rem minmax(0, 1fr); } .observed { grid-column: 2; }
  .badge { font-size: .75rem; } }
"""
