"""Lines of CSV that no spreadsheet runs: one rule for every table that people open.

A spreadsheet takes a cell that begins with `=`, `+`, `-` or `@` for a formula, whoever wrote it. Such a text gets an
apostrophe in front, which says "this is text" to a spreadsheet; reading takes it away again. Numbers stay as they are.
"""

import csv
import io
import re
from collections.abc import Sequence

from fieldguide.base.shares import written

# Beside the four: their full-width forms, which some spreadsheets take for them, and control characters, which they
# skip. Apostrophes before them count too, so that every text comes back as it went in.
RUN_BY_SPREADSHEETS = re.compile("'*[=+\\-@\uff1d\uff0b\uff0d\uff20\x00-\x1f\x7f-\x9f]")

Cell = str | float | int | bool | None


def csv_line(cells: Sequence[Cell], digits: str = "") -> str:
    """One line with its line end; texts are made harmless, None is an empty cell.

    `digits` says how floats are written, as `format` takes it (".4f"), and none that is not becomes 0 or 1; "" is all
    their digits.
    """
    buffer = io.StringIO(newline="")
    # Up to Python 3.12 a cell with a line break is quoted only where the line end holds that character.
    csv.writer(buffer, lineterminator="\r\n").writerow([_cell(cell, digits) for cell in cells])
    return buffer.getvalue().removesuffix("\r\n") + "\n"


def as_cell(text: str) -> str:
    """A text as it is written to a cell: one that a spreadsheet would run gets an apostrophe in front."""
    return f"'{text}" if RUN_BY_SPREADSHEETS.match(text) else text


def from_cell(text: str) -> str:
    """The text that `as_cell` made this cell of."""
    return text[1:] if text.startswith("'") and RUN_BY_SPREADSHEETS.match(text) else text


def _cell(value: Cell, digits: str) -> Cell:
    if isinstance(value, str):
        return as_cell(value)
    return written(value, digits) if digits and isinstance(value, float) else value
