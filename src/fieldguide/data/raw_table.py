"""The raw table of what a data source gave."""

from collections.abc import Callable, Sequence
from pathlib import Path

import pandas as pd

from fieldguide.data.field_data import FieldData
from fieldguide.data.moments import offset_text, on_clock
from fieldguide.data.sources.row import RawRow
from fieldguide.data.table import RAW, UTC_OFFSET


def raw_table(rows: Sequence[RawRow], name: Callable[[Path], str] = str) -> pd.DataFrame:
    """The columns of `RAW`, and behind them the data set's own; `name` says how a file is named in it."""
    cells = [{**vars(row), **_known(row.known), "file": name(row.file) if row.file else ""} for row in rows]
    known = {column for row in cells for column in row}
    further = sorted({column for row in rows for column in row.known.further} | ({UTC_OFFSET} & known))
    return pd.DataFrame(cells, columns=[*RAW.names, *further])


def _known(known: FieldData) -> dict[str, object]:
    """The cells of what is known; the time by the clock, and its offset beside it where that is known."""
    if known.time is None or (offset := offset_text(known.time)) is None:
        return {**vars(known), **known.further}
    return {**vars(known), **known.further, "time": on_clock(known.time), UTC_OFFSET: offset}
