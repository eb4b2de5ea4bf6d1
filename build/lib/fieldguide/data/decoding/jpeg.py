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
SCALES = (8, 4, 2)  # those for which libjpeg has short cuts
COLOURS = {"RGB": "RGB", "L": "GRAY", "CMYK": "CMYK"}
DAMAGE = ("Corrupt JPEG data", "Premature end of JPEG file", "Inconsistent progression sequence")
CUT = "Premature end of JPEG file"  # its end is missing, and perhaps more


def load_jpeg(image: ImageFile.ImageFile, data: bytes, max_side: int | None = None) -> Image.Image:
    """The pixels of a JPEG file in their own mode; `image` is opened on its bytes and the marker of an end.

    With `max_side` they may be coarser, see `coarsest_scale`.

    Raises PictureError for what decodes only because the decoder fills in something: UNREADABLE for a file that was cut
    off, DAMAGED for others. What cannot be decoded at all raises as Pillow does.
    """
    block, least = _block(data), _coarseness(image)
    scale = 1 if max_side is None else coarsest_scale(image.size, max_side, block)
    pixels, said = _decoded(data, image, scale)
    cut = said.startswith(CUT)
    if cut:
        data += END
        pixels, said = _decoded(data, image, scale)
    if said:
        scale = 1
    if pixels is None:
        image.draft(None, (image.width // scale, image.height // scale))
        image.load()
    if said.startswith(DAMAGE):
        if cut:
            raise PictureError(Status.UNREADABLE, "the file was cut off: the rest of the picture is missing")
        raise PictureError(Status.DAMAGED, f"parts of the picture are lost ({said[0].lower()}{said[1:]})")
    if missing := _missing_detail(data):
        raise PictureError(Status.DAMAGED, missing)
    if image.mode in ("L", "RGB"):  # looked at as they are decoded: of large pictures every copy counts
        shown = np.asarray(image) if pixels is None else pixels
        if scale > 1 and find_step(shown, (block[0] // scale, block[1] // scale), least / 1.5, slack=3):
            scale, shown = 1, np.asarray(_decoded(data, image, 1)[0])  # here more than steps looks like one
        if scale == 1 and find_step(shown, block, least):
            raise PictureError(Status.DAMAGED, "parts of the picture have wrong colours (a step along its blocks)")
    return image if pixels is None else Image.fromarray(pixels)


def coarsest_scale(size: tuple[int, int], max_side: int, block: tuple[int, int]) -> int:
    """By how many times coarser a JPEG picture can be decoded for a copy whose longest side has `max_side` pixels.

    It stays twice as large as the copy, which is then as good as made from the whole (of photos and copies of 320
    pixels they differ by half a level of 255 on average), and its blocks, of which `block` is the size, two pixels
    wide, so that steps between them show.
    """
    most = min(max(size) // (2 * max_side), *(side // 2 for side in block))
    return next((scale for scale in SCALES if scale <= most), 1)


def _decoded(data: bytes, image: Image.Image, scale: int) -> tuple[NDArray[np.uint8] | None, str]:
    """The pixels at this scale, equal to Pillow's, or libjpeg's words. Of CMYK, which Pillow turns over, only words."""
    try:
        if image.mode == "CMYK":
            simplejpeg.decode_jpeg(data, COLOURS[image.mode], min_height=1, min_width=1, min_factor=8)
            return None, ""
        width, height = -(-image.width // scale), -(-image.height // scale)
        pixels = simplejpeg.decode_jpeg(data, COLOURS[image.mode], min_width=width, min_height=height)
    except ValueError as error:
        return None, str(error)
    return (pixels[:, :, 0] if image.mode == "L" else pixels), ""


def _block(data: bytes) -> tuple[int, int]:
    """Width and height in pixels of what the file stores at a time; the least that there is, where it is not found."""
    try:
        start = next(start for marker, start, _ in jpeg_segments(data) if marker in FRAMES)
        factors = data[start + 7 : start + 6 + 3 * data[start + 5] : 3]
    except (DisorderError, StopIteration, IndexError):
        return 8, 8
    if len(factors) < 2:
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
