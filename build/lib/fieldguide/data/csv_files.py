"""Tables as CSV files, written for people's spreadsheets and read back with types that are stated, never guessed."""

import csv
from collections.abc import Mapping
from pathlib import Path

import pandas as pd

from fieldguide.base.csv_cells import csv_line, from_cell
from fieldguide.base.errors import UserError
from fieldguide.base.files import write_text

Type = type[str] | type[int] | type[float]


def write_csv(path: Path, frame: pd.DataFrame, digits: str = "") -> None:
    """Write a table without its index, atomically; see `csv_text`."""
    write_text(path, csv_text(frame, digits))


def csv_text(frame: pd.DataFrame, digits: str = "") -> str:
    """A table as CSV: texts that a spreadsheet would run are made harmless, missing values are empty.

    Parameters
    ----------
    digits
        How floats are written, as `format` takes it (".4f"); "" for all their digits.
    """
    rows = frame.astype(object).where(frame.notna(), None).itertuples(index=False, name=None)
    return "".join([csv_line(list(frame.columns)), *(csv_line(row, digits) for row in rows)])


def read_csv(path: Path, types: Mapping[str, Type] | None = None, others: Type = str) -> pd.DataFrame:
    """Read a table that `write_csv` wrote; every text comes back as it went in, whatever it looks like.

    Parameters
    ----------
    types
        What columns hold, by name, as far as they are there. An empty cell of floats is NaN.
    others
        What all other columns hold.

    Raises
    ------
    UserError
        If it is not such a table. FileNotFoundError if there is no file.
    """
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            header, *rows = [[from_cell(cell) for cell in line] for line in csv.reader(file, strict=True) if line]
        columns = [
            pd.Series([_value(row[place], kind) for row in rows], dtype=kind, name=name)
            for place, name in enumerate(header)
            for kind in [(types or {}).get(name, others)]
        ]
    except (csv.Error, ValueError, IndexError, OverflowError) as error:
        raise UserError(f"{path} is not the table that it should be ({error}): write it again, or fix it") from None
    return pd.concat(columns, axis=1)


def _value(text: str, kind: Type) -> str | float:
    return float("nan") if kind is float and not text else kind(text)
