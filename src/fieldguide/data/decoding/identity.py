"""The id of a picture: a hash of its encoded data, without what does not change the picture.

Of a JPEG file that is everything but comments and application segments; of a PNG file everything but texts, times and
the like. Orientation and colour profile, which stand in such segments, are hashed as the decoder reads them. Files of
other formats are hashed whole. So a picture keeps its id when its metadata are edited, and files
with one id are decoded to the same pixels. The converse does not hold: the same pixels in other bytes have another id.
"""

import hashlib
import re
from collections.abc import Iterator
from itertools import groupby

from fieldguide.data.decoding.bounds import MAX_SEGMENTS, SCAN, WITHOUT_LENGTH, DisorderError, png_chunks

DIGITS = 16
MARKER = re.compile(rb"\xff++([^\xff])", re.DOTALL)
BEHIND_SCAN = re.compile(rb"\xff[\x01-\xcf\xd8-\xfe]")  # neither a byte FF of compressed data (before 0) nor a restart
END, COMMENT, APPLICATION, JFIF, ADOBE = 0xD9, 0xFE, range(0xE0, 0xF0), 0xE0, 0xEE
FRAMES = {*range(0xC0, 0xD0)} - {0xC4, 0xC8, 0xCC}
USUAL_COMPONENTS = b"\1\2\3\4"  # of luma and chroma, or of inks
ELSEWHERE = {b"tEXt", b"zTXt", b"iTXt", b"eXIf", b"iCCP"}  # chunks of which orientation and profile are hashed


def picture_id(kind: str, data: bytes, orientation: int, profile: bytes | None) -> str:
    """The first 16 hex digits of the sha256 of what the pixels of a picture file follow from.

    Parameters
    ----------
    kind
        Pillow's name of its format.
    data
        The file; of PNG without chunks that the decoder leaves aside (see `fieldguide.data.decoding.png`).
    orientation
        As the decoder reads it, 1 to 8; of JPEG and PNG, as `profile`. Other formats are hashed whole.
    """
    try:
        parts = list(PARTS[kind](data)) if kind in PARTS else None
    except DisorderError:  # whatever a decoder makes of it, it makes the same of the same bytes
        parts = [b"disorder", data]
    if parts is None:
        return hashlib.sha256(data).hexdigest()[:DIGITS]
    digest = hashlib.sha256()
    for part in (f"{kind} {orientation}".encode(), profile or b"", *parts):
        digest.update(len(part).to_bytes(8, "big"))
        digest.update(part)
    return digest.hexdigest()[:DIGITS]


def part_id(picture: str, part: object) -> str:
    """The id of a part of a picture: of its id, and of where the part is."""
    return hashlib.sha256(f"{picture} {part}".encode()).hexdigest()[:DIGITS]


def _jpeg_parts(data: bytes) -> Iterator[bytes | memoryview]:
    """Segments and compressed data up to the end of the first picture, and what says how colours are stored.

    Raises DisorderError for what is not a sequence of segments.
    """
    view, place, is_jfif, adobe, components = memoryview(data), 2, False, b"", b""
    for _ in range(MAX_SEGMENTS):
        found = MARKER.match(data, place)
        if found is None or found[1][0] in {0, *WITHOUT_LENGTH}:
            break
        marker, start = found[1][0], found.end()
        if marker == END:
            return
        place = start + int.from_bytes(data[start : start + 2], "big")
        if not start + 2 <= place <= len(data):
            break
        content = view[start + 2 : place]
        if marker == JFIF:
            is_jfif |= len(content) >= 14 and bytes(content[:5]) == b"JFIF\0"
        elif marker == ADOBE and bytes(content[:5]) == b"Adobe":
            adobe += bytes(content)
        elif marker not in APPLICATION and marker != COMMENT:
            yield found[1]
            yield content
        if marker in FRAMES:
            components = bytes(content[6::3])
        if marker == SCAN[1]:
            yield adobe
            # libjpeg asks for it only where the components have names of their own, or Adobe says how they are stored.
            yield bytes([is_jfif and (bool(adobe) or not USUAL_COMPONENTS.startswith(components))])
            behind = BEHIND_SCAN.search(data, place)
            yield data[place : behind.start() if behind else len(data)].rstrip(b"\xff")  # padding of the marker
            if behind is None:
                return
            place = behind.start()
    raise DisorderError


def _png_parts(data: bytes) -> Iterator[bytes]:
    """Its chunks, each kind before its content; pixels may be divided into any number of them.

    Of a file that was cut short also what there is of the next chunk: decoders take pixels from it.
    """
    whole = [(kind, content) for kind, content, _ in png_chunks(data)]
    chunks = ((kind, content) for kind, content in whole if kind not in ELSEWHERE)
    for kind, same in groupby(chunks, key=lambda chunk: chunk[0]):
        contents = [bytes(content) for _, content in same]
        for content in [b"".join(contents)] if kind == b"IDAT" else contents:
            yield kind
            yield content
    end = 8 + sum(12 + len(content) for _, content in whole)
    if (not whole or whole[-1][0] != b"IEND") and end < len(data):
        yield b"cut short"
        yield data[end:]


PARTS = {"JPEG": _jpeg_parts, "PNG": _png_parts}
