"""PNG files without what does not belong to the picture, and whether all of their pixels are there.

Pillow refuses a whole picture for a text that unfolds too far or a resolution that is broken, and it passes over wrong
checksums of pixels and over rows that never come.
"""

import struct
import zlib
from contextlib import suppress

from PIL import Image

from fieldguide.data.decoding.bounds import png_chunks
from fieldguide.data.decoding.colours import BROKEN
from fieldguide.data.decoding.picture import PictureError
from fieldguide.data.status import Status

FIRST_PICTURE = {b"IHDR", b"PLTE", b"tRNS", b"IDAT"}  # chunks that it depends on
USED = {b"iCCP", b"eXIf", b"sBIT", b"acTL", b"fcTL", b"fdAT"}  # of those that a picture can do without
MAX_TEXT = 2**20 - 1  # bytes, unfolded; Pillow refuses the picture for more
MAX_TEXTS = 2**22  # bytes of all together; texts may tell the orientation, those behind are left aside
ANCILLARY = 0x20  # the bit of a kind's first letter that says so
CHANNELS = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}  # by colour type
PASSES = [(0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2)]  # of Adam7


def without_extras(data: bytes) -> tuple[bytes, list[str]]:
    """The file without chunks that the picture does not need or that are broken or too large, and what to say of it.

    Raises PictureError for wrong checksums of the picture itself.
    """
    kept, notes, texts, profiles, end = [data[:8]], list[str](), 0, 0, 8
    for kind, content, right in png_chunks(data):
        if kind in FIRST_PICTURE and not right:
            raise PictureError(Status.DAMAGED, "parts of the picture are wrong (a checksum of the PNG file)")
        start, end = end, end + 12 + len(content)
        if kind in (b"tEXt", b"zTXt", b"iTXt"):
            size = _unfolded(kind, content) if texts <= MAX_TEXTS else 0
            texts += size
            wanted = right and texts <= MAX_TEXTS and size <= MAX_TEXT
        elif kind == b"iCCP":
            wanted = not profiles and right and _unfolded(kind, content) <= MAX_TEXT
            notes += [] if wanted or profiles else [BROKEN]
            profiles += 1  # the first counts
        else:
            wanted = not kind[0] & ANCILLARY or kind in FIRST_PICTURE or (kind in USED and right)
        if wanted:
            kept.append(data[start:end])
    return b"".join([*kept, data[end:]]), notes


def check_rows(data: bytes, decoded: Image.Image) -> None:
    """Raise PictureError where the pixels in the file are fewer than its header says; `decoded` has black there."""
    header = next(content for kind, content, _ in png_chunks(data) if kind == b"IHDR")
    width, height, bits, colour, _, _, interlaced = struct.unpack_from(">IIBBBBB", header)
    last = decoded.crop((0, height - 1, width, height))
    if not interlaced and last.getbbox(alpha_only=False):
        return
    missing = _bytes_of(width, height, bits * CHANNELS.get(colour, 1), bool(interlaced))
    inflate = zlib.decompressobj()
    with suppress(zlib.error):
        for kind, content, _ in png_chunks(data):
            piece = bytes(content) if kind == b"IDAT" else b""
            while piece and missing > 0:
                missing -= len(inflate.decompress(piece, 2**20))
                piece = inflate.unconsumed_tail
    if missing > 0:
        raise PictureError(Status.DAMAGED, "parts of the picture are lost (rows of the PNG file are missing)")


def _bytes_of(width: int, height: int, bits: int, interlaced: bool) -> int:
    """Of the pixels, each row behind its filter."""
    sizes = [(width, height)]
    if interlaced:
        sizes = [((width - x + dx - 1) // dx, (height - y + dy - 1) // dy) for x, y, dx, dy in PASSES]
    return sum((1 + (across * bits + 7) // 8) * down for across, down in sizes if across)


def _unfolded(kind: bytes, content: memoryview) -> int:
    """The bytes of a text or profile without its compression, as far as they count."""
    _, _, rest = bytes(content).partition(b"\0")
    if kind == b"tEXt" or (kind == b"iTXt" and rest[:1] != b"\1"):
        return len(content)
    if kind != b"iTXt" and rest[:1] != b"\0":  # the one method of compression that there is
        return MAX_TEXT + 1
    # Behind the method of compression; in the newer kind of text also behind two more names.
    stream = rest[2:].split(b"\0", 2)[-1] if kind == b"iTXt" else rest[1:]
    try:
        return len(zlib.decompressobj().decompress(stream, MAX_TEXT + 1))
    except zlib.error:
        return MAX_TEXT + 1
