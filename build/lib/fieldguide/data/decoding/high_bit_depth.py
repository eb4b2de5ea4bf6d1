"""Pictures of more than 8 bits a channel: as which depth their values are to be read, and what they are in 8 bits.

A camera of 12 bits writes files of 16, and few formats say so. The depth is then the smallest usual one that holds the
picture's values, or that of the data set if it is larger, so that its pictures are scaled alike.
"""

import hashlib
import sys
from collections.abc import Callable, Iterator
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFile

from fieldguide.data.decoding.picture import STRIP

DEPTHS = (8, 10, 12, 14, 16, 24, 32)
SCALED_BY_PILLOW = ("PPM", "JPEG2000")  # they say their depth, and arrive at full scale
BITS, PHOTOMETRIC, MAX_SAMPLE_VALUE, SAMPLE_FORMAT, S_MAX_SAMPLE_VALUE = 258, 262, 281, 339, 341  # tags of TIFF
WHITE_IS_ZERO = 0
Values = NDArray[Any]  # of uint16, int32 or uint32


def narrow(image: ImageFile.ImageFile, stream: BinaryIO, depth: int | None) -> tuple[Image.Image, int, str] | None:
    """The picture in 8 bits a channel, the depth as which it was read, and a sha256 of its values.

    None if the file has no more than 8 bits. `image` is an opened file that is not loaded yet, `stream` its bytes;
    `depth` is that of the data set. The picture is L, or RGB or RGBA as `image` is.
    """
    read = _reader(image, stream)
    if read is None:
        return None
    least, most, used = 0, 0, 0
    digest = hashlib.sha256(f"{image.width}x{image.height}:{image.mode}:".encode())
    for _, values in _strips(image, read):
        least, most = min(least, int(values.min())), max(most, int(values.max()))
        used |= int(np.bitwise_or.reduce(values, axis=None))
        digest.update(values.astype(values.dtype.newbyteorder("<")).tobytes())
    held = next(bits for bits in DEPTHS if _low(bits, least) <= least and most <= _high(bits, least))
    bits = max(held, _stated(image, stream, most, used) or max(depth or 0, held))
    low, high = _low(bits, least), _high(bits, least)
    inverted = image.format == "TIFF" and _tag(image, PHOTOMETRIC) == WHITE_IS_ZERO
    target = Image.new("L", image.size) if image.mode.startswith("I") else image
    table = _eight(np.arange(2**16), low, high) if bits <= 16 and low == 0 else None
    for top, values in _strips(image, read):
        eight = _eight(values.astype(np.int64), low, high) if table is None else table[values]
        strip = Image.fromarray(255 - eight if inverted else eight)
        if target.mode == "RGBA":
            strip.putalpha(image.crop((0, top, image.width, top + strip.height)).getchannel("A"))
        target.paste(strip, (0, top))
    return target, bits, digest.hexdigest()


def _reader(image: ImageFile.ImageFile, stream: BinaryIO) -> Callable[[int, int], Values] | None:
    """What gives the values of some rows, (rows, width) or (rows, width, 3); None for a file of 8 bits."""
    if image.mode.startswith("I"):
        unsigned = image.format == "TIFF" and _tag(image, BITS) == 32 and _tag(image, SAMPLE_FORMAT) != 2

        def greys(top: int, bottom: int) -> Values:
            values = np.asarray(image.crop((0, top, image.width, bottom)))
            return values.view(np.uint32) if unsigned else values

        image.load()
        return greys
    raw = _raw_mode(image)
    if image.mode not in {"RGB", "RGBA"} or raw.split(";")[-1] not in {"16B", "16L", "16N"} or raw.startswith("RGBa"):
        return None
    # Pillow takes the upper byte of each value; read in the other order of bytes the file gives the lower ones.
    grey, order = raw.startswith("LA"), raw[-1] if raw[-1] != "N" else "BL"[sys.byteorder == "little"]
    other = "RGBA" if grey else f"{raw[:-1]}{'L' if order == 'B' else 'B'}"
    stream.seek(0)
    lower = Image.open(stream, formats=(str(image.format),))
    lower.tile = [tile._replace(args=_with_raw_mode(tile.args, other)) for tile in lower.tile]
    lower.load()
    stream.seek(0)
    image.load()

    def colours(top: int, bottom: int) -> Values:
        box = (0, top, image.width, bottom)
        upper, rest = np.asarray(image.crop(box))[:, :, :3], np.asarray(lower.crop(box))[:, :, :3]
        return upper.astype(np.uint16) * 256 + (rest[:, :, 1:2] if grey else rest)

    return colours


def _strips(image: Image.Image, read: Callable[[int, int], Values]) -> Iterator[tuple[int, Values]]:
    for top in range(0, image.height, STRIP):
        yield top, read(top, min(top + STRIP, image.height))


def _eight(values: NDArray[np.int64], low: int, high: int) -> NDArray[np.uint8]:
    return ((values - low) * 255 // (high - low)).clip(0, 255).astype(np.uint8)


def _low(bits: int, least: int) -> int:
    return -(2 ** (bits - 1)) if least < 0 else 0


def _high(bits: int, least: int) -> int:
    return 2 ** (bits - 1 if least < 0 else bits) - 1


def _stated(image: ImageFile.ImageFile, stream: BinaryIO, most: int, used: int) -> int | None:
    """The depth that the file itself tells; None if it does not. `used` has the bits that any value has."""
    if image.format in SCALED_BY_PILLOW:
        return 16
    if image.format == "TIFF":
        if (bits := _tag(image, BITS)) not in {16, 32}:
            return bits
        largest = _tag(image, S_MAX_SAMPLE_VALUE) or _tag(image, MAX_SAMPLE_VALUE)
        return next((bits for bits in DEPTHS if largest and largest < 2**bits), None)
    bits = _significant_bits(stream)
    if bits is None or not 0 < bits < 16:
        return bits
    # The standard has values scaled up to 16 bits; who writes the sensor's values unscaled names their depth too.
    return 16 if most >= 2**bits or not used & (2 ** (16 - bits) - 1) else bits


def _significant_bits(stream: BinaryIO) -> int | None:
    """The largest number in the chunk sBIT of a PNG file."""
    stream.seek(0)
    head = stream.read(2**16).partition(b"IDAT")[0]
    place = head.find(b"sBIT")
    return None if place < 4 else max(head[place + 4 : place + 4 + head[place - 1]], default=None)


def _tag(image: Image.Image, number: int) -> int | None:
    value = getattr(image, "tag_v2", {}).get(number)
    first = value[0] if isinstance(value, tuple) and value else value
    return int(first) if isinstance(first, int | float) else None


def _raw_mode(image: ImageFile.ImageFile) -> str:
    args: Any = image.tile[0].args if image.tile else ""
    return str(args if isinstance(args, str) else args[0] if args else "")


def _with_raw_mode(args: Any, raw: str) -> Any:
    return raw if isinstance(args, str) else (raw, *args[1:])
