"""The words that the limits and findings of checks share."""

import math
import re
from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from fieldguide.base.shares import significant

BETWEEN, NOT_IN_SET = "expect_column_values_to_be_between", "expect_column_values_to_not_be_in_set"
NULL, NOT_NULL = "expect_column_values_to_be_null", "expect_column_values_to_not_be_null"
ROW_COUNT = "expect_table_row_count_to_be_between"
WHOLE = re.compile(r"expect_(?:column|table)_(?!values_|value_|pair_values_)(\w+?)_to_")  # about no single row
KNOWN = {"column", "value_set", "min_value", "max_value", "mostly"}  # arguments that a line can tell
ROWS = {"pictures": "picture", "labels": "label", "splits": "split"}  # of a table, and one of them
PROBLEMS = {
    "alarm": "an out-of-domain alarm",
    "doubt": "a doubt about the label",
    "twin": "a near duplicate under another label",
    "quality": "a quality problem",
}  # columns that hold nothing where all is well
COLUMNS = {
    "p_value": "p-value",
    "short_side": "shorter side",
    "alarm_rate_low": "alarm rate (lower bound)",
    "doubt_share_low": "share in doubt (lower bound)",
}
COUNTED = {"pictures", "groups"}  # columns that hold how many
STATUS = "status"
STATUSES = {"no_box": "without a box", "duplicate": "present twice", "conflict": "under two labels"}


def column_in_words(column: str) -> str:
    """The name of a column, for people."""
    return COLUMNS.get(column, column.replace("_", " "))


def problem_in_words(column: str) -> str:
    """What a row has whose column is not empty."""
    return PROBLEMS.get(column, column_in_words(column))


def statuses_in_words(values: Sequence[Any]) -> str:
    """`unreadable, damaged or not a picture`."""
    *others, last = [STATUSES.get(value, str(value).replace("_", " ")) for value in values]
    return f"{', '.join(others)} or {last}" if others else last


def subject_in_words(kind: str, kwargs: Mapping[str, Any]) -> str:
    """What an expectation about a whole column or table looks at, `mean of brightness`; "" for those about rows."""
    found = WHOLE.match(kind)
    if not found:
        return ""
    subject = found[1].replace("_", " ")
    return f"{subject} of {column_in_words(str(kwargs['column']))}" if "column" in kwargs else subject


def in_words(value: Any) -> str:
    """A value as text: numbers with at most four significant digits behind the point, nothing for a missing one."""
    if isinstance(value, float):
        if math.isnan(value):
            return ""
        return f"{value:.0f}" if abs(value) >= 1000 else significant(value, 4)
    return "" if value is None or value is pd.NA else str(value)
