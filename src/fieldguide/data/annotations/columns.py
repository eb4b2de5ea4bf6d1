"""Which columns of a table say what: by their names, and where several may be meant, by what they hold."""

import re
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import time
from pathlib import PurePosixPath

from fieldguide.base.errors import UserError
from fieldguide.base.suggestions import did_you_mean
from fieldguide.data.annotations.annotation import PICTURE, NotAnnotations, is_address, plain_path
from fieldguide.data.annotations.box_columns import BoxColumns, find_boxes
from fieldguide.data.annotations.cells import Table
from fieldguide.data.annotations.times import read_times
from fieldguide.data.choices import COLUMNS, Ambiguous
from fieldguide.data.given_splits import SIDES

FILE, LABEL, SITE, TIME, SEQUENCE, SPLIT, FOLDER = "file", "label", "site", "time", "sequence", "split", "folder"
DATES = "dates"  # not a column: the order of day and month
SPELLINGS = {  # lower case, without signs; the first ones are meant where several are there, but for files and labels
    FILE: (
        *("file", "filename", "filepath", "path", "image", "imagepath", "imagename", "imagefile", "imagefilename"),
        *("img", "imgpath", "picture", "photo", "relativepath", "fullpath", "media", "mediapath", "mediafilename"),
        *("url", "imageurl", "photourl", "mediaurl", "link", "address", "uri", "imageid", "images", "id", "idcode"),
    ),
    LABEL: (
        *("label", "labels", "class", "classname", "classlabel", "category", "categoryname", "species", "speciesname"),
        *("commonname", "vernacularname", "scientificname", "taxon", "taxonname", "target", "breed", "diagnosis"),
        *("labelname", "speciescommonname", "defect", "disease"),
    ),
    SITE: (
        *("site", "siteid", "sitename", "station", "stationid", "location", "locationid", "locationname"),
        *("deployment", "deploymentid", "camera", "cameraid", "cameratrap", "cam", "trap", "trapid", "plot", "line"),
    ),
    TIME: (
        *("time", "datetime", "timestamp", "datetimeoriginal", "datecaptured", "capturetime", "capturedat", "taken"),
        *("takenat", "phototime", "datetaken", "eventstart", "created", "date", "photodate", "eventdate", "day"),
    ),
    SEQUENCE: (
        *("sequence", "sequenceid", "seqid", "seq", "event", "eventid", "burst", "burstid", "captureevent"),
        *("captureeventid", "episode", "videoid"),
    ),
    SPLIT: ("split", "givensplit", "subset", "set", "partition", "usage", "fold", "dataset"),
    FOLDER: ("folder", "directory", "dir", "relativepath", "rootfolder"),
}
MIDNIGHT = time(0)  # of a date: spreadsheets write it behind each
CLOCK_ALONE = re.compile(r"\d\d?[:.]\d\d(?:[:.]\d\d)?(?:\s*[AaPp][Mm])?")
LOOKED_AT = 200  # cells, evenly over the column
MOSTLY = 0.5
MOST_SIDES = 6  # different words of a column that may say a split


@dataclass(frozen=True)
class Columns:
    """The columns that say what, None where none does; all that is left is the table's own."""

    file: str
    folder: str | None
    label: str | None
    site: str | None
    time: tuple[str, ...]
    sequence: str | None
    split: str | None
    box: BoxColumns | None
    further: list[str]
    not_times: list[str]  # named as times, but they hold none
    not_sides: dict[str, list[str]]  # named as a split, with their words, which are no sides

    @property
    def used(self) -> set[str | None]:
        """All but the table's own."""
        boxes = self.box.used if self.box else set()
        return {self.file, self.folder, self.label, self.site, *self.time, self.sequence, self.split, *boxes}

    @property
    def in_words(self) -> str:
        """What was taken for what."""
        found = {
            FILE: self.file, FOLDER: self.folder, LABEL: self.label, SITE: self.site, TIME: " + ".join(self.time),
            SEQUENCE: self.sequence, SPLIT: self.split,
        }  # fmt: skip
        return ", ".join(
            f"{what} from {column!r}" if column != what else what for what, column in found.items() if column
        )


def find_columns(table: Table, name: str, chosen: Mapping[str, str], exists: Callable[[str], bool]) -> Columns:
    """Find out which columns say what.

    Parameters
    ----------
    name
        What messages call the table.
    chosen
        The columns that a person names, by what they say.
    exists
        Whether a file, as written, is there.

    Raises
    ------
    Ambiguous
        If several columns may be the label or the file. NotAnnotations if none is a file. UserError if a chosen one is
        not there.
    """
    for what, column in chosen.items():
        known = [*SPELLINGS, DATES]
        if what not in known:
            raise UserError(f"--columns: there is no {what!r}{did_you_mean(what, known)}; one of: {', '.join(known)}")
        if what != DATES and column not in table.header:
            raise UserError(f"{name} has no column {column!r}: its columns are {', '.join(filter(None, table.header))}")
    plain = {re.sub(r"[\W_]+", "", column).casefold(): column for column in reversed(table.header) if column}
    file = chosen.get(FILE) or _file(table, name, plain, exists)
    folder = chosen.get(FOLDER) or _folder(table, plain, file)
    taken = {file, folder}
    label = chosen.get(LABEL) or _label(table, name, plain, taken)
    box = find_boxes({short: column for short, column in plain.items() if column not in {*taken, label}})
    taken |= {label} | (box.used if box else set())
    found: dict[str, str | None] = {}
    for what in (SITE, SEQUENCE, SPLIT):
        candidates = [column for column in _spelled(plain, what) if column not in taken]
        if what == SITE:  # `location` may be where a file is
            candidates = [column for column in candidates if not _holds_files(table.column(column))]
        if what == SPLIT:
            candidates = [column for column in candidates if _holds_sides(table.column(column))]
        found[what] = chosen.get(what) or next(iter(candidates), None)
        taken.add(found[what])
    times = (chosen[TIME],) if TIME in chosen else _time(table, plain, taken)
    unread = [column for column in _spelled(plain, TIME) if column not in taken and not times]
    used = {*taken, *times}
    words = {column: sorted({*table.column(column)} - {""}) for column in _spelled(plain, SPLIT) if column not in used}
    not_sides = {column: said for column, said in words.items() if 1 < len(said) <= MOST_SIDES}
    further = [column for column in table.header if column and column not in used]
    return Columns(
        file, folder, label, found[SITE], times, found[SEQUENCE], found[SPLIT], box, further, unread, not_sides
    )


def _spelled(plain: Mapping[str, str], what: str) -> list[str]:
    return [plain[spelling] for spelling in SPELLINGS[what] if spelling in plain]


def _file(table: Table, name: str, plain: Mapping[str, str], exists: Callable[[str], bool]) -> str:
    """The column of files: one that is named so, of several one whose files are there, else look like files."""
    spelled = _spelled(plain, FILE)
    there = [column for column in spelled if _share(table.column(column), exists) >= MOSTLY]
    there = [column for column in there if _holds_files(table.column(column))] or there  # before numbers of files
    likely = there or [column for column in spelled if _holds_files(table.column(column))]
    if not likely:
        likely = [
            column for column in table.header if column and _share(table.column(column), _looks_like_a_file) > 0.9
        ]
    likely = likely or spelled[:1]
    if not likely:
        raise NotAnnotations(
            f"{name} has no column of files or addresses: its columns are {', '.join(filter(None, table.header))}; "
            "name it with --columns file=COLUMN"
        )
    return _one_of(table, name, FILE, likely)


def _label(table: Table, name: str, plain: Mapping[str, str], taken: Collection[str | None]) -> str | None:
    likely = [column for column in _spelled(plain, LABEL) if column not in taken and any(table.column(column))]
    return _one_of(table, name, LABEL, likely) if likely else None


def _one_of(table: Table, name: str, what: str, likely: Sequence[str]) -> str:
    exact = [column for column in likely if column == what]
    different = exact or [
        column
        for place, column in enumerate(likely)
        if not any(table.column(column) == table.column(other) for other in likely[:place])
    ]
    if len(different) > 1:
        question = f"{name}: the columns {' and '.join(map(repr, different))} may both be the {what}"
        raise Ambiguous(question, [(COLUMNS, f"{what}={column}") for column in different])
    return different[0]


def _folder(table: Table, plain: Mapping[str, str], file: str) -> str | None:
    """A column of folders, where the column of files holds names alone."""
    spelled = [column for column in _spelled(plain, FOLDER) if column != file and any(table.column(column))]
    names_alone = all("/" not in plain_path(cell) for cell in _some(table.column(file)))
    return spelled[0] if spelled and names_alone else None


def _time(table: Table, plain: Mapping[str, str], taken: Collection[str | None]) -> tuple[str, ...]:
    """The column of times, or those of the date and of the time of day."""
    spelled = [column for column in _spelled(plain, TIME) if column not in taken and any(table.column(column))]
    clocks = [column for column in spelled if _share(table.column(column), CLOCK_ALONE.fullmatch) >= MOSTLY]
    whole = [column for column in spelled if column not in clocks and _share(table.column(column), _is_time) >= MOSTLY]
    if whole and clocks and not any(map(_has_clock, _some(table.column(whole[0])))):
        return whole[0], clocks[0]
    return tuple(whole[:1])


def _has_clock(cell: str) -> bool:
    taken = read_times([cell])[0][0]
    return taken is not None and taken.time() != MIDNIGHT


def _is_time(cell: str) -> bool:
    return read_times([cell])[0][0] is not None


def _holds_sides(cells: Sequence[str]) -> bool:
    return _share([cell.strip().lower() for cell in cells if cell], SIDES.get) >= MOSTLY


def _holds_files(cells: Sequence[str]) -> bool:
    return _share(cells, _looks_like_a_file) >= MOSTLY


def _looks_like_a_file(cell: str) -> bool:
    return is_address(cell) or bool(PICTURE.fullmatch(PurePosixPath(plain_path(cell)).name))


def _some(cells: Sequence[str]) -> Sequence[str]:
    full = [cell for cell in cells if cell]
    return full[:: max(1, len(full) // LOOKED_AT)]


def _share(cells: Sequence[str], holds: Callable[[str], object]) -> float:
    some = _some(cells)
    return sum(bool(holds(cell)) for cell in some) / len(some) if some else 0.0
