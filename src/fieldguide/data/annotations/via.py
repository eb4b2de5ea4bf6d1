"""VGG Image Annotator (VIA), versions 1 and 2: the regions of each picture, as JSON, as a project, or as CSV.

The formats of https://www.robots.ox.ac.uk/~vgg/software/via/: shapes in pixels of the picture, turned by
radians; attributes of regions and of whole files, whose names people choose, hold a text, or of a checkbox each option
with true or false.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import cos, hypot, sin
from typing import Any

from fieldguide.base.errors import UserError
from fieldguide.base.suggestions import did_you_mean
from fieldguide.data.annotations.annotation import (
    Annotation,
    Annotations,
    SizeOf,
    floats,
    plain_path,
    with_box,
    without_repeats,
)
from fieldguide.data.annotations.cells import Table, as_text
from fieldguide.data.annotations.columns import LABEL, SPELLINGS
from fieldguide.data.choices import COLUMNS, Ambiguous

PROJECT = "_via_img_metadata"
FILE, FILE_SAYS, SHAPE, REGION_SAYS = "filename", "file_attributes", "region_shape_attributes", "region_attributes"
WITHOUT_AREA = ("point", "polyline")


@dataclass(frozen=True)
class _Region:
    """A region, or a file as a whole, which has no shape."""

    file: str
    says: Mapping[str, Any]
    shape: Mapping[str, Any] | None


def is_via(content: Any) -> bool:
    """Whether a JSON file's content is of VIA."""
    images = _images(content)
    return bool(images) and all(isinstance(one.get(FILE), str) and "regions" in one for one in images)


def is_via_table(table: Table) -> bool:
    """Whether a table is of VIA; version 1 begins its first column's name with a sign."""
    return {FILE, SHAPE, REGION_SAYS} <= {name.removeprefix("#") for name in table.header}


def read_via(content: Any, name: str, size_of: SizeOf, chosen: Mapping[str, str]) -> Annotations:
    """A row for each region, or of a file without one for itself; see `read_via_table` for what is raised."""
    found = []
    for image in _images(content):
        file, regions = plain_path(as_text(image.get(FILE))), image.get("regions")
        listed = [*regions.values()] if isinstance(regions, dict) else regions if isinstance(regions, list) else []
        found.append(_Region(file, _mapping(image.get(FILE_SAYS)), None))
        found += [
            _Region(file, _mapping(one.get("region_attributes")), _mapping(one.get("shape_attributes")))
            for one in listed
            if isinstance(one, dict)
        ]
    return _read(found, name, size_of, chosen)


def read_via_table(table: Table, name: str, size_of: SizeOf, chosen: Mapping[str, str]) -> Annotations:
    """The same of a table.

    Parameters
    ----------
    name
        What messages call it.
    chosen
        `label` may be the attribute that is the label.

    Raises
    ------
    Ambiguous
        If several attributes may be. UserError if the chosen one is not there.
    """
    places = {title.removeprefix("#"): place for place, title in enumerate(table.header)}
    found = list[_Region]()
    for row in table.rows:
        file, shape = plain_path(row[places[FILE]]), _parsed(row[places[SHAPE]])
        if FILE_SAYS in places:
            found.append(_Region(file, _parsed(row[places[FILE_SAYS]]), None))
        if shape:
            found.append(_Region(file, _parsed(row[places[REGION_SAYS]]), shape))
    return _read(found, name, size_of, chosen)


def _read(found: Sequence[_Region], name: str, size_of: SizeOf, chosen: Mapping[str, str]) -> Annotations:
    regions, wholes = [one for one in found if one.shape is not None], [one for one in found if one.shape is None]
    attribute = _attribute(found, name, chosen)
    of_regions = any(_label(one, attribute) for one in regions)
    by_file: dict[str, list[_Region]] = {}
    for one in (*wholes, *regions):
        by_file.setdefault(one.file, []).append(one)
    rows: list[Annotation] = []
    for file, ones in by_file.items():
        rows += without_repeats(_rows(file, ones, attribute, of_regions, size_of))
    said = [f"labels from the attribute {attribute!r}"] if attribute else []
    return Annotations("VGG Image Annotator", rows, said)


def _rows(
    file: str, ones: Sequence[_Region], attribute: str | None, of_regions: bool, size_of: SizeOf
) -> Iterator[Annotation]:
    shaped = [one for one in ones if one.shape is not None]
    whole = "" if of_regions else next((label for one in ones if (label := _label(one, attribute))), "")
    if not shaped:
        yield Annotation(file, whole, left_out="" if whole else "no region is marked in it")
    size = size_of(file) if shaped else None
    for one in shaped:
        held = _options(one.says.get(attribute)) if attribute else []
        row = Annotation(file, whole or _label(one, attribute))
        if len(held) > 1:
            row = Annotation(file, left_out=f"a region of it has several labels: {', '.join(held)}")
        box = _box(one.shape or {})
        yield row if row.left_out or box is None else with_box(row, box, size, pixels=True)


def _attribute(found: Sequence[_Region], name: str, chosen: Mapping[str, str]) -> str | None:
    """The attribute that is the label: of regions, if these have any, else of files."""
    of_regions = _names(one for one in found if one.shape is not None)
    names = of_regions or _names(one for one in found if one.shape is None)
    if wanted := chosen.get(LABEL):
        known = [*of_regions, *_names(one for one in found if one.shape is None)]
        if wanted not in known:
            raise UserError(f"{name} has no attribute {wanted!r}{did_you_mean(wanted, known)}")
        return wanted
    likely = [one for one in names if one.replace("_", "").replace(" ", "").casefold() in SPELLINGS[LABEL]] or names
    if len(likely) > 1:
        question = f"{name}: the attributes {' and '.join(map(repr, likely))} may both be the label"
        raise Ambiguous(question, [(COLUMNS, f"{LABEL}={one}") for one in likely])
    return likely[0] if likely else None


def _names(ones: Iterator[_Region]) -> list[str]:
    return [*dict.fromkeys(name for one in ones for name, value in one.says.items() if _options(value))]


def _label(one: _Region, attribute: str | None) -> str:
    held = _options(one.says.get(attribute)) if attribute else []
    return held[0] if len(held) == 1 else ""


def _options(value: Any) -> list[str]:
    """What an attribute says: its text, or of a checkbox the options that are set."""
    if isinstance(value, dict):
        return [str(option) for option, is_set in value.items() if is_set is True]
    return [text] if (text := as_text(value)) else []


def _box(shape: Mapping[str, Any]) -> list[float] | None:
    """Left, top, width and height of a shape; None for one without an area, nothing where it cannot be told."""
    kind = shape.get("name")
    if kind in WITHOUT_AREA:
        return None
    if kind == "rect":
        return floats([shape.get(side) for side in ("x", "y", "width", "height")])
    if kind in ("circle", "ellipse"):
        half = floats([shape.get(side) for side in (("r", "r") if kind == "circle" else ("rx", "ry"))])
        centre, turn = floats([shape.get("cx"), shape.get("cy")]), floats([shape.get("theta") or 0])
        if not (half and centre and turn):
            return []
        across = hypot(half[0] * cos(turn[0]), half[1] * sin(turn[0]))
        down = hypot(half[0] * sin(turn[0]), half[1] * cos(turn[0]))
        return [centre[0] - across, centre[1] - down, 2 * across, 2 * down]
    points = [floats(shape.get(f"all_points_{axis}") or []) for axis in "xy"]
    if not all(points):
        return []
    (left, right), (top, bottom) = ((min(places), max(places)) for places in points)
    return [left, top, right - left, bottom - top]


def _images(content: Any) -> list[Mapping[str, Any]]:
    listed = content.get(PROJECT, content) if isinstance(content, dict) else None
    images = [*listed.values()] if isinstance(listed, dict) else []
    return images if all(isinstance(one, dict) for one in images) else []


def _parsed(text: str) -> Mapping[str, Any]:
    try:
        return _mapping(json.loads(text or "{}"))
    except (ValueError, RecursionError):
        return {}


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}
