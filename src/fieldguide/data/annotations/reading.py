"""Reading a file of annotations, whichever format its content is."""

import json
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

from fieldguide.base.errors import UserError
from fieldguide.base.packs import is_a_file, open_file
from fieldguide.data.annotations.annotation import Annotations, SizeOf
from fieldguide.data.annotations.camtrap_dp import is_camtrap_dp, read_camtrap_dp
from fieldguide.data.annotations.cells import from_records, read_cells
from fieldguide.data.annotations.coco import is_coco, read_coco
from fieldguide.data.annotations.create_ml import is_create_ml, read_create_ml
from fieldguide.data.annotations.megadetector import is_megadetector, read_megadetector
from fieldguide.data.annotations.open_images import is_open_images, with_names
from fieldguide.data.annotations.table import read_table_rows
from fieldguide.data.annotations.via import is_via, is_via_table, read_via, read_via_table

FORMATS = ("JPEG", "PNG", "TIFF", "WEBP", "GIF", "BMP")
TURNED = {5, 6, 7, 8}  # EXIF orientations that swap width and height
ORIENTATION = 0x0112


def read_annotations(
    file: Path,
    pictures: Path | None = None,
    columns: Mapping[str, str] | None = None,
    least_confidence: float | None = None,
    find: Callable[[str], Path | None] | None = None,
) -> Annotations:
    """What a file says of pictures: a table (CSV, TSV, JSON lines, Parquet, Excel, also that of Open Images), COCO,
    Camtrap DP, MegaDetector, Create ML or VGG Image Annotator.

    Parameters
    ----------
    pictures
        The folder that the files in it are relative to; by default its own.
    columns
        For tables: which column is the `file`, `label`, `site`, `time`, `sequence` or `split`, where its name does not
        say; `dates` is `day-first` or `month-first`. Of VGG Image Annotator, which attribute is the label.
    least_confidence
        Of a detector's boxes, 0 to 1; by default what the file recommends.
    find
        Where a file as written is, if not simply below `pictures`.

    Raises
    ------
    Ambiguous
        If columns or dates may mean several things. NotAnnotations if it is none of the formats. UserError if it cannot
        be read.
    """
    folder = file.parent if pictures is None else pictures
    find = find or partial(file_below, folder)
    size_of = partial(_size, find)
    try:
        content = _json(file)
        if is_camtrap_dp(content):
            return read_camtrap_dp(content, lambda text: file_below(file.parent, text) or find(text))
        if is_coco(content):
            return read_coco(content, size_of)
        if is_megadetector(content):
            return read_megadetector(content, size_of, least_confidence)
        if is_create_ml(content):
            return read_create_ml(content, size_of)
        if is_via(content):
            return read_via(content, file.name, size_of, columns or {})
        table = read_cells(file) if content is None else from_records(content, file.name)
        if is_via_table(table):
            return read_via_table(table, file.name, size_of, columns or {})
        if is_open_images(table):
            table = with_names(table, lambda text: file_below(file.parent, text) or find(text))
    except OSError as error:
        raise UserError(f"{file} cannot be read: {error.strerror}") from None
    return read_table_rows(table, file.name, size_of, lambda text: find(text) is not None, columns or {})


def _json(file: Path) -> Any:
    """The content of a JSON file, None for any other."""
    with open_file(file) as stream:
        first = stream.read(200).removeprefix(b"\xef\xbb\xbf").lstrip()[:1]
        if first not in (b"{", b"["):
            return None
        stream.seek(0)
        content = stream.read()
    try:
        return json.loads(content.decode("utf-8-sig"))
    except (ValueError, RecursionError):  # JSON lines, perhaps
        return None


def file_below(folder: Path, text: str) -> Path | None:
    """A file as written below a folder, and never outside it."""
    try:
        path = folder / text
        inside = path.resolve().is_relative_to(folder.resolve())
        return path if inside and is_a_file(path) else None
    except (OSError, ValueError):  # a name that is too long, or holds a null
        return None


def size_in(files: Mapping[str, Path]) -> SizeOf:
    """Which tells the size of a picture among files, see `SizeOf`."""
    return partial(_size, files.get)


def _size(find: Callable[[str], Path | None], text: str) -> tuple[int, int] | None:
    """Width and height of the upright picture, by its header alone."""
    from PIL import Image  # only here: most boxes are in shares, or come with the size

    if (path := find(text)) is None:
        return None
    try:
        with open_file(path) as file, Image.open(file, formats=FORMATS) as image:
            width, height = image.size
            turned = image.getexif().get(ORIENTATION) in TURNED
    except Exception:  # whatever a hostile file makes a decoder raise: its box is left out
        return None
    return (height, width) if turned else (width, height)
