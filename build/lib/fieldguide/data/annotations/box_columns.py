"""The columns of a table that hold boxes: which they are, in which order, in pixels or in shares."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

CORNER_AND_SIZE, CORNERS, CENTRE_AND_SIZE = "left, top, width, height", "left, top, right, bottom", "centre, size"
PREFIX = re.compile(r"^(boundingbox|bbox|box|bb|detection)(?=.)")
FOURS = {  # corners first: beside them, width and height are the picture's
    **dict.fromkeys((("xmin", "ymin", "xmax", "ymax"), ("x1", "y1", "x2", "y2"), ("x0", "y0", "x1", "y1")), CORNERS),
    **dict.fromkeys((("left", "top", "right", "bottom"), ("minx", "miny", "maxx", "maxy")), CORNERS),
    **dict.fromkeys((("xcenter", "ycenter", "width", "height"), ("cx", "cy", "w", "h")), CENTRE_AND_SIZE),
    **dict.fromkeys((("x", "y", "w", "h"), ("xmin", "ymin", "w", "h")), CORNER_AND_SIZE),
    **dict.fromkeys((("left", "top", "width", "height"), ("x", "y", "width", "height")), CORNER_AND_SIZE),
    ("xmin", "ymin", "width", "height"): CORNER_AND_SIZE,
}
SINGLE = {"box", "bbox", "boundingbox", "boxes", "bboxes", "bb"}
WIDTHS = ("imagewidth", "imgwidth", "picturewidth", "width")
HEIGHTS = ("imageheight", "imgheight", "pictureheight", "height")
LARGEST_SHARE = 1.5  # a box may stand out of its picture a little
SLACK = 1.01
NUMBER = re.compile(r"[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?")


@dataclass(frozen=True)
class BoxColumns:
    """Where a table's boxes are: four columns, or one with four numbers; and the two of the picture's size, if any."""

    names: tuple[str, ...]
    order: str
    size: tuple[str, str] | None

    @property
    def used(self) -> set[str]:
        """All columns that it needs."""
        return {*self.names, *(self.size or ())}


def find_boxes(plain: Mapping[str, str]) -> BoxColumns | None:
    """Find the columns of boxes; `plain` maps names in lower case without signs to the columns' own."""
    bare = {**plain, **{PREFIX.sub("", name): own for name, own in plain.items() if PREFIX.match(name)}}
    for four, order in FOURS.items():
        if all(name in bare for name in four):
            names = tuple(bare[name] for name in four)
            return BoxColumns(names, order, _size(plain, names))
    single = [own for name, own in plain.items() if name in SINGLE]
    return BoxColumns((single[0],), "", _size(plain, single)) if single else None


def box_numbers(cells: Sequence[Sequence[str]]) -> list[list[float]]:
    """The four numbers of each row's box, none where it has no box; a row has four texts, or one with four numbers."""
    numbers = [[float(number) for number in NUMBER.findall(" ".join(texts))] for texts in cells]
    return [box if len(box) == 4 else [] for box in numbers]


def in_pixels(boxes: Sequence[Sequence[float]]) -> bool:
    """Whether most boxes are in pixels: shares are at most 1."""
    large = [max(map(abs, box)) > LARGEST_SHARE for box in boxes if box]
    return sum(large) > len(large) / 2


def order_of(boxes: Sequence[Sequence[float]], sizes: Sequence[tuple[int, int] | None]) -> str:
    """What four numbers in one column are: as in COCO, unless a box would leave its picture and all can be corners."""
    known = [(box, size) for box, size in zip(boxes, sizes, strict=True) if box and size]
    beyond = [box[0] + box[2] > size[0] * SLACK or box[1] + box[3] > size[1] * SLACK for box, size in known]
    corners = all(box[2] > box[0] and box[3] > box[1] for box, _ in known)
    return CORNERS if corners and any(beyond) else CORNER_AND_SIZE


def as_corner_and_size(box: Sequence[float], order: str) -> list[float]:
    """A box as left, top, width and height; what is none stays so."""
    if not box:
        return []
    one, two, three, four = box
    if order == CORNERS:
        return [one, two, three - one, four - two]
    return [one - three / 2, two - four / 2, three, four] if order == CENTRE_AND_SIZE else [*box]


def _size(plain: Mapping[str, str], used: Sequence[str]) -> tuple[str, str] | None:
    free = {name: own for name, own in plain.items() if own not in used}
    for width, height in zip(WIDTHS, HEIGHTS, strict=True):
        if width in free and height in free:
            return free[width], free[height]
    return None
