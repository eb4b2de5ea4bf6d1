"""Decoding JPEG with the messages of libjpeg, which continues after damage and fills in what is missing."""

from collections import defaultdict

import numpy as np
import simplejpeg
from numpy.typing import NDArray
from PIL import Image, ImageFile

from fieldguide.data.decoding.bounds import FRAMES, DisorderError, jpeg_scans, jpeg_segments
from fieldguide.data.decoding.jpeg_steps import LEAST, find_step
from fieldguide.data.decoding.picture import PictureError
from fieldguide.data.status import Status

END = b"\xff\xd9"
COLOURS = {"RGB": "RGB", "L": "GRAY", "CMYK": "CMYK"}
DAMAGE = ("Corrupt JPEG data", "Premature end of JPEG file", "Inconsistent progression sequence")
CUT = "Premature end of JPEG file"  # its end is missing, and perhaps more


def load_jpeg(image: ImageFile.ImageFile, data: bytes) -> Image.Image:
    """The pixels of a JPEG file in their own mode; `image` is opened on its bytes and the marker of an end.

    Raises PictureError for what decodes only because the decoder fills in something: UNREADABLE for a file that was cut
    off, DAMAGED for others. What cannot be decoded at all raises as Pillow does.
    """
    pixels, said = _decoded(data, image.mode)
    cut = said.startswith(CUT)
    if cut:
        pixels, said = _decoded(data + END, image.mode)
    if said or pixels is None:
        image.load()
    if said.startswith(DAMAGE):
        if cut:
            raise PictureError(Status.UNREADABLE, "the file was cut off: the rest of the picture is missing")
        raise PictureError(Status.DAMAGED, f"parts of the picture are lost ({said[0].lower()}{said[1:]})")
    if missing := _missing_detail(data):
        raise PictureError(Status.DAMAGED, missing)
    if image.mode in ("L", "RGB"):  # looked at as they are decoded: of large pictures every copy counts
        shown = np.asarray(image) if pixels is None else pixels
        if find_step(shown, _block(data), _coarseness(image)):
            raise PictureError(Status.DAMAGED, "parts of the picture have wrong colours (a step along its blocks)")
    return image if pixels is None else Image.fromarray(pixels)


def _decoded(data: bytes, mode: str) -> tuple[NDArray[np.uint8] | None, str]:
    """The pixels, equal to Pillow's, or libjpeg's message. Of CMYK, which Pillow turns over, the words alone."""
    try:
        if mode == "CMYK":
            simplejpeg.decode_jpeg(data, COLOURS[mode], min_height=1, min_width=1, min_factor=8)
            return None, ""
        pixels = simplejpeg.decode_jpeg(data, COLOURS[mode])
    except ValueError as error:
        return None, str(error)
    return (pixels[:, :, 0] if mode == "L" else pixels), ""


def _block(data: bytes) -> tuple[int, int]:
    """Width and height in pixels of what the file stores at a time."""
    start = next(start for marker, start, _ in jpeg_segments(data) if marker in FRAMES)
    factors = data[start + 7 : start + 6 + 3 * data[start + 5] : 3]
    if len(factors) == 1:
        return 8, 8
    return 8 * max(factor >> 4 for factor in factors), 8 * max(factor & 15 for factor in factors)


def _coarseness(image: ImageFile.ImageFile) -> float:
    """The height in levels from which rounding makes no step between blocks: two roundings of their means."""
    tables: dict[int, list[int]] = getattr(image, "quantization", {})
    return max([LEAST, *(2 * table[0] / 8 for table in tables.values())])


def _missing_detail(data: bytes) -> str:
    """Scans refine the coefficients of each component: say it if some never come, or not in full."""
    try:
        components = next(data[start + 5] for marker, start, _ in jpeg_segments(data) if marker in FRAMES)
        scans = list(jpeg_scans(data))
    except (DisorderError, StopIteration, IndexError):
        return ""
    if scans[0][0] == components and len(scans) == 1:  # a baseline file of one scan
        return ""
    refined: dict[int, dict[int, int]] = defaultdict(dict)  # component: coefficient: its lowest bit so far
    for scan in scans:
        count = scan[0]
        first, last, low = scan[1 + 2 * count], scan[2 + 2 * count], scan[3 + 2 * count] & 15
        for component in scan[1 : 1 + 2 * count : 2]:
            refined[component].update(dict.fromkeys(range(first, last + 1), low))
    full = len(refined) == components and all(set(map(levels.get, range(64))) == {0} for levels in refined.values())
    return "" if full else "parts of the picture are lost (scans are missing)"
