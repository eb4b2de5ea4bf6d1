"""What is true of most pictures of a data set: one sentence about the set, where a flag on each would say nothing.

A flag is for pictures that differ from the rest.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

import pandas as pd

from fieldguide.base.config import Expectation
from fieldguide.checks.expectations import CheckResult, Offender, check_tables
from fieldguide.checks.words import in_words
from fieldguide.data.table import MEASUREMENTS, QUALITY, QUALITY_ISSUES

LEAST = 10  # pictures: fewer have no rest to differ from
MOST = 0.5  # a limit that more of the pictures are beyond says what the set is like
FEW = 0.1  # at most so many others differ from the rest; more of them are another part of the set
MEASURED = (*MEASUREMENTS, *(field.name for field in QUALITY))
BELOW, ABOVE = "below", "above"
SIDES = {"min_value": BELOW, "max_value": ABOVE}
BLACK_AND_WHITE, DARK, BRIGHT, BLURRED = "black and white, or nearly so", "dark", "very bright", "blurred"
WORDS = {
    ("saturation", BELOW): BLACK_AND_WHITE,
    ("saturation", ABOVE): "very colourful",
    ("brightness", BELOW): DARK,
    ("brightness", ABOVE): BRIGHT,
    ("sharpness", BELOW): BLURRED,
    ("sharpness", ABOVE): "full of hard edges",
    ("aspect_ratio", BELOW): "much taller than wide",
    ("aspect_ratio", ABOVE): "much wider than tall",
    **{(column, BELOW): "small" for column in ("short_side", "width", "height")},
    **{(column, ABOVE): "large" for column in ("short_side", "width", "height")},
}
ISSUE_WORDS = {
    "dark": DARK,
    "light": BRIGHT,
    "blurry": BLURRED,
    "grayscale": BLACK_AND_WHITE,
    "low_information": "of little detail",
    "odd_aspect_ratio": "long and narrow",
}


def check_data_set(
    tables: Mapping[str, pd.DataFrame], expectations: Mapping[str, Expectation], where: str
) -> list[CheckResult]:
    """As `check_tables`, with a sentence about the set in place of flags on most of its pictures."""
    results = check_tables(tables, expectations, where)
    return [about_the_set(result, tables[result.table], expectations[result.name]) for result in results]


def about_the_set(result: CheckResult, table: pd.DataFrame, wanted: Expectation) -> CheckResult:
    """The outcome of an expectation about a measurement of pictures, as it is unless most of them are beyond its limit.

    Where more than half are beyond the same limit, they are the rule, and no longer offend: the others do, if they are
    at most a tenth.

    Parameters
    ----------
    table
        What the expectation is about, with the offending rows' names as index.
    """
    column = wanted.kwargs.get("column")
    if wanted.table != "pictures" or column not in MEASURED:
        return result
    values = table[column].dropna()
    for words, beyond in _beyond(result, values, wanted.kwargs):
        if _are_most(int(beyond.sum()), len(values)):
            others = values[~beyond]
            differ = others if len(others) <= FEW * len(values) else others.iloc[:0]
            offenders = tuple(Offender(in_words(row), in_words(value)) for row, value in differ.items())
            note = _sentence(words, int(beyond.sum()), len(values))
            return replace(result, observed=note, note=note, offenders=offenders)
    return result


def _beyond(
    result: CheckResult, values: "pd.Series[Any]", kwargs: Mapping[str, Any]
) -> Iterator[tuple[str, "pd.Series[bool]"]]:
    """The pictures beyond each limit, with words for them; of an expectation without limits those that offend."""
    column, name = kwargs["column"], kwargs["column"].replace("_", " ")
    limits = {side: kwargs[key] for key, side in SIDES.items() if kwargs.get(key) is not None}
    for side, limit in limits.items():
        where = f"{name} {side} {in_words(limit)}"
        words = WORDS.get((column, side))
        yield f"{words} ({where})" if words else f"of {where}", values < limit if side == BELOW else values > limit
    if not limits:
        offending = {offender.row for offender in result.offenders}
        yield f"outside the limit of {name}", values.index.to_series().map(in_words).isin(offending)


def usual_issues(screened: pd.DataFrame) -> dict[str, int]:
    """The quality issues of most pictures of data/screen.parquet, and of how many."""
    counts = {issue: int(screened[f"is_{issue}_issue"].sum()) for issue in QUALITY_ISSUES}
    return {issue: count for issue, count in counts.items() if _are_most(count, len(screened))}


def issue_notes(screened: pd.DataFrame, said: Sequence[str] = ()) -> list[str]:
    """A sentence for each of `usual_issues`, but for those whose words are in a sentence that was said before."""
    return [
        _sentence(ISSUE_WORDS[issue], count, len(screened))
        for issue, count in usual_issues(screened).items()
        if not any(ISSUE_WORDS[issue] in before for before in said)
    ]


def _are_most(count: int, pictures: int) -> bool:
    return pictures >= LEAST and count > MOST * pictures


def _sentence(words: str, count: int, pictures: int) -> str:
    """`297 of 300 pictures are dark`."""
    return f"{count} of {pictures} pictures are {words}"
