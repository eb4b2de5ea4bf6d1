"""Open Images: tables of labels and of boxes, in which pictures and labels have ids.

The format of https://storage.googleapis.com/openimages/web/download_v7.html: a picture's id is its file's name without
the ending; the names of labels are in a file `class-descriptions`; a label of confidence 0 was looked for in vain.
"""

import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from fieldguide.base.errors import UserError
from fieldguide.data.annotations.annotation import floats
from fieldguide.data.annotations.cells import Table, read_cells

FILE, LABEL, CONFIDENCE = "ImageID", "LabelName", "Confidence"
ID = re.compile(r"/[a-z]/\w+")
MOSTLY = 0.5  # of the labels are ids
NAMES = [
    f"{version}class-descriptions{subset}.csv" for version in ("", "oidv7-", "oidv6-") for subset in ("", "-boxable")
]


def is_open_images(table: Table) -> bool:
    """Whether a table is of Open Images."""
    if not {FILE, LABEL} <= {*table.header}:
        return False
    labels = {*table.column(LABEL)}
    return sum(bool(ID.fullmatch(label)) for label in labels) >= MOSTLY * len(labels) > 0


def with_names(table: Table, find: Callable[[str], Path | None]) -> Table:
    """The table with the labels' names in place of their ids, without the rows whose label was not on the picture.

    Parameters
    ----------
    find
        Where a file of this name is, None if there is none.
    """
    names = _names(find)
    place = table.header.index(LABEL)
    said = table.column(CONFIDENCE) if CONFIDENCE in table.header else [""] * len(table.rows)
    there = [row for row, confidence in zip(table.rows, said, strict=True) if floats([confidence]) != [0.0]]
    rows = [[*row[:place], names.get(row[place], row[place]), *row[place + 1 :]] for row in there]
    notes = [table.note] if table.note else []
    if absent := len(table.rows) - len(rows):
        notes.append(f"rows of labels that were looked for in vain: {absent}, left aside")
    if nameless := {row[place] for row in there} - {*names}:
        notes.append(f"labels that have no name: {len(nameless)}, as {min(nameless)}: put {NAMES[0]} beside the table")
    return replace(table, rows=rows, note="; ".join(notes))


def _names(find: Callable[[str], Path | None]) -> dict[str, str]:
    names: dict[str, str] = {}
    for file in filter(None, map(find, NAMES)):
        try:
            described = read_cells(file)
        except (UserError, OSError):
            continue
        lines = [described.header, *described.rows]  # without a line of names, but in version 7
        names |= {line[0]: line[1] for line in lines if len(line) > 1 and ID.fullmatch(line[0]) and line[1]}
    return names
