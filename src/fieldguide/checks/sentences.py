"""What a check found out about labels or splits, as sentences of counts."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from fieldguide.base.shares import decimal
from fieldguide.checks.words import BETWEEN, column_in_words

TABLES = ("labels", "splits")
MOST_NAMED = 30  # rows


def sentences(kind: str, kwargs: Mapping[str, Any], table: pd.DataFrame, rows: Sequence[str]) -> str:
    """A sentence for each of the first rows that an expectation does not accept; "" for kinds without one.

    Parameters
    ----------
    kind, kwargs
        The expectation, and its arguments.
    table, rows
        What it was evaluated on, by name, and the names of the rows that it does not accept.
    """
    if kind != BETWEEN or not rows:
        return ""
    column = str(kwargs["column"])
    low, high = (float(kwargs[key]) if kwargs.get(key) is not None else None for key in ("min_value", "max_value"))
    told = []
    for name in rows[:MOST_NAMED]:
        row = table.loc[name].to_dict()
        if low is not None and row[column] <= low:  # equal where the bound itself is not accepted
            told.append(_sentence(name, column, row, table, low, "are needed"))
        elif high is not None:
            told.append(_sentence(name, column, row, table, high, "are the most"))
    more = f" and {len(rows) - MOST_NAMED} more" if len(rows) > MOST_NAMED else ""
    return ", ".join(told) + more


def _sentence(name: str, column: str, row: Mapping[Any, Any], table: pd.DataFrame, bound: float, asked: str) -> str:
    too_few = asked == "are needed"
    if column == "pictures":
        return f"{name} has {_pictures(row['pictures'])}, {bound:g} {asked}"
    if column in ("balance", "share"):
        of = table["pictures"].max() if column == "balance" else table["pictures"].sum()
        count = math.ceil(bound * of - 1e-9) if too_few else math.floor(bound * of + 1e-9)
        whole = f"of {table['pictures'].idxmax()}, the most frequent" if column == "balance" else "of all labels"
        return f"{name} has {_pictures(row['pictures'])}, {count} {asked} ({bound:g} times the {of:g} {whole})"
    value = decimal(row[column]) if isinstance(row[column], float) else row[column]
    size = f" ({_pictures(row['pictures'])})" if "pictures" in row else ""
    limit = "at least" if too_few else "at most"
    return f"{name}{size}: {column_in_words(column)} {value}, {limit} {bound:g} is accepted"


def _pictures(count: float) -> str:
    return "1 picture" if count == 1 else f"{count:.0f} pictures"
