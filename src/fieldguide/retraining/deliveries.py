"""What a delivery says of its pictures: by its own files of annotations, else by the paths in data/incoming."""

from collections import Counter, defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePosixPath

from fieldguide.base.config import Config
from fieldguide.base.errors import UserError
from fieldguide.data.addresses import UNLABELLED
from fieldguide.data.annotation_files import ENDINGS, MOST, TABLE_ENDINGS, Listed, read_listed
from fieldguide.data.annotations.annotation import Annotation, NotAnnotations
from fieldguide.data.annotations.camtrap_dp import PACKAGE, TABLES
from fieldguide.data.box_rows import add_boxes
from fieldguide.data.capture_time import capture_time
from fieldguide.data.choices import Ambiguous
from fieldguide.data.field_data import FieldData
from fieldguide.data.label_files import find_label_files
from fieldguide.data.layout import FIELDS, GIVEN_SPLIT, LABEL, SEQUENCE, SITE, said_by
from fieldguide.data.listed_files import ListedFiles
from fieldguide.data.sources.folder import LABEL_FOLDERS, FolderData
from fieldguide.data.sources.table import TableData
from fieldguide.data.videos.kinds import video_of


@dataclass(frozen=True)
class Delivery:
    """What is said of the files in data/incoming, by their paths there.

    `rows` are those of each picture or video, one for each box. `lists` are the files that say it, with the pictures
    that each names; `faults` says of a file why it cannot be taken in, as that of a list that cannot be read.
    """

    rows: Mapping[str, Sequence[Annotation]]
    lists: Mapping[str, Sequence[str]] = field(default_factory=dict)
    faults: Mapping[str, str] = field(default_factory=dict)


def read_delivery(cfg: Config, incoming: Path, files: Sequence[str]) -> Delivery:
    """What is said of the files in data/incoming.

    A data set that a table lists takes lists in: of any format that `fieldguide add` reads, each about the files in its
    folder. What no list names, and all of a data set of folders, is said by its path, as `layout` says.
    """
    if not isinstance(cfg.data, TableData):
        layout = cfg.data.layout if isinstance(cfg.data, FolderData) else LABEL_FOLDERS
        return Delivery({file: [by_path(file, layout)] for file in files})
    listed, faults, waiting = _listed(incoming, files)
    lists = _lists(listed, files)
    boxed = [row for one in listed if not _labels(one) for row in one.annotations.rows if row.known.box]
    rows: dict[str, list[Annotation]] = defaultdict(list)
    named_by: dict[str, str] = {}
    for one in listed:
        for row in one.annotations.rows if _labels(one) else ():
            file = video_of(row.file)
            other = named_by.setdefault(file, one.names[0])
            if other == one.names[0]:
                rows[file].append(row)
            else:
                faults[file] = f"{other} and {one.names[0]} both list it: remove one"
    faults = {**{file: reason for file, reason in waiting.items() if file not in rows}, **faults}
    for file in files:
        if file not in rows and file not in lists and file not in faults:
            rows[file] = [by_path(file, cfg.data.layout)]
    complete = {
        file: _with_time(add_boxes(of_file, boxed) if boxed else of_file, incoming / file, file, cfg.data.time)
        for file, of_file in rows.items()
        if file in files
    }
    return Delivery(complete, lists, faults)


def by_path(file: str, layout: str) -> Annotation:
    """What a path says by the layout; without a label where it does not fit, or says that it has none."""
    said = said_by(file, layout)
    label = "" if UNLABELLED in (file.partition("/")[0], said.get(LABEL)) else said.get(LABEL, "")
    further = {name: text for name, text in said.items() if name not in FIELDS}
    known = FieldData(said.get(SITE), None, said.get(SEQUENCE), None, said.get(GIVEN_SPLIT), further)
    return Annotation(file, label, known)


def _with_time(rows: Sequence[Annotation], path: Path, file: str, sources: Sequence[str]) -> list[Annotation]:
    if any(row.known.time for row in rows):
        return list(rows)
    time = capture_time(path, file, sources)
    return [replace(row, known=replace(row.known, time=time)) for row in rows]


def _labels(listed: Listed) -> bool:
    """Whether people's labels are in a list: a classifier's answers teach nothing."""
    return listed.has_labels and not listed.annotations.labels_by


def _listed(incoming: Path, files: Sequence[str]) -> tuple[list[Listed], dict[str, str], dict[str, str]]:
    """What lists say; why others cannot be read, by their names; and that the pictures in their folders wait for it.

    A list names files in its own folder and below.
    """
    listed = find_label_files({file: incoming / file for file in files})
    faults, waiting = {file: reason for one in listed for file, reason in one.unread.items()}, dict[str, str]()
    for name in _candidates(files, {file for one in listed for file in one.files}):
        parent = PurePosixPath(name).parent
        below = {file: incoming / file for file in files if PurePosixPath(file).is_relative_to(parent)}
        try:
            one = read_listed(incoming, ListedFiles(below), [name], {})
        except NotAnnotations as error:
            if name.lower().endswith(TABLE_ENDINGS):
                faults[name] = str(error)
        except UserError as error:
            is_open = isinstance(error, Ambiguous)
            faults[name] = f"{error.question}: rename one" if is_open else str(error)  # type: ignore[attr-defined]
            reason = f"{PurePosixPath(name).name}, which may list it, cannot be read"
            waiting |= {file: reason for file in below if file != name}
        else:
            rows = [row for row in one.annotations.rows if video_of(row.file) in below]
            listed.append(replace(one, annotations=replace(one.annotations, rows=rows)))
    return listed, faults, waiting


def _lists(listed: Sequence[Listed], files: Sequence[str]) -> dict[str, list[str]]:
    """The files that list pictures, all of a package of Camtrap DP, with the pictures that each names."""
    lists: dict[str, list[str]] = {}
    for one in listed:
        named = sorted({video_of(row.file) for row in one.annotations.rows})
        of_it = list(one.files or one.names)
        if PurePosixPath(of_it[0]).name == PACKAGE:
            of_it += [name for name in files if _is_table_of(name, PurePosixPath(of_it[0]).parent)]
        lists |= dict.fromkeys(of_it, named)
    return lists


def _candidates(files: Sequence[str], label_files: Collection[str]) -> list[str]:
    """Files that may list pictures; of a package of Camtrap DP its description alone."""
    packages = [PurePosixPath(file).parent for file in files if PurePosixPath(file).name == PACKAGE]
    named = [file for file in files if PurePosixPath(file).suffix.lower() in ENDINGS and file not in label_files]
    endings = Counter(PurePosixPath(file).suffix.lower() for file in named)
    few = [file for file in named if endings[PurePosixPath(file).suffix.lower()] <= MOST]
    return [file for file in few if not any(_is_table_of(file, folder) for folder in packages)]


def _is_table_of(file: str, package: PurePosixPath) -> bool:
    path = PurePosixPath(file)
    return path.parent == package and path.stem in TABLES
