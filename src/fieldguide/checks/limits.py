"""What an expectation asks, as a short line: `at least 98 % of the pictures: brightness from 0.1 to 0.95`."""

from collections.abc import Mapping
from typing import Any

from fieldguide.checks.words import (
    BETWEEN,
    COUNTED,
    KNOWN,
    NOT_IN_SET,
    NOT_NULL,
    NULL,
    ROW_COUNT,
    ROWS,
    STATUS,
    column_in_words,
    problem_in_words,
    statuses_in_words,
    subject_in_words,
)


def limit_in_words(kind: str, kwargs: Mapping[str, Any], table: str) -> str:
    """What an expectation of this kind asks of a table; "" for kinds and arguments without a line of their own."""
    if not set(kwargs) <= KNOWN or table not in ROWS:
        return ""
    bounds = _between(kwargs.get("min_value"), kwargs.get("max_value"))
    if kind == ROW_COUNT:
        return f"{bounds} {table}"
    if subject := subject_in_words(kind, kwargs):
        return f"{subject} {bounds}" if kind.endswith("_to_be_between") else ""
    column, share = str(kwargs.get("column", "")), kwargs.get("mostly", 1)
    if unwanted := _unwanted(kind, column, kwargs):
        few = f"no {ROWS[table]}" if share == 1 else f"at most {100 * (1 - share):g} % of the {table}"
        return f"{few} {unwanted}"
    many = f"every {ROWS[table]}" if share == 1 else f"at least {100 * share:g} % of the {table}"
    wanted = _wanted(kind, column, kwargs)
    return f"{many}: {wanted}" if wanted else ""


def _unwanted(kind: str, column: str, kwargs: Mapping[str, Any]) -> str:
    """What few rows may be or have."""
    if kind == NOT_IN_SET and column == STATUS and kwargs["value_set"]:
        return statuses_in_words(kwargs["value_set"])
    return f"with {problem_in_words(column)}" if kind == NULL else ""


def _wanted(kind: str, column: str, kwargs: Mapping[str, Any]) -> str:
    """What most rows are to be or have."""
    name = column_in_words(column)
    if kind == BETWEEN:
        bounds = _between(kwargs.get("min_value"), kwargs.get("max_value"))
        return f"{bounds} {name}" if column in COUNTED else f"{name} {bounds}"
    if kind == NOT_IN_SET and kwargs["value_set"]:
        return f"{name} not {statuses_in_words(kwargs['value_set'])}"
    return f"{name} known" if kind == NOT_NULL else ""


def _between(low: float | None, high: float | None) -> str:
    if low is not None and high is not None:
        return f"from {low:g} to {high:g}"
    return f"at least {low:g}" if low is not None else f"at most {high:g}" if high is not None else ""
