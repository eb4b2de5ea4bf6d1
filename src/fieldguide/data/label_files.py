"""A file of labels for each picture, as YOLO, Pascal VOC and LabelMe have it: found by content, read together."""

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial
from os.path import commonpath
from pathlib import Path, PurePosixPath

from fieldguide.base.errors import UserError
from fieldguide.base.packs import open_file, size_of
from fieldguide.base.progress import progress
from fieldguide.data.annotation_files import Listed, side_of
from fieldguide.data.annotations.annotation import PICTURE, Annotation, Annotations
from fieldguide.data.annotations.labelme import is_labelme, read_labelme
from fieldguide.data.annotations.pascal_voc import is_voc, read_voc
from fieldguide.data.annotations.reading import size_in
from fieldguide.data.annotations.yolo import class_names, is_yolo, read_yolo
from fieldguide.data.split_lists import listed_sides

FOLDERS = {  # that pictures and their files of labels may be in, beside one another
    *("images", "image", "imgs", "img", "jpegimages", "pictures", "photos", "data"),
    *("labels", "label", "annotations", "annotation", "ann", "anns", "xml", "xmls", "json", "jsons", "txt"),
}
LARGEST = 20_000_000  # bytes of a file for one picture
SAMPLE = 20  # files by which the format is recognised,
MOSTLY = 0.9  # and the share of them that have it


_Read = Callable[[bytes, str], list[Annotation]]  # of the content, and of the picture that it belongs to


@dataclass(frozen=True)
class _Format:
    """`reader` makes, of all files, what reads one; lines about that; and further files that it needed."""

    name: str
    is_one: Callable[[bytes], bool]
    reader: Callable[[Mapping[str, Path]], tuple[_Read, list[str], list[str]]]  # raises UserError


def find_label_files(files: Mapping[str, Path]) -> list[Listed]:
    """What files that belong to one picture each say, a `Listed` for each format; `files` are by path in the data set.

    Each is named as its picture, and is in the same folder, or in one beside as `labels` is beside `images`. One that
    cannot be read costs its picture, a row that says why.
    """
    pictures: dict[tuple[str, ...], str] = {}
    for file in files:
        if PICTURE.fullmatch(file):
            pictures.setdefault(_key(file), file)
    pairs: dict[str, list[tuple[str, str]]] = defaultdict(list)
    for file in files:
        if not PICTURE.fullmatch(file) and (picture := pictures.get(_key(file))):
            pairs[PurePosixPath(file).suffix.lower()].append((file, picture))
    found = []
    for ending, form in _FORMATS.items():
        if (of_ending := pairs.get(ending)) and _are(files, of_ending, form):
            found.append(_read(files, of_ending, form))
    return found


def _yolo(files: Mapping[str, Path]) -> tuple[_Read, list[str], list[str]]:
    named_by, names = class_names(files)
    said = f"names of the classes from {named_by}" if names else "nothing names the classes: their numbers are labels"
    return lambda content, picture: read_yolo(_text(content), picture, names), [said], [named_by] if named_by else []


def _voc(files: Mapping[str, Path]) -> tuple[_Read, list[str], list[str]]:
    return partial(read_voc, size_of=size_in(files)), [], []


def _labelme(files: Mapping[str, Path]) -> tuple[_Read, list[str], list[str]]:
    return partial(read_labelme, size_of=size_in(files)), [], []


_FORMATS = {
    ".txt": _Format("YOLO", lambda content: bool(content.strip()) and is_yolo(_text(content)), _yolo),
    ".xml": _Format("Pascal VOC", is_voc, _voc),
    ".json": _Format("LabelMe", is_labelme, _labelme),
}


def _are(files: Mapping[str, Path], pairs: list[tuple[str, str]], form: _Format) -> bool:
    full = [file for file, _ in pairs if _is_full(files[file])][:: max(1, len(pairs) // SAMPLE)]
    read = [content for content, problem in (_content(files[file]) for file in full) if not problem]
    return sum(map(form.is_one, read)) >= MOSTLY * len(read) > 0


def _read(files: Mapping[str, Path], pairs: list[tuple[str, str]], form: _Format) -> Listed:
    try:
        (read, said, also), lacking = form.reader(files), ""
    except UserError as error:
        (read, said, also), lacking = (None, [], []), str(error)
    rows, unread = list[Annotation](), dict[str, str]()
    for file, picture in progress(pairs, f"read {form.name}", unit="files"):
        content, problem = _content(files[file])
        if problem := f"{file} {problem}" if problem else lacking:
            unread[picture] = problem
        rows += read(content, picture) if read and not problem else [Annotation(picture, left_out=problem)]
    with suppress(UserError):  # for a list of sides that cannot be read, which is told where lists are
        rows = list(_with_sides(rows, listed_sides(files)))
    names = [file for file, _ in pairs]
    common = commonpath([str(PurePosixPath(name).parent) for name in names]) or "."
    return Listed([f"{common}/"], Annotations(form.name, rows, said), [*names, *also], unread)


def _with_sides(rows: list[Annotation], listed: dict[str, str]) -> Iterator[Annotation]:
    """The rows with the side that a list, or else the path of the picture, says."""
    words = listed or {row.file: word for row in rows if (word := side_of(str(PurePosixPath(row.file).parent)))}
    several = len({*words.values()}) > 1
    for row in rows:
        side = words.get(row.file) if several else None
        yield replace(row, known=replace(row.known, given_split=side)) if side else row


def _key(file: str) -> tuple[str, ...]:
    """The folders and the name of a file, without what tells its kind from that of its picture."""
    path = PurePosixPath(file)
    stem = path.stem
    name = PurePosixPath(stem).stem if PICTURE.fullmatch(stem) and not PICTURE.fullmatch(file) else stem
    return (*(part for part in path.parts[:-1] if part.lower() not in FOLDERS), name)


def _is_full(path: Path) -> bool:
    try:
        return size_of(path) > 0
    except (OSError, UserError):
        return False


def _content(path: Path) -> tuple[bytes, str]:
    """What a file holds; and else why it cannot be read."""
    try:
        if size_of(path) > LARGEST:
            return b"", f"has more than {LARGEST // 1_000_000} MB"
        with open_file(path) as file:
            return file.read(), ""
    except OSError as error:
        return b"", f"cannot be read: {error.strerror}"
    except UserError as error:
        return b"", f"cannot be read: {error}"


def _text(content: bytes) -> str:
    return content.decode("utf-8-sig", "replace")
