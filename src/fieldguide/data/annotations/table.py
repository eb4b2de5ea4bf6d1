"""Tables with a column of files: CSV and its kin, JSON records, Parquet, Excel."""

import json
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from fieldguide.data.annotations.annotation import (
    Annotation,
    Annotations,
    SizeOf,
    floats,
    is_address,
    plain_path,
    with_box,
)
from fieldguide.data.annotations.box_columns import BoxColumns, as_corner_and_size, box_numbers, in_pixels, order_of
from fieldguide.data.annotations.cells import Table, from_records
from fieldguide.data.annotations.columns import DATES, Columns, find_columns
from fieldguide.data.annotations.one_hot import with_one_hot_label
from fieldguide.data.annotations.times import DAY_FIRST, MONTH_FIRST, read_times
from fieldguide.data.choices import COLUMNS, SPLITS, Ambiguous
from fieldguide.data.field_data import FieldData

OBJECTS = "objects"  # of imagefolder's metadata: a picture's boxes and categories, as lists
LABELS_OF_OBJECTS = ("categories", "category", "labels", "label", "names")


def read_table_rows(
    table: Table, name: str, size_of: SizeOf, exists: Callable[[str], bool], chosen: Mapping[str, str]
) -> Annotations:
    """A row for each of the table's; see `find_columns` for the columns and what is raised."""
    if OBJECTS in table.header:
        table = from_records(_unfolded(table), name)
    columns = find_columns(table, name, chosen, exists)
    if columns.label is None:
        table = with_one_hot_label(table, name, columns.used)
        columns = find_columns(table, name, chosen, exists)
    files = _files(table, columns)
    times, doubtful = read_times(_joined(table, columns.time), chosen.get(DATES, ""))
    if doubtful:
        first = next(text for text in _joined(table, columns.time) if text)
        question = f"{name}: dates as {first} may begin with the day or the month"
        raise Ambiguous(question, [(COLUMNS, f"{DATES}={DAY_FIRST}"), (COLUMNS, f"{DATES}={MONTH_FIRST}")])
    labels, sites, sequences, splits = (
        _cells(table, column) for column in (columns.label, columns.site, columns.sequence, columns.split)
    )
    further = [[row[table.header.index(own)] or None for own in columns.further] for row in table.rows]
    rows = [
        Annotation(
            file, label, FieldData(site or None, time, sequence or None, None, split or None,
                                   dict(zip(columns.further, own, strict=True))),
        )
        for file, label, site, time, sequence, split, own in zip(
            files, labels, sites, times, sequences, splits, further, strict=True
        )
    ]  # fmt: skip
    said = [f"columns: {columns.in_words}", *([table.note] if table.note else [])]
    if columns.not_times:
        said.append(f"warning: {', '.join(map(repr, columns.not_times))} cannot be read as times")
    said += [
        f"note: {column!r} holds {', '.join(map(repr, words))}, no sides of a split: --columns split={column} with "
        f"{SPLITS} '{','.join(f'{word}=SIDE' for word in words)}' reads it"
        for column, words in columns.not_sides.items()
        if columns.split is None
    ]
    unread = [text for text, time in zip(_joined(table, columns.time), times, strict=True) if text and not time]
    if unread:
        said.append(f"warning: times that cannot be read: {len(unread)}, the first is {unread[0]!r}")
    return Annotations("a table", *_boxed(table, columns, rows, size_of, said))


def _boxed(
    table: Table, columns: Columns, rows: list[Annotation], size_of: SizeOf, said: list[str]
) -> tuple[list[Annotation], list[str]]:
    """The rows with the boxes of the table, where it has any."""
    if not columns.box:
        return rows, said
    cells = list(zip(*(table.column(column) for column in columns.box.names), strict=True))
    boxes = box_numbers(cells)
    pixels = in_pixels(boxes)
    sizes = _sizes(table, columns.box, rows, boxes, size_of) if pixels else [(1, 1)] * len(rows)
    order = columns.box.order or order_of(boxes, sizes)
    said = [*said, f"boxes as {order}, in {'pixels' if pixels else 'shares of the picture'}"]
    rows = [
        with_box(row, as_corner_and_size(box, order), size, pixels) if any(texts) else row
        for row, box, size, texts in zip(rows, boxes, sizes, cells, strict=True)
    ]
    return rows, said


def _sizes(
    table: Table, columns: BoxColumns, rows: list[Annotation], boxes: list[list[float]], size_of: SizeOf
) -> list[tuple[int, int] | None]:
    """The pictures' sizes: as the table says them, else as those with a box are."""
    if columns.size:
        sides = [floats(pair) for pair in zip(*map(table.column, columns.size), strict=True)]
        return [(int(side[0]), int(side[1])) if side and min(side) > 0 else None for side in sides]
    asked: dict[str, tuple[int, int] | None] = {}
    for row, box in zip(rows, boxes, strict=True):
        if box and row.file not in asked:
            asked[row.file] = None if is_address(row.file) else size_of(row.file)
    return [asked.get(row.file) for row in rows]


def _files(table: Table, columns: Columns) -> list[str]:
    files = [plain_path(cell) for cell in table.column(columns.file)]
    if columns.folder is None:
        return files
    folders = [plain_path(cell).rstrip("/") for cell in table.column(columns.folder)]
    return [f"{folder}/{file}" if folder and file else file for folder, file in zip(folders, files, strict=True)]


def _joined(table: Table, names: tuple[str, ...]) -> list[str]:
    """The texts of times; of a date and a time of day together, without the midnight that may stand behind the date."""
    columns = [table.column(name) for name in names]
    if len(columns) == 2:
        columns[0] = [re.split("[T ]", date)[0] for date in columns[0]]
    return (
        [" ".join(filter(None, cells)) for cells in zip(*columns, strict=True)] if columns else [""] * len(table.rows)
    )


def _cells(table: Table, column: str | None) -> list[str]:
    return table.column(column) if column else [""] * len(table.rows)


def _unfolded(table: Table) -> Iterator[Mapping[str, Any]]:
    """Each box of imagefolder's `objects` as a row of its own; a picture without one keeps its row."""
    for row in table.rows:
        cells = {name: cell for name, cell in zip(table.header, row, strict=True) if name != OBJECTS}
        objects = _mapping(dict(zip(table.header, row, strict=True))[OBJECTS])
        labels = next((objects[key] for key in LABELS_OF_OBJECTS if key in objects), None)
        boxes = objects.get("bbox")
        pairs = list(zip(boxes, labels, strict=False)) if isinstance(boxes, list) and isinstance(labels, list) else []
        yield from ({**cells, "bbox": box, "label": label} for box, label in pairs)
        if not pairs:
            yield {**cells, "bbox": "", "label": cells.get("label", "")}


def _mapping(text: str) -> dict[str, Any]:
    try:
        content = json.loads(text or "{}")
    except ValueError:
        return {}
    return content if isinstance(content, dict) else {}
