"""LabelMe: a JSON file for each picture, with its size and a labelled shape for each object.

The format of https://github.com/wkentaro/labelme: the points of a shape in pixels of the picture; those of a circle are
its centre and a point on it.
"""

import json
from collections.abc import Mapping
from math import dist
from typing import Any

from fieldguide.data.annotations.annotation import Annotation, SizeOf, floats, with_box

WITHOUT_AREA = {"point", "line", "linestrip", "points"}


def is_labelme(content: bytes) -> bool:
    """Whether a file is such an annotation."""
    return _parsed(content) is not None


def read_labelme(content: bytes, picture: str, size_of: SizeOf) -> list[Annotation]:
    """A row for each shape, or for each flag that is set; one that says why where there is neither."""
    said = _parsed(content) or {}
    sides = [int(side) for side in floats([said.get("imageWidth"), said.get("imageHeight")])]
    size = (sides[0], sides[1]) if sides and min(sides) > 0 else size_of(picture)
    rows = [_row(shape, picture, size) for shape in said.get("shapes", []) if isinstance(shape, dict)]
    if not rows and isinstance(flags := said.get("flags"), dict):
        rows = [Annotation(picture, str(name)) for name, is_set in flags.items() if is_set is True]
    return rows or [Annotation(picture, left_out="no object is marked in it")]


def _row(shape: Mapping[str, Any], picture: str, size: tuple[int, int] | None) -> Annotation:
    row = Annotation(picture, str(shape.get("label") or ""))
    kind, points = str(shape.get("shape_type", "polygon")), shape.get("points")
    places = [place for point in points if len(place := floats(point)) == 2] if isinstance(points, list) else []
    if kind in WITHOUT_AREA or len(places) < 2:
        return row
    across, down = zip(*places, strict=True)
    box = [min(across), min(down), max(across) - min(across), max(down) - min(down)]
    if kind == "circle":
        radius = dist(places[0], places[1])
        box = [across[0] - radius, down[0] - radius, 2 * radius, 2 * radius]
    return with_box(row, box, size, pixels=True)


def _parsed(content: bytes) -> dict[str, Any] | None:
    try:
        said = json.loads(content)
    except (ValueError, RecursionError):
        return None
    is_one = isinstance(said, dict) and isinstance(said.get("shapes"), list) and "imagePath" in said
    return said if is_one else None
