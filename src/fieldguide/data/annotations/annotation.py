"""What every format of annotations is read into."""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from math import isfinite
from typing import Any

from fieldguide.base.errors import UserError
from fieldguide.data.field_data import NOTHING_KNOWN, FieldData

Box = tuple[float, float, float, float]  # left, top, width, height
SizeOf = Callable[[str], tuple[int, int] | None]  # width and height in pixels of a file as written; None if unknown
PICTURE = re.compile(r"(?i).+\.(jpe?g|png|gif|webp|bmp|tiff?|avif|jp2|ppm|heic|mp4|avi|mov|mkv|m4v)")
DETECTION, CONFIDENCE = "detection", "confidence"  # own columns of boxes that a detector found


@dataclass(frozen=True)
class Annotation:
    """What is said of one picture, or of one box in it.

    `file` is as written, with "/" between folders, or an address. `label` is "" where none is said. Of what is `known`,
    the box is in shares of the upright picture, and the given split is the word that stands there. `left_out` says why
    it cannot be used, else "".
    """

    file: str
    label: str = ""
    known: FieldData = NOTHING_KNOWN
    left_out: str = ""


@dataclass(frozen=True)
class Annotations:
    """What a file says: its format in words, a row for each picture or box in its order, and how it was understood.

    `labels_by` is the program whose answers the labels are, "" where they are people's.
    """

    format: str
    rows: list[Annotation]
    understood: list[str] = field(default_factory=list)
    labels_by: str = ""


class NotAnnotations(UserError):
    """A file that is none of the formats."""


def with_box(one: Annotation, box: Sequence[float], size: tuple[int, int] | None, pixels: bool) -> Annotation:
    """The same with a box, left, top, width and height in shares or in pixels of a picture of this size.

    It is left out if the box has no area, lies outside the picture, or cannot be turned into shares.
    """
    if len(box) != 4 or not all(map(isfinite, box)) or min(box[2:]) <= 0:
        return replace(one, left_out="its box has no area")
    if pixels and not (size and min(size) > 0):
        return replace(one, left_out="its box is in pixels, and the size of the picture is not known")
    scale = (*size, *size) if pixels and size else (1, 1, 1, 1)
    left, top, width, height = (round(value / of, 12) for value, of in zip(box, scale, strict=True))
    if left >= 1 or top >= 1 or left + width <= 0 or top + height <= 0:
        return replace(one, left_out="its box is outside the picture")
    return replace(one, known=replace(one.known, box=(left, top, width, height)))


def without_repeats(rows: Iterable[Annotation]) -> list[Annotation]:
    """The rows of one picture without those that add nothing: the same once more, or a label that a box has too."""
    rows = list(rows)
    boxed = {row.label for row in rows if row.known.box}
    telling = [row for row in rows if row.known.box or row.left_out or row.label not in boxed]
    return list({(row.label, row.known.box, row.left_out): row for row in telling}.values())


def floats(values: Any) -> list[float]:
    """A list of finite numbers as JSON or cells hold it; none at all if it is anything else."""
    try:
        numbers = [float(value) for value in values]
    except (TypeError, ValueError, OverflowError):
        return []
    return numbers if all(map(isfinite, numbers)) else []


def entries(value: Any) -> list[Mapping[str, Any]]:
    """The objects of a JSON list; none at all if it is anything else."""
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []


def plain_path(text: str) -> str:
    """A file as written, with "/" between folders."""
    return text if is_address(text) else text.strip().replace("\\", "/")


def is_address(text: str) -> bool:
    """Whether a picture is on the web."""
    return text.startswith(("http://", "https://"))
