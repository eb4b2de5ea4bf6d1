"""Which files of a folder say what its pictures are: found by their content, those of one set together."""

import re
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePosixPath

from fieldguide.base.errors import UserError
from fieldguide.data.annotations.annotation import Annotation, Annotations, NotAnnotations, is_address
from fieldguide.data.annotations.camtrap_dp import PACKAGE, TABLES
from fieldguide.data.annotations.reading import read_annotations
from fieldguide.data.choices import Ambiguous
from fieldguide.data.given_splits import SIDES
from fieldguide.data.listed_files import ListedFiles
from fieldguide.data.videos.kinds import video_of

ENDINGS = {".csv", ".tsv", ".txt", ".json", ".jsonl", ".ndjson", ".parquet", ".xlsx"}
TABLE_ENDINGS = (".csv", ".tsv", ".parquet", ".xlsx")  # of what is a table for sure
EXPLICIT = re.compile(
    r"datapackage\.json|metadata\.(csv|jsonl|parquet)|_annotations\.coco\.json"
)  # names that formats fix
DEEPEST, MOST = 2, 30  # folders above such a file; files, more of which are side-cars of pictures
MOSTLY = 0.5  # of the files that it lists are there


@dataclass(frozen=True)
class Listed:
    """What one file, or the files of a set's sides, say: rows whose files are those that were found, or addresses.

    Of files for one picture each, `names` is their folder, and `files` are they; `unread` says of pictures why theirs
    cannot be read.
    """

    names: list[str]
    annotations: Annotations
    files: Sequence[str] = ()
    unread: Mapping[str, str] = field(default_factory=dict)

    @property
    def has_labels(self) -> bool:
        """Whether it says what is on the pictures."""
        return any(row.label for row in self.annotations.rows)

    @property
    def is_explicit(self) -> bool:
        """Whether its name is the one that its format prescribes."""
        return all(EXPLICIT.fullmatch(PurePosixPath(name).name) for name in self.names)


def read_listed(folder: Path, files: ListedFiles, names: Sequence[str], columns: Mapping[str, str]) -> Listed:
    """Read the files of annotations of one set, and find the pictures that they list.

    Parameters
    ----------
    names
        Paths below `folder`, or of files elsewhere.
    """
    parts = []
    written: dict[str, set[str]] = defaultdict(set)
    for name in names:
        parent = "" if Path(name).is_absolute() else str(PurePosixPath(name).parent)
        beside = "" if parent == "." else parent

        def find(text: str, beside: str = beside) -> Path | None:
            found, _ = files.find(text, beside)
            return files[found] if found else None

        read = read_annotations(files[name] if name in files else folder / name, folder, columns, find=find)
        side = side_of(name) if len(names) > 1 else None
        rows = [_found(row, files, beside, side) for row in read.rows]
        for row, before in zip(rows, read.rows, strict=True):
            written[row.file].add(f"{beside}/{before.file}")
        parts.append(replace(read, rows=rows))
    rows = [_one_of_several(row, written[row.file]) for part in parts for row in part.rows]
    return Listed(list(names), replace(parts[0], rows=rows))


def find_listed(folder: Path, files: ListedFiles, columns: Mapping[str, str]) -> tuple[list[Listed], list[str]]:
    """What the files of a folder say of its pictures, those with labels first; and why tables cannot be read.

    Files of other kinds are passed over. Raises Ambiguous where one of them can be read in several ways.
    """
    names = [name for name in files if _may_be(name)]
    if PACKAGE in names:
        names = [name for name in names if PurePosixPath(name).stem not in TABLES]
    endings = Counter(PurePosixPath(name).suffix.lower() for name in names)
    groups: dict[str, list[str]] = defaultdict(list)
    for name in names:
        if endings[PurePosixPath(name).suffix.lower()] <= MOST:
            groups[re.sub(r"[A-Za-z]+", _without_side, name)].append(name)
    found, problems = [], []
    for group in groups.values():
        try:
            listed = read_listed(folder, files, group, columns)
        except Ambiguous:
            raise
        except NotAnnotations as error:
            problems += [str(error)] * any(name.lower().endswith(TABLE_ENDINGS) for name in group)
            continue
        except UserError as error:
            problems += [str(error)] * any(name.lower().endswith(TABLE_ENDINGS) for name in group)
            continue
        rows = listed.annotations.rows
        there = sum(not row.left_out or video_of(row.file) in files for row in rows)
        if rows and there >= MOSTLY * len(rows):
            found.append(listed)
        elif rows and any(name.lower().endswith(TABLE_ENDINGS) for name in group):
            problems.append(f"{group[0]} lists {len(rows)} pictures, of which {there} are there")
    return sorted(found, key=lambda listed: not listed.has_labels), problems


def side_of(name: str) -> str | None:
    """The word of a path that names a side of a split, the last one."""
    words = [word for word in re.findall(r"[A-Za-z]+", name) if word.lower() in SIDES]
    return words[-1] if words else None


def _without_side(word: re.Match[str]) -> str:
    return "*" if word[0].lower() in SIDES else word[0]


def _may_be(name: str) -> bool:
    path = PurePosixPath(name)
    return path.suffix.lower() in ENDINGS and len(path.parts) <= DEEPEST + 1


def _found(row: Annotation, files: ListedFiles, beside: str, side: str | None) -> Annotation:
    if side and not row.known.given_split:
        row = replace(row, known=replace(row.known, given_split=side))
    if is_address(row.file) or not row.file:
        return row
    video = video_of(row.file)  # or the file itself, if it is no frame
    found, reason = files.find(video, beside)
    file = f"{found}{row.file.removeprefix(video)}" if found else row.file
    return replace(row, file=file, left_out=row.left_out or reason)


def _one_of_several(row: Annotation, written: set[str]) -> Annotation:
    """A row, left out where paths that are not the same were taken for the same file."""
    if len(written) == 1 or row.left_out:
        return row
    return replace(row, left_out=f"{' and '.join(sorted(written)[:2])} would be the same file")
