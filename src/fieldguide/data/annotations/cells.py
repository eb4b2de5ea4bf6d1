"""Tables of any format as texts: CSV and its kin, JSON records, Parquet, Excel."""

import csv
import io
import json
import re
import zipfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fieldguide.base.csv_cells import from_cell
from fieldguide.base.errors import UserError, first_line
from fieldguide.base.packs import open_file
from fieldguide.data.annotations.annotation import PICTURE, NotAnnotations

LARGEST_BOOK = 4 * 10**9  # bytes
DELIMITERS = ",;\t|"
OTHER = "label"  # the column beside that of files, where two have no names
FEW = 4  # rows, of which each may have a label of its own
LOOKED_AT = 1000  # lines
PARQUET, ZIP, OLD_EXCEL = b"PAR1", b"PK\x03\x04", b"\xd0\xcf\x11\xe0"
BOMS = {b"\xef\xbb\xbf": "utf-8-sig", b"\xff\xfe": "utf-16", b"\xfe\xff": "utf-16"}


@dataclass(frozen=True)
class Table:
    """A table as texts, "" where a cell is empty; rows are as long as the header. `note` says how it was read."""

    header: list[str]
    rows: list[list[str]]
    note: str = ""

    def column(self, name: str) -> list[str]:
        """The cells of a column, which must be there."""
        place = self.header.index(name)
        return [row[place] for row in self.rows]


def read_cells(file: Path) -> Table:
    """Read a table, of whatever format its content is.

    Raises
    ------
    NotAnnotations
        If it is none. UserError if it is damaged, or needs a library that is not installed.
    """
    with open_file(file) as start:
        first = start.read(8)
    if first.startswith(PARQUET):
        return _parquet(file)
    if first.startswith(ZIP):
        return _excel(file)
    if first.startswith(OLD_EXCEL):
        raise UserError(f"{file.name} is an old Excel file: save it as .xlsx or CSV")
    text, note = _text(file)
    if text.lstrip()[:1] in ("{", "["):
        return _json(file, text)
    return _csv(file, text, note)


def from_records(records: Iterable[Any], name: str) -> Table:
    """A table of mappings, whose keys become columns in the order of their first appearance."""
    rows = list(records)
    if not rows or not all(isinstance(row, dict) for row in rows):
        raise NotAnnotations(f"{name} is not a table: each of its entries must be a JSON object")
    header = list(dict.fromkeys(str(key) for row in rows for key in row))
    return Table(header, [[as_text(row.get(key)) for key in header] for row in rows])


def names_of(first: Sequence[str]) -> list[str] | None:
    """Names for the columns of a table whose first line is a picture's already; None if that line holds the names."""
    files = [bool(PICTURE.fullmatch(cell)) for cell in first]
    if not any(files):
        return None
    if len(first) == 2 and sum(files) == 1:
        return ["file" if is_file else OTHER for is_file in files]
    return [f"column {number}" for number in range(1, len(first) + 1)]


def as_text(value: Any) -> str:
    """A value as a table's cell holds it: nothing for null, JSON for lists and mappings."""
    if value is None or value != value:  # NaN
        return ""
    if isinstance(value, bool):
        return str(value)
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    if isinstance(value, list | tuple | dict):
        return json.dumps(value, ensure_ascii=False, default=str)
    return str(value).strip()


def _text(file: Path) -> tuple[str, str]:
    with open_file(file) as stream:
        content = stream.read()
    encoding = next((name for bom, name in BOMS.items() if content.startswith(bom)), "")
    if not encoding and content[:2000].count(0) > len(content[:2000]) / 4:
        encoding = "utf-16-le" if content[1:2] == b"\0" else "utf-16-be"
    try:
        text, note = content.decode(encoding or "utf-8"), ""
    except UnicodeError as error:
        if encoding:
            raise UserError(f"{file.name} cannot be read as {encoding}: {error}: save it as UTF-8") from None
        text, note = content.decode("cp1252", "replace"), "it is not UTF-8, and was read as Windows-1252"
    if "\0" in text:
        raise NotAnnotations(f"{file.name} is not a table: it is not text")
    return text, note


def _csv(file: Path, text: str, note: str) -> Table:
    first = next((line for line in text.splitlines() if line.strip()), "")
    bare = re.sub(r'"[^"]*"', "", first)
    delimiter = max(DELIMITERS, key=bare.count)
    if not bare.count(delimiter) and (spaced := _spaced(text)):
        text, delimiter = spaced, " "
    csv.field_size_limit(10_000_000)
    try:
        lines = [
            line for line in csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True) if any(line)
        ]
    except csv.Error as error:
        raise UserError(f"{file.name} cannot be read as a CSV file: {error}") from None
    if not lines:
        raise NotAnnotations(f"{file.name} is empty")
    rows = [[from_cell(cell.strip()) for cell in line] for line in lines]
    header = names_of(rows[0])
    if header is None:
        header = rows.pop(0)
    else:
        if OTHER in header and len({row[header.index(OTHER)] for row in rows if len(row) > 1}) == len(rows) > FEW:
            header = ["number" if name == OTHER else name for name in header]  # each has its own: no label
        note = "; ".join(filter(None, (note, f"no line of names: its columns are taken for {', '.join(header)}")))
    if long := [place for place, row in enumerate(rows, 2) if any(row[len(header) :])]:
        raise UserError(
            f"{file.name}: row {long[0]} has more cells than the first line: one that holds {delimiter!r} needs quotes"
        )
    width = len(header)
    return _checked(file, Table(header, [(row + [""] * width)[:width] for row in rows], note))


def _spaced(text: str) -> str:
    """A list whose cells stand between spaces, most with a picture in a line, with one space each; "" if it is none.

    A number in its first line, of how many follow, is left away.
    """
    lines = [line.split() for line in text.splitlines() if line.strip()]
    if lines and len(lines[0]) == 1 and lines[0][0].isdecimal():
        lines = lines[1:]
    some = lines[:LOOKED_AT]
    pictures = sum(any(map(PICTURE.fullmatch, cells)) for cells in some)
    if not some or len(some[0]) < 2 or len({*map(len, some)}) > 1 or pictures < len(some) - 1:
        return ""
    return "\n".join(" ".join(cells) for cells in lines)


def _json(file: Path, text: str) -> Table:
    try:
        if text.lstrip().startswith("["):
            return _checked(file, from_records(json.loads(text), file.name))
        return _checked(file, from_records(map(json.loads, filter(str.strip, text.splitlines())), file.name))
    except (ValueError, RecursionError) as error:
        raise NotAnnotations(f"{file.name} is neither JSON lines nor another known format ({error})") from None


def _parquet(file: Path) -> Table:
    import pyarrow.parquet as pq  # only here: most tables are CSV

    from fieldguide.data.table import DAMAGED

    try:
        with open_file(file) as stream, pq.ParquetFile(stream) as table:
            columns = [one.name for one in table.schema_arrow if "binary" not in str(one.type)]  # others hold pictures
            return _checked(file, from_records(table.read(columns).to_pylist(), file.name))
    except DAMAGED as error:
        raise UserError(f"{file.name} cannot be read as Parquet: {first_line(error)}") from None


def _excel(file: Path) -> Table:
    try:
        import openpyxl
    except ModuleNotFoundError:
        raise UserError(f"{file.name} is an Excel file: `pip install 'fieldguide[excel]'`, or save it as CSV") from None
    try:
        with open_file(file) as stream:
            with zipfile.ZipFile(stream) as archive:
                if sum(part.file_size for part in archive.infolist()) > LARGEST_BOOK:
                    raise UserError(f"{file.name} unpacks to more than {LARGEST_BOOK // 10**9} GB: save it as CSV")
            book = openpyxl.load_workbook(stream, read_only=True, data_only=True)
            lines = [[as_text(value) for value in row] for row in book.worksheets[0].iter_rows(values_only=True)]
            sheets = len(book.worksheets)
            book.close()
    except UserError:
        raise
    except Exception as error:  # a zip of something else, a damaged one: openpyxl raises what its parsers raise
        raise NotAnnotations(f"{file.name} cannot be read as an Excel file: {error}") from None
    lines = [line for line in lines if any(line)]
    if not lines:
        raise NotAnnotations(f"{file.name} is empty")
    note = f"the first of its {sheets} sheets was read" if sheets > 1 else ""
    return _checked(file, Table(lines[0], lines[1:], note))


def _checked(file: Path, table: Table) -> Table:
    names = [name for name in table.header if name]
    if twice := next((name for name in names if names.count(name) > 1), ""):
        raise UserError(f"{file.name} has {names.count(twice)} columns {twice!r}: rename one")
    return table
