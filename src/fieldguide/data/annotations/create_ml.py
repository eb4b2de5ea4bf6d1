"""Create ML: a JSON list of images, each with its labels, most with boxes.

The format of https://developer.apple.com/documentation/createml/building-an-object-detector-data-source: boxes are the
centre and the size, in pixels unless whoever trains says otherwise; shares are known by being at most 1.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from fieldguide.data.annotations.annotation import (
    Annotation,
    Annotations,
    SizeOf,
    entries,
    floats,
    plain_path,
    with_box,
    without_repeats,
)
from fieldguide.data.annotations.box_columns import CENTRE_AND_SIZE, as_corner_and_size, in_pixels
from fieldguide.data.annotations.cells import as_text

FILE, SAID = ("image", "imagefilename"), ("annotations", "annotation")
SIDES = ("x", "y", "width", "height")


def is_create_ml(content: Any) -> bool:
    """Whether a JSON file's content is of Create ML."""
    images = entries(content)
    return bool(images) and len(images) == len(content) and all(_first(one, FILE) and _said(one) for one in images)


def read_create_ml(content: Any, size_of: SizeOf) -> Annotations:
    """A row for each annotation; an image without one has a row that is left out."""
    images = entries(content)
    pixels = in_pixels([_box(one) for image in images for one in entries(_first(image, SAID))])
    rows: list[Annotation] = []
    for image in images:
        rows += without_repeats(_rows(image, size_of, pixels))
    return Annotations("Create ML", rows)


def _rows(image: Mapping[str, Any], size_of: SizeOf, pixels: bool) -> Iterator[Annotation]:
    file, said = plain_path(as_text(_first(image, FILE))), _first(image, SAID)
    if isinstance(said, str):
        yield Annotation(file, said.strip())
    elif not entries(said):
        yield Annotation(file, left_out="the file lists the picture without an annotation")
    size = size_of(file) if pixels and any("coordinates" in one for one in entries(said)) else None
    for one in entries(said):
        row = Annotation(file, as_text(one.get("label")))
        box = as_corner_and_size(_box(one), CENTRE_AND_SIZE)
        yield with_box(row, box, size, pixels) if "coordinates" in one else row


def _box(one: Mapping[str, Any]) -> list[float]:
    sides = one.get("coordinates")
    return floats([sides.get(side) for side in SIDES]) if isinstance(sides, dict) else []


def _said(image: Mapping[str, Any]) -> bool:
    """Whether it has what is said of an image: a label, or objects with labels."""
    said = _first(image, SAID)
    return isinstance(said, str) or (isinstance(said, list) and all("label" in one for one in entries(said)))


def _first(image: Mapping[str, Any], keys: tuple[str, ...]) -> Any:
    return next((image[key] for key in keys if key in image), None)
