"""Data Docs: what the checks found, as one page that needs no network and is the same for the same findings.

The pages that Great Expectations makes load their styles from the network and hold random ids and times.
"""

from collections.abc import Mapping, Sequence
from html import escape
from pathlib import Path

import pandas as pd

from fieldguide.base.files import replace_folder, write_text
from fieldguide.checks.expectations import CheckResult, in_words

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
    return PAGE.format(
        title=escape(title),
        style=STYLE,
        tone=tone,
        verdict=escape(verdict),
        facts="\n".join(
            f"<div><dt>{escape(name)}</dt><dd>{escape(in_words(value))}</dd></div>" for name, value in facts.items()
        ),
        overview=_overview(overview),
        checks="\n".join(_check(result) for result in ordered),
    )


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


PAGE = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<title>{title}</title>
<style>
{style}</style>
</head>
<body>
<h1>{title}</h1>
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
</ul>
</body>
</html>
"""

STYLE = """\
:root { --back: #f6f7f5; --card: #fff; --text: #1d2420; --soft: #5b655f; --line: #dde2de; --bar: #cfe0d5;
  --error: #b3261e; --warning: #8a5a00; --passed: #1e6b3c; }
@media (prefers-color-scheme: dark) {
  :root { --back: #151917; --card: #1e2421; --text: #e6ebe7; --soft: #9da8a1; --line: #323a35;
    --bar: #2f4a3a; --error: #ff8f85; --warning: #f0b95a; --passed: #7fd19f; } }
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 64rem; padding: 2rem 1.25rem 4rem; overflow-wrap: anywhere;
  background: var(--back); color: var(--text); font: 1rem/1.5 system-ui, sans-serif;
  font-variant-numeric: tabular-nums; }
h1 { font-size: 1.6rem; line-height: 1.2; margin: 0 0 1rem; }
h2 { font-size: 1.15rem; margin: 2rem 0 .75rem; }
.error { --tone: var(--error); } .warning { --tone: var(--warning); } .passed { --tone: var(--passed); }
.verdict, dl div, .overview, li { background: var(--card); border: 1px solid var(--line); border-radius: .5rem; }
.verdict { margin: 0; padding: .75rem 1rem; border-left: .3rem solid; color: var(--tone); font-weight: 600; }
dl { display: grid; grid-template-columns: repeat(auto-fit, minmax(7.5rem, 1fr)); gap: .75rem; }
dl div { padding: .6rem .9rem; }
dt { color: var(--soft); font-size: .85rem; }
dd { margin: 0; font-size: 1.4rem; font-weight: 600; }
.overview, .rows { overflow: auto; }
.rows { max-height: 14rem; border-top: 1px solid var(--line); }
table { border-collapse: collapse; width: 100%; font-size: .9rem; }
th, td { padding: .3rem .9rem; text-align: left; border-top: 1px solid var(--line); }
tr:first-child > * { border-top: 0; }
thead th { color: var(--soft); font-size: .85rem; font-weight: inherit; white-space: nowrap; }
tbody { border-top: 1px solid var(--line); }
td:last-child { white-space: nowrap; }
.rows td:last-child { text-align: right; }
tbody th { min-width: 5.5rem; }
.share { background: linear-gradient(var(--bar), var(--bar)) left / var(--share) 100% no-repeat; min-width: 4.5rem; }
ul { list-style: none; margin: 0; padding: 0; display: grid; gap: .5rem; }
li { min-width: 0; }
.head { display: grid; grid-template-columns: 5.5rem minmax(0, 1fr) auto; gap: 0 .9rem; padding: .6rem .9rem; }
summary { cursor: pointer; }
summary b::after { content: " \\25b8"; color: var(--soft); }
[open] summary b::after { content: " \\25be"; }
.badge { color: var(--tone); border: 1px solid; border-radius: 1rem; font-size: .8rem; line-height: 1.4rem;
  height: 1.5rem; text-align: center; }
.limit { grid-column: 2 / -1; color: var(--soft); font-size: .9rem; }
@media (max-width: 40rem) {
  .head { grid-template-columns: 4.2rem minmax(0, 1fr); } .observed { grid-column: 2; }
  th, td { padding: .3rem .5rem; } .badge { font-size: .75rem; } }
"""
