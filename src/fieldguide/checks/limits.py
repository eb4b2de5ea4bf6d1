"""What an expectation asks, as a short line: `at least 98 % of the pictures: brightness from 0.1 to 0.95`."""

from collections.abc import Mapping
from typing import Any

KNOWN = {"column", "value_set", "min_value", "max_value", "mostly"}  # arguments that a line can tell
ROWS = {"pictures": "picture", "labels": "label", "splits": "split"}  # of a table, and one of them
PROBLEMS = {
    "alarm": "out-of-domain alarm",
    "doubt": "doubt about the label",
    "twin": "near duplicate under another label",
    "quality": "quality problem",
}  # columns that hold nothing where all is well


def limit_in_words(kind: str, kwargs: Mapping[str, Any], table: str) -> str:
    """What an expectation of this kind asks of a table; "" for kinds and arguments without a line of their own."""
    if not set(kwargs) <= KNOWN or table not in ROWS:
        return ""
    low, high = kwargs.get("min_value"), kwargs.get("max_value")
    if kind == "expect_table_row_count_to_be_between":
        return f"{_between(low, high)} {table}"
    asked = _asked(kind, str(kwargs.get("column", "")).replace("_", " "), kwargs)
    share = kwargs.get("mostly", 1)
    who = f"every {ROWS[table]}" if share == 1 else f"at least {100 * share:g} % of the {table}"
    return f"{who}: {asked}" if asked else ""


def _asked(kind: str, column: str, kwargs: Mapping[str, Any]) -> str:
    if kind == "expect_column_values_to_be_between":
        return f"{column} {_between(kwargs.get('min_value'), kwargs.get('max_value'))}"
    if kind == "expect_column_values_to_not_be_in_set":
        *others, last = [str(value).replace("_", " ") for value in kwargs["value_set"]] or [""]
        return f"{column} not {', '.join(others)}{' or ' if others else ''}{last}" if last else ""
    if kind == "expect_column_values_to_be_null":
        return f"no {PROBLEMS.get(column, column)}"
    if kind == "expect_column_values_to_not_be_null":
        return f"{column} known"
    return ""


def _between(low: float | None, high: float | None) -> str:
    if low is not None and high is not None:
        return f"from {low:g} to {high:g}"
    return f"at least {low:g}" if low is not None else f"at most {high:g}"
