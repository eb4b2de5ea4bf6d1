"""The table that `fieldguide add` writes for a data set of kind `table`: one form for whatever it was read from."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from pathlib import Path

from fieldguide.base.csv_cells import csv_line
from fieldguide.base.errors import UserError
from fieldguide.base.files import write_text
from fieldguide.data.annotations.annotation import Annotation, floats, plain_path, with_box
from fieldguide.data.annotations.cells import read_cells
from fieldguide.data.annotations.times import read_times
from fieldguide.data.field_data import FieldData

PICTURE_TABLE = "pictures.csv"
FILE, LABEL, SITE, TIME, SEQUENCE, SPLIT, LEFT_OUT = "file", "label", "site", "time", "sequence", "split", "left_out"
BOX = ("box_left", "box_top", "box_width", "box_height")
COLUMNS = (FILE, LABEL, SITE, TIME, SEQUENCE, SPLIT, *BOX, LEFT_OUT)


def write_picture_table(path: Path, rows: Sequence[Annotation]) -> None:
    """Write a row for each annotation, atomically; columns in which nothing would stand are left away."""
    further = sorted({name for row in rows for name in row.known.further})
    names = [*COLUMNS, *further]
    cells = [_cells(row, further) for row in rows]
    used = [place for place, name in enumerate(names) if name in (FILE, LABEL) or any(row[place] for row in cells)]
    lines = [names, *cells]
    write_text(path, "".join(csv_line([line[place] for place in used]) for line in lines))


def append_rows(path: Path, rows: Sequence[Mapping[str, str]]) -> None:
    """Add rows, as `row_cells` has them, to such a table; those that are there keep their cells as they are written."""
    table = read_cells(path)
    header = [*table.header, *dict.fromkeys(name for row in rows for name in row if name not in table.header)]
    old = [row + [""] * (len(header) - len(row)) for row in table.rows]
    new = [[row.get(name, "") for name in header] for row in rows]
    write_text(path, "".join(csv_line(line) for line in (header, *old, *new)))


def row_cells(row: Annotation, columns: Collection[str] = ()) -> dict[str, str]:
    """The cells of a row by their columns, but empty ones; of further columns those that `columns` names."""
    further = sorted(name for name in row.known.further if name in columns)
    named = zip((*COLUMNS, *further), _cells(row, further), strict=True)
    return {name: cell for name, cell in named if cell}


def read_picture_table(path: Path) -> list[Annotation]:
    """The rows of such a table, also after a person has edited it with a spreadsheet.

    Raises UserError if it is missing, damaged or without the columns file and label.
    """
    if not path.is_file():
        raise UserError(f"{path} is missing: `dvc pull`, or add the data set again")
    table = read_cells(path)
    if missing := [name for name in (FILE, LABEL) if name not in table.header]:
        raise UserError(f"{path} has no column {missing[0]!r}: its columns are {', '.join(table.header)}")
    columns = {name: table.column(name) for name in table.header if name}
    empty = [""] * len(table.rows)
    times, _ = read_times(columns.get(TIME, empty))
    further = [name for name in columns if name not in COLUMNS]
    rows = []
    for place, time in enumerate(times):
        said = {name: cells[place] for name, cells in columns.items()}
        known = FieldData(
            site=said.get(SITE) or None,
            time=time,
            sequence=said.get(SEQUENCE) or None,
            given_split=said.get(SPLIT) or None,
            further={name: said[name] or None for name in further},
        )
        row = Annotation(plain_path(said[FILE]), said[LABEL], known, said.get(LEFT_OUT, ""))
        box = [said.get(name, "").replace(",", ".") for name in BOX]
        if any(box) and not row.left_out:
            row = with_box(row, floats(box), None, pixels=False)
        if said.get(TIME) and time is None:
            row = replace(row, left_out=row.left_out or f"{said[TIME]!r} is no time: write it as 2024-05-30 12:13:14")
        rows.append(row)
    return rows


def _cells(row: Annotation, further: Sequence[str]) -> list[str]:
    known = row.known
    box = [f"{share:.12g}" for share in known.box] if known.box else [""] * len(BOX)
    texts = (known.site, _as_text(known.time), known.sequence, known.given_split)
    own = [known.further.get(name) or "" for name in further]
    return [row.file, row.label, *(text or "" for text in texts), *box, row.left_out, *own]


def _as_text(time: datetime | None) -> str:
    return time.isoformat(" ", "seconds") if time else ""
