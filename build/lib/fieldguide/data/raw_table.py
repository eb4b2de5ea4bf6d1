"""The raw table of what a data source gave."""

from collections.abc import Callable, Sequence
from pathlib import Path

import pandas as pd

from fieldguide.data.sources.row import RawRow
from fieldguide.data.table import RAW


def raw_table(rows: Sequence[RawRow], name: Callable[[Path], str] = str) -> pd.DataFrame:
    """The columns of `RAW`, and behind them the data set's own; `name` says how a file is named in it."""
    further = sorted({column for row in rows for column in row.known.further})
    cells = [
        {**vars(row), **vars(row.known), **row.known.further, "file": name(row.file) if row.file else ""}
        for row in rows
    ]
    return pd.DataFrame(cells, columns=[*RAW.names, *further])
