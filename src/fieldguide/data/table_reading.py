"""Understanding pictures that files of annotations list: what those leave open is read from paths and EXIF data."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from fieldguide.base.errors import UserError
from fieldguide.base.progress import progress
from fieldguide.data.annotation_files import Listed, read_listed
from fieldguide.data.annotations.annotation import Annotation
from fieldguide.data.annotations.picture_table import COLUMNS
from fieldguide.data.box_rows import add_boxes
from fieldguide.data.capture_time import EXIF, capture_time
from fieldguide.data.choices import Choices, check_renamed
from fieldguide.data.field_data import FieldData
from fieldguide.data.folder_reading import has_exif_times, the_layout
from fieldguide.data.given_splits import SIDES
from fieldguide.data.layout import FIELDS, GIVEN_SPLIT, LABEL, SEQUENCE, SITE, own_columns, parse_layout
from fieldguide.data.layout_proposals import propose_splits, propose_time
from fieldguide.data.listed_files import ListedFiles
from fieldguide.data.sidecars import TEXT, is_text
from fieldguide.data.source_reading import Reading
from fieldguide.data.sources.folder import LABEL_FOLDERS
from fieldguide.data.sources.table import TableData
from fieldguide.data.sources.wanted import Wanted, check_labels
from fieldguide.data.videos.kinds import video_of

THE_FILE = "the file"  # where times are from, if the file of annotations says them


@dataclass(frozen=True)
class Pictures:
    """Where pictures are: a folder, and the files below it by their paths with "/" between folders."""

    folder: Path
    files: Mapping[str, Path]


def table_reading(
    pictures: Pictures, listed: Listed, choices: Choices, boxes: str | None, tell_others: bool = True
) -> Reading:
    """Understand pictures that are listed.

    Parameters
    ----------
    choices
        Of them `layout`, what paths say of what the table does not, `labels` and `splits`.
    boxes
        A file that adds boxes.
    tell_others
        Whether files that are not listed are told.

    Raises
    ------
    Ambiguous
        If the labels come from folders that may mean several things. UserError if nothing says labels, or two of them
        differ only in how they are written.
    """
    rows, understood = listed.annotations.rows, [f"{' and '.join(listed.names)}: {listed.annotations.format}"]
    understood += listed.annotations.understood
    if name := listed.annotations.labels_by:
        understood.append(f"warning: the labels are the answers of {name}, which nobody has confirmed")
    here = [row.file for row in rows if row.file in pictures.files and not row.left_out]
    layout = choices.layout or (None if listed.has_labels else _layout_of_labels(pictures, here))
    if layout:
        rows = _by_path(rows, layout)
        understood.append(f"layout: {layout}")
    if not any(row.known.given_split for row in rows) and _are_sides(here):
        rows = [_with_side(row) for row in rows]
    rows, times_from = _with_times(pictures, rows, here)
    rows, left_aside = _without_columns_of_ours(rows)
    if left_aside:
        understood.append(f"columns left aside, since fieldguide fills them: {', '.join(left_aside)}")
    named = {*listed.names, *listed.files, *(video_of(row.file) for row in rows)}
    others = [_unlisted(name, path) for name, path in pictures.files.items() if tell_others and name not in named]
    reading = reading_of(pictures, rows, others, understood, times_from, boxes, choices)
    reading.options.update(_for_deliveries(pictures, layout, times_from, here))
    return reading


def reading_of(
    pictures: Pictures,
    rows: Sequence[Annotation],
    others: Sequence[Wanted],
    understood: Sequence[str],
    times_from: str,
    boxes: str | None,
    choices: Choices,
) -> Reading:
    """The reading of a data set of kind `table` with these rows, to which a file may add boxes.

    `others` are files that stay behind.
    """
    if boxes:
        rows, line = _with_boxes(pictures, rows, boxes)
        understood = [*understood, line]
    options: dict[str, Any] = {"kind": "table", **({"labels": dict(choices.labels)} if choices.labels else {})}
    words = {row.known.given_split for row in rows if row.known.given_split}
    if splits := propose_splits(words, choices.splits, str(pictures.folder)):
        options["splits"] = splits
    wanted = TableData(**options).wanted(rows, pictures.files)
    check_renamed(choices.labels, (one.given_label for one in wanted))
    reading = Reading(options, [*wanted, *others], list(understood), times_from, list(rows))
    check_labels({one.label for one in reading.pictures}, understood[0])
    return reading


def _for_deliveries(pictures: Pictures, layout: str | None, times_from: str, files: Sequence[str]) -> dict[str, object]:
    """How pictures are read that come later, without a file that lists them."""
    said = [source for source in times_from.split(", then ") if source and source != THE_FILE]
    if times_from == THE_FILE and has_exif_times(pictures.files, sorted(set(files))):
        said = [EXIF]
    is_whole = layout and LABEL in parse_layout(layout, needs_label=False).fields and layout != LABEL_FOLDERS
    return {**({"layout": layout} if is_whole else {}), **({"time": said} if said else {})}


def _unlisted(name: str, path: Path) -> Wanted:
    return Wanted(name, path, "", "", TEXT if is_text(name) else "not listed")


def _layout_of_labels(pictures: Pictures, files: Sequence[str]) -> str:
    if not any("/" in file for file in files):
        raise UserError(
            f"nothing says the labels of {pictures.folder}: give a file that does with --labels-from, or put the "
            "pictures of each label into a folder of its own"
        )
    return the_layout(pictures.folder, files)


def _by_path(rows: Iterable[Annotation], layout: str) -> list[Annotation]:
    """The rows with what their paths say, where they say nothing themselves."""
    try:
        read = parse_layout(layout, needs_label=False).read
    except ValueError as error:
        raise UserError(f"--layout: {error}") from None
    return [_filled(row, read(row.file) or {}) for row in rows]


def _filled(row: Annotation, said: Mapping[str, str]) -> Annotation:
    known = row.known
    further = {name: text for name, text in said.items() if name not in FIELDS}
    known = FieldData(
        site=known.site or said.get(SITE),
        time=known.time,
        sequence=known.sequence or said.get(SEQUENCE),
        box=known.box,
        given_split=known.given_split or said.get(GIVEN_SPLIT),
        further={**further, **known.further},
    )
    return replace(row, label=row.label or said.get(LABEL, ""), known=known)


def _are_sides(files: Sequence[str]) -> bool:
    """Whether all files are in folders that are named as the sides of a split, and in more than one."""
    outer = {file.partition("/")[0] if "/" in file else "" for file in files}
    return len(outer) > 1 and all(name.strip().lower() in SIDES for name in outer)


def _with_side(row: Annotation) -> Annotation:
    return replace(row, known=replace(row.known, given_split=row.file.partition("/")[0]))


def _with_times(pictures: Pictures, rows: list[Annotation], here: Sequence[str]) -> tuple[list[Annotation], str]:
    """The rows with the times that EXIF data or paths tell, where none has one; and where times were found."""
    if any(row.known.time for row in rows):
        return rows, THE_FILE
    pattern = propose_time(here)
    from_camera = pattern or any(row.known.site or row.known.sequence for row in rows)
    exif = from_camera and has_exif_times(pictures.files, sorted(set(here)))
    sources = [*([EXIF] if exif else []), *([pattern] if pattern else [])]
    if not sources:
        return rows, ""
    times = {
        file: capture_time(pictures.files[file], file, sources)
        for file in progress(sorted(set(here)), "read times", unit="files")
    }
    rows = [replace(row, known=replace(row.known, time=times.get(row.file))) for row in rows]
    return rows, ", then ".join(sources)


def _without_columns_of_ours(rows: list[Annotation]) -> tuple[list[Annotation], list[str]]:
    """The rows without further columns that have the name of one that fieldguide fills; and these names."""
    taken = own_columns() | {*COLUMNS}
    ours = sorted({name for row in rows for name in row.known.further if name in taken})
    if not ours:
        return rows, []
    kept = [{name: text for name, text in row.known.further.items() if name not in taken} for row in rows]
    return [replace(row, known=replace(row.known, further=own)) for row, own in zip(rows, kept, strict=True)], ours


def _with_boxes(pictures: Pictures, rows: Sequence[Annotation], boxes: str) -> tuple[list[Annotation], str]:
    """A row for each box that another file has of a picture; one without keeps its row.

    Raises UserError if the rows have boxes already.
    """
    if any(row.known.box for row in rows):
        raise UserError(f"--boxes {boxes}: the labels come with boxes already: leave it out")
    found = read_listed(pictures.folder, ListedFiles(pictures.files), [boxes], {})
    new = add_boxes(rows, found.annotations.rows)
    said = [f"boxes from {boxes}: {found.annotations.format}", *found.annotations.understood]
    return new, ", ".join(said)
