"""COCO and COCO Camera Traps: images, categories and annotations, with or without boxes.

The formats of https://cocodataset.org/#format-data and https://github.com/agentmorris/MegaDetector (COCO Camera Traps):
boxes are left, top, width and height in pixels; images may have location, datetime and seq_id.
"""

from collections import defaultdict
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
from fieldguide.data.annotations.cells import as_text
from fieldguide.data.annotations.times import read_times
from fieldguide.data.field_data import FieldData

FILE, SITE, SEQUENCE, SPLIT = ("file_name",), ("location", "site"), ("seq_id", "sequence_id"), ("split", "subset")
TIME = ("datetime", "date_captured")


def is_coco(content: Any) -> bool:
    """Whether a JSON file's content is COCO."""
    return isinstance(content, dict) and all(isinstance(content.get(key), list) for key in ("images", "annotations"))


def read_coco(content: Mapping[str, Any], size_of: SizeOf) -> Annotations:
    """A row for each annotation; an image without one has a row that is left out."""
    names = {as_text(one.get("id")): str(one.get("name", "")) for one in entries(content.get("categories"))}
    by_image: dict[str, list[Mapping[str, Any]]] = defaultdict(list)
    for one in entries(content.get("annotations")):
        by_image[as_text(one.get("image_id"))].append(one)
    images = entries(content.get("images"))
    times, _ = read_times([_first(image, TIME) for image in images])
    rows: list[Annotation] = []
    for image, time in zip(images, times, strict=True):
        site, sequence, split = (_first(image, keys) or None for keys in (SITE, SEQUENCE, SPLIT))
        known = FieldData(site, time, sequence, given_split=split)
        of_image = by_image.pop(as_text(image.get("id")), [])
        rows += without_repeats(_rows(image, known, of_image, names, size_of))
    rows += [
        Annotation("", left_out=f"an annotation of the image {image!r}, which is not listed") for image in by_image
    ]
    return Annotations("COCO", rows)


def _rows(
    image: Mapping[str, Any],
    known: FieldData,
    annotations: list[Mapping[str, Any]],
    names: Mapping[str, str],
    size_of: SizeOf,
) -> Iterator[Annotation]:
    file = plain_path(_first(image, FILE))
    if not annotations:
        yield Annotation(file, known=known, left_out="the file lists the picture without an annotation")
    for one in annotations:
        category = as_text(one.get("category_id"))
        row = Annotation(file, names.get(category, ""), known)
        if category not in names:
            yield Annotation(file, known=known, left_out=f"its category {category!r} is not listed")
        elif box := one.get("bbox"):
            sides = [int(side) for side in floats([image.get("width"), image.get("height")])]
            size = (sides[0], sides[1]) if sides and min(sides) > 0 else size_of(file)
            yield with_box(row, floats(box), size, pixels=True)
        else:
            yield row


def _first(image: Mapping[str, Any], keys: tuple[str, ...]) -> str:
    return next((text for key in keys if (text := as_text(image.get(key)))), "")
