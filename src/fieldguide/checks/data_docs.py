"""Data Docs: what the checks found, as one page that needs no network and is the same for the same findings.

The pages that Great Expectations makes load their styles from the network and hold random ids and times.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path

import pandas as pd

from fieldguide.base.files import replace_folder, write_text
from fieldguide.checks.expectations import CheckResult, in_words
from fieldguide.data.images import open_picture
from fieldguide.pages.document import document
from fieldguide.pages.parts import STYLE as PARTS_STYLE
from fieldguide.pages.parts import image_tag

SHOWN_OFFENDERS = 50
SHOWN_PICTURES = 12  # of a check: a page of twenty checks stays below two megabytes
THUMBNAIL = 112  # pixels of the longer side
LARGEST = 25.0  # megapixels of a cleaned picture


@dataclass(frozen=True)
class Docs:
    """What the page shows beside the checks themselves."""

    title: str
    facts: Mapping[str, int | float | str]  # a few figures, shown large below the heading
    overview: pd.DataFrame  # a small table with a named index; its columns between 0 and 1 as bars
    pictures: Mapping[str, Path]  # the files of offending rows that can be shown, by the row


def write_data_docs(folder: Path, docs: Docs, results: Sequence[CheckResult]) -> None:
    """Replace `folder` as a whole by the page about `results`, index.html."""
    with replace_folder(folder) as partial:
        write_text(partial / "index.html", render_page(docs, results))


def render_page(docs: Docs, results: Sequence[CheckResult]) -> str:
    """The page as HTML: failed checks first; of many offending rows the first `SHOWN_OFFENDERS`, with the count.

    Every text is escaped: names of files and labels come from strangers.
    """
    text, tone = verdict([result.state for result in results])
    body = BODY.format(
        tone=tone,
        verdict=escape(text),
        facts="\n".join(
            f"<div><dt>{escape(name)}</dt><dd>{escape(in_words(value))}</dd></div>"
            for name, value in docs.facts.items()
        ),
        overview=_overview(docs.overview),
        checks="\n".join(_check(result, docs.pictures) for result in sorted(results, key=_urgency)),
    )
    return document(docs.title, body, PARTS_STYLE + STYLE)


def verdict(states: Sequence[str]) -> tuple[str, str]:
    """What the states of all checks come to, and how serious that is: passed, warning or error."""
    errors, warnings = states.count("error"), states.count("warning")
    if errors:
        return f"Stopped: {errors} of {len(states)} checks failed as errors, {warnings} as warnings", "error"
    if warnings:
        return f"Passed, with warnings from {warnings} of {len(states)} checks", "warning"
    return f"Passed all {len(states)} checks", "passed"


def _urgency(result: CheckResult) -> tuple[int, bool]:
    return ("error", "warning", "passed").index(result.state), not result.offenders


def _check(result: CheckResult, pictures: Mapping[str, Path]) -> str:
    state = result.state
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
        f'{_thumbnails(result, pictures)}<div class="rows"><table>{rows}{more}</table></div></details></li>'
    )


def _thumbnails(result: CheckResult, pictures: Mapping[str, Path]) -> str:
    """The first offending pictures of which there is a file; nothing where no row is a picture."""
    shown = [offender for offender in result.offenders if offender.row in pictures][:SHOWN_PICTURES]
    figures = [
        f"<figure>{image_tag(open_picture(pictures[one.row], LARGEST), one.row, THUMBNAIL)}"
        f"<figcaption>{escape(one.row)}<br>{escape(one.value)}</figcaption></figure>"
        for one in shown
    ]
    return f'<div class="gallery">{"".join(figures)}</div>' if figures else ""


def _overview(frame: pd.DataFrame) -> str:
    names = [str(name).replace("_", " ") for name in [frame.index.name, *frame.columns]]
    heads = "".join(f"<th>{escape(name)}</th>" for name in names)
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
.gallery { display: grid; grid-template-columns: repeat(auto-fill, minmax(6.5rem, 1fr)); gap: .6rem;
  padding: .6rem .9rem; border-top: 1px solid var(--line); }
figure { margin: 0; min-width: 0; }
figure img { width: 100%; height: 5.5rem; object-fit: contain; }
figcaption { color: var(--soft); font-size: .75rem; line-height: 1.3; }
.rows { overflow: auto; max-height: 14rem; border-top: 1px solid var(--line); }
.rows td:last-child { text-align: right; white-space: normal; }
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
