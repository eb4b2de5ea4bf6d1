"""What an expectation found, as a short line: `7 of 932 pictures (0.8 %): brightness below 0.1 or above 0.95`."""

from collections.abc import Mapping
from typing import Any

from fieldguide.base.shares import percent
from fieldguide.checks.words import (
    BETWEEN,
    COUNTED,
    KNOWN,
    NOT_IN_SET,
    NOT_NULL,
    NULL,
    ROWS,
    STATUS,
    column_in_words,
    in_words,
    problem_in_words,
    statuses_in_words,
    subject_in_words,
)

ROW_COUNTS = "expect_table_row_count_"


def finding_in_words(kind: str, kwargs: Mapping[str, Any], outcome: Any, table: str) -> str:
    """What an expectation found.

    Parameters
    ----------
    kind, kwargs, table
        The expectation, its arguments, and the name of the table that it is about.
    outcome
        Of Great Expectations, with the result format COMPLETE.
    """
    result = outcome.result
    if "element_count" not in result:
        return _about_all(kind, kwargs, outcome, table)
    considered = result["element_count"] - result.get("missing_count", 0)
    count = result["unexpected_count"]
    share = f" ({percent(count / considered)})" if count else ""
    counted = f"{count} of {considered} {ROWS[table] if considered == 1 and table in ROWS else table}{share}"
    return f"{counted}{_refused(kind, kwargs)}"


def _about_all(kind: str, kwargs: Mapping[str, Any], outcome: Any, table: str) -> str:
    value = outcome.result.get("observed_value")
    if kind.startswith(ROW_COUNTS):
        return f"{value} {ROWS[table] if value == 1 and table in ROWS else table}"
    subject = subject_in_words(kind, kwargs)
    if value is None or not subject:
        lists = {what: outcome.result.get(f"partial_{what}_list") for what in ("unexpected", "missing")}
        named = [f"{what} {', '.join(map(in_words, values))}" for what, values in lists.items() if values]
        return "; ".join(named) or ("as asked" if outcome.success else "not as asked")
    values = value["values"] if isinstance(value, dict) else value if isinstance(value, list) else [value]
    return f"{subject}: {', '.join(map(in_words, values))}"


def _refused(kind: str, kwargs: Mapping[str, Any]) -> str:
    """What the rows that are not accepted are or have."""
    column = str(kwargs.get("column", ""))
    name = column_in_words(column)
    if kind == BETWEEN and set(kwargs) <= KNOWN:
        return _beyond(name, column in COUNTED, kwargs.get("min_value"), kwargs.get("max_value"))
    if kind == NOT_IN_SET and kwargs["value_set"]:
        values = statuses_in_words(kwargs["value_set"])
        return f" {values}" if column == STATUS else f": {name} {values}"
    if kind == NULL:
        return f" with {problem_in_words(column)}"
    return f": {name} missing" if kind == NOT_NULL else " not as asked"


def _beyond(name: str, is_count: bool, low: float | None, high: float | None) -> str:
    words = ("fewer than", "more than") if is_count else ("below", "above")
    sides = [f"{word} {bound:g}" for word, bound in zip(words, (low, high), strict=True) if bound is not None]
    return f" with {' or '.join(sides)} {name}" if is_count else f": {name} {' or '.join(sides)}"
