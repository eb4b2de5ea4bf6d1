"""A file of labels for each picture, as YOLO, Pascal VOC and LabelMe have it: found by content, read together."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from os.path import commonpath
from pathlib import Path, PurePosixPath

from fieldguide.base.progress import progress
from fieldguide.data.annotation_files import Listed, side_of
from fieldguide.data.annotations.annotation import PICTURE, Annotation, Annotations, SizeOf
from fieldguide.data.annotations.labelme import is_labelme, read_labelme
from fieldguide.data.annotations.pascal_voc import is_voc, read_voc
from fieldguide.data.annotations.reading import size_below
from fieldguide.data.annotations.yolo import class_names, is_yolo, read_yolo
from fieldguide.data.split_lists import listed_sides

FOLDERS = {  # that pictures and their files of labels may be in, beside one another
    *("images", "image", "imgs", "img", "jpegimages", "pictures", "photos", "data"),
    *("labels", "label", "annotations", "annotation", "ann", "anns", "xml", "xmls", "json", "jsons", "txt"),
}
LARGEST = 20_000_000  # bytes of a file for one picture
SAMPLE = 20  # files by which the format is recognised,
MOSTLY = 0.9  # and the share of them that have it


@dataclass(frozen=True)
class _Format:
    name: str
    is_one: Callable[[bytes], bool]
    read: Callable[[bytes, str], list[Annotation]]
    note: str = ""
    also: tuple[str, ...] = ()  # a further file that was read


def find_label_files(folder: Path, files: Iterable[str]) -> list[Listed]:
    """What files that belong to one picture each say, a `Listed` for each format; `files` are paths below the folder.

    Each is named as its picture, and is in the same folder, or in one beside as `labels` is beside `images`.
    """
    files = list(files)
    pictures: dict[tuple[str, ...], str] = {}
    for file in files:
        if PICTURE.fullmatch(file):
            pictures.setdefault(_key(file), file)
    pairs: dict[str, list[tuple[str, str]]] = defaultdict(list)
    for file in files:
        if not PICTURE.fullmatch(file) and (picture := pictures.get(_key(file))):
            pairs[PurePosixPath(file).suffix.lower()].append((file, picture))
    found = []
    for ending, formats in _formats(folder, files).items():
        if (of_ending := pairs.get(ending)) and _are(folder, of_ending, formats):
            found.append(_read(folder, of_ending, formats, listed_sides(folder, files)))
    return found


def _formats(folder: Path, files: list[str]) -> dict[str, _Format]:
    size_of: SizeOf = size_below(folder)
    named_by, names = class_names(folder, files)
    note = f"names of the classes from {named_by}" if names else "nothing names the classes: their numbers are labels"
    return {
        ".txt": _Format(
            "YOLO",
            lambda content: bool(content.strip()) and is_yolo(_text(content)),
            lambda content, picture: read_yolo(_text(content), picture, names),
            note,
            tuple(filter(None, [named_by])),
        ),
        ".xml": _Format("Pascal VOC", is_voc, lambda content, picture: read_voc(content, picture, size_of)),
        ".json": _Format("LabelMe", is_labelme, lambda content, picture: read_labelme(content, picture, size_of)),
    }


def _are(folder: Path, pairs: list[tuple[str, str]], form: _Format) -> bool:
    full = [file for file, _ in pairs if (folder / file).stat().st_size][:: max(1, len(pairs) // SAMPLE)]
    return sum(form.is_one(_content(folder, file)) for file in full) >= MOSTLY * len(full) > 0


def _read(folder: Path, pairs: list[tuple[str, str]], form: _Format, listed: dict[str, str]) -> Listed:
    rows = [
        row
        for file, picture in progress(pairs, f"read {form.name}", unit="files")
        for row in form.read(_content(folder, file), picture)
    ]
    names = [file for file, _ in pairs]
    common = commonpath([str(PurePosixPath(name).parent) for name in names]) or "."
    said = [form.note] * bool(form.note)
    return Listed([f"{common}/"], Annotations(form.name, list(_with_sides(rows, listed)), said), [*names, *form.also])


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


def _content(folder: Path, file: str) -> bytes:
    path = folder / file
    return path.read_bytes() if path.stat().st_size <= LARGEST else b""


def _text(content: bytes) -> str:
    return content.decode("utf-8-sig", "replace")
