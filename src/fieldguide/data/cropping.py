"""Boxes: the part of a picture that one subject fills, cut out with a margin."""

import hashlib
import math
from dataclasses import replace

from fieldguide.base.shares import significant
from fieldguide.data.decoding.identity import part_id
from fieldguide.data.decoding.picture import Picture, PictureError
from fieldguide.data.status import Status

BOXES = "boxes"  # of `clean.crop`
Box = tuple[float, float, float, float]  # left, top, width, height, as shares of the upright picture's
TOLERANCE = 0.002  # of the picture: detectors round
PART = 1e-6  # of a pixel: shares are quotients of whole pixels, and come back with an error of the last digit


def cut(picture: Picture, box: Box, margin: float) -> Picture:
    """Cut a box out of an upright picture, with `margin` times its width and height on each side.

    What reaches beyond the picture is cut off; the note tells where that is more than rounding. The picture must have
    been read in full. The id of the part follows from that of the picture and from its place there, in whole pixels.

    Raises
    ------
    PictureError
        NO_BOX, if the box has no size, or lies outside the picture.
    """
    image = picture.image
    assert image.size == picture.size
    left, top, width, height = box
    if not all(map(math.isfinite, box)) or width <= 0 or height <= 0:
        raise PictureError(Status.NO_BOX, f"its box has no size: {in_words(box)}")
    if left >= 1 or top >= 1 or left + width <= 0 or top + height <= 0:
        raise PictureError(Status.NO_BOX, f"its box lies outside the picture: {in_words(box)}")
    (first_column, end_column), (first_row, end_row) = (
        _span(left, width, margin, image.width),
        _span(top, height, margin, image.height),
    )
    pixels = (first_column, first_row, end_column, end_row)
    beyond = max(-left, -top, left + width - 1, top + height - 1) > TOLERANCE
    note = "; ".join(filter(None, (picture.note, "its box reaches beyond the picture" if beyond else "")))
    wide = hashlib.sha256(f"{picture.wide}:{pixels}".encode()).hexdigest() if picture.wide else ""
    part = image.crop(pixels)
    return replace(picture, image=part, id=part_id(picture.id, pixels), size=part.size, note=note, wide=wide)


def in_words(box: Box) -> str:
    """A box for a person: left, top, width and height, to three digits."""
    names = ("left", "top", "width", "height")
    return ", ".join(f"{name} {significant(value, 3)}" for name, value in zip(names, box, strict=True))


def _span(start: float, size: float, margin: float, pixels: int) -> tuple[int, int]:
    """The pixels that a box covers along one side, with its margins: the first, and the one behind the last."""
    first = math.floor(max(0.0, start - margin * size) * pixels + PART)
    end = math.ceil(min(1.0, start + size + margin * size) * pixels - PART)
    first = min(first, pixels - 1)
    return first, max(end, first + 1)
