"""Data Docs: the results of the checks, as one page that needs no network; the same results give the same bytes.

The pages that Great Expectations makes load their styles from the network and hold random ids and times.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from fieldguide.base.files import replace_folder, write_text
from fieldguide.base.shares import percent
from fieldguide.checks.expectations import CheckResult
from fieldguide.checks.words import in_words
from fieldguide.data.images import open_picture
from fieldguide.pages.parts import Shown
from fieldguide.pages.render import render

SHOWN_OFFENDERS = 50
SHOWN_PICTURES = 12  # of a check: a page of twenty checks stays below two megabytes
THUMBNAIL = 112  # pixels of the longer side
MAX_MEGAPIXELS = 25.0  # of a cleaned picture
HEADS = {
    "left_out": "left out",
    "alarm_rate": "alarms",
    "alarm_rate_low": "alarms, at least",
    "doubt_share": "labels in doubt",
    "doubt_share_low": "in doubt, at least",
    "twin_share": "near duplicates",
    "quality_share": "low quality",
}  # of columns, for people; `at least`: the lower bound of the 95 % interval


@dataclass(frozen=True)
class Docs:
    """What the page shows beside the checks themselves."""

    title: str
    facts: Mapping[str, int | float | str]  # a few figures, shown large below the heading
    overview: pd.DataFrame  # a small table with a named index; its columns between 0 and 1 as bars
    pictures: Mapping[str, Path]  # the files of offending rows that can be shown, by the row
    notes: Sequence[str] = ()  # what most pictures are like, beside what the checks note


def write_data_docs(folder: Path, docs: Docs, results: Sequence[CheckResult]) -> None:
    """Replace `folder` as a whole by the page about `results`, index.html."""
    with replace_folder(folder) as partial:
        write_text(partial / "index.html", render_page(docs, results))


def render_page(docs: Docs, results: Sequence[CheckResult]) -> str:
    """The page as HTML: failed checks first; of many offending rows the first `SHOWN_OFFENDERS`, with the count."""
    text, tone = verdict([result.state for result in results])
    return render(
        "checks/data_docs.html",
        title=docs.title,
        tone=tone,
        verdict=text,
        notes=docs.notes,
        facts=[(name, in_words(value), "") for name, value in docs.facts.items()],
        columns=[HEADS.get(str(name), str(name)) for name in [docs.overview.index.name, *docs.overview.columns]],
        overview=_overview(docs.overview),
        checks=[(result, _shown(result, docs.pictures)) for result in sorted(results, key=_urgency)],
        most=SHOWN_OFFENDERS,
        side=THUMBNAIL,
    )


def verdict(states: Sequence[str]) -> tuple[str, str]:
    """The verdict on all checks, and its severity: passed, note, warning or error."""
    errors, warnings = states.count("error"), states.count("warning")
    if errors:
        return f"Stopped: {errors} of {len(states)} checks failed as errors, {warnings} as warnings", "error"
    if warnings:
        return f"Passed, with warnings from {warnings} of {len(states)} checks", "warning"
    if noted := states.count("note"):
        return f"Passed; {noted} of {len(states)} checks tell what the whole set is like", "passed"
    return f"Passed all {len(states)} checks", "passed"


def _urgency(result: CheckResult) -> tuple[int, bool]:
    return ("error", "warning", "note", "passed").index(result.state), not result.offenders


def _shown(result: CheckResult, pictures: Mapping[str, Path]) -> list[Shown]:
    """The first offending pictures of which there is a file; none where no row is a picture."""
    offenders = [offender for offender in result.offenders if offender.row in pictures][:SHOWN_PICTURES]
    return [Shown(open_picture(pictures[one.row], MAX_MEGAPIXELS), (one.row, one.value)) for one in offenders]


def _overview(frame: pd.DataFrame) -> list[tuple[str, list[tuple[str, float | None]]]]:
    """Of each row its name, and its cells: their text, and the share where the column holds shares."""
    shares = [bool(frame[column].dtype.kind == "f" and frame[column].between(0, 1).all()) for column in frame]
    return [
        (str(name), [_cell(value, share) for value, share in zip(values, shares, strict=True)])
        for name, *values in frame.itertuples(name=None)
    ]


def _cell(value: float | int | str, share: bool) -> tuple[str, float | None]:
    return (percent(float(value)), float(value)) if share else (in_words(value), None)
