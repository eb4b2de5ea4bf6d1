"""Which files can be decoded without further guard, since their structure bounds the work.

A header's size does not bound what a decoder does: a progressive JPEG may have thousands of scans, text and EXIF may
unfold to gigabytes. Only JPEG and PNG files that are built as cameras and programs build them are ordinary; whatever
else there is, other formats too, is left to a process of its own (see `isolated`).
"""

import re
import struct
import zlib
from collections.abc import Iterator

MAX_FILE_SIZE = 64 * 2**20  # bytes of a file
MAX_SEGMENTS = 20_000
MAX_EXIF = 2**16  # bytes: what one segment of a JPEG holds at most; its entries may all point to the same bytes
MAX_MEGAPIXELS = 64  # of more, the pixels and their copies would add to what the asking process holds
MAX_WORK = 400  # megapixels times scans: some three seconds
SCAN = b"\xff\xda"
FRAMES = {0xC0, 0xC1, 0xC2}  # baseline, extended and progressive; the rest is rare (lossless) or slow (arithmetic)
PADDING = re.compile(rb"\xff{2,}+")  # in front of a marker
WITHOUT_LENGTH = {0x01, *range(0xD0, 0xD9)}


class DisorderError(Exception):
    """The file is not a sequence of segments as its format wants it."""


def is_ordinary(kind: str | None, data: bytes) -> bool:
    """Whether a JPEG or PNG file can be decoded in a few seconds, with little more memory than its pixels take."""
    try:
        if kind == "JPEG":
            return _is_ordinary_jpeg(data)
        return kind == "PNG" and _is_ordinary_png(data)
    except (DisorderError, struct.error):
        return False


def jpeg_segments(data: bytes) -> Iterator[tuple[int, int, int]]:
    """Marker, start and end of the content of each segment up to and with the head of the first scan."""
    place = 2
    for _ in range(MAX_SEGMENTS):
        if padding := PADDING.match(data, place):
            place = padding.end() - 1
        if len(data) < place + 4 or data[place] != 0xFF or data[place + 1] in {0x00, *WITHOUT_LENGTH}:
            break
        marker, end = data[place + 1], place + 2 + int.from_bytes(data[place + 2 : place + 4], "big")
        yield marker, place + 4, end
        if marker == SCAN[1]:
            return
        place = end
    raise DisorderError


def jpeg_scans(data: bytes) -> Iterator[bytes]:
    """The content of the head of each scan of the first picture in a JPEG file."""
    start = next(start for marker, start, _ in jpeg_segments(data) if marker == SCAN[1])
    yield data[start : start + 14]
    for found in re.finditer(rb"\xff[\xd9\xda]", data[start:]):
        if found[0] != SCAN:
            return
        place = start + found.end() + 2
        yield data[place : place + 14]


def png_chunks(data: bytes) -> Iterator[tuple[bytes, memoryview, bool]]:
    """Kind and content of each chunk, and whether its checksum is right; ends with IEND or where the file does."""
    view, place = memoryview(data), 8
    for _ in range(MAX_SEGMENTS):
        if len(data) < place + 12:
            return
        length, kind = struct.unpack_from(">I4s", data, place)
        content = view[place + 8 : place + 8 + length]
        if len(content) < length or len(data) < place + 12 + length:
            return
        (checksum,) = struct.unpack_from(">I", data, place + 8 + length)
        yield kind, content, zlib.crc32(content, zlib.crc32(kind)) == checksum
        if kind == b"IEND":
            return
        place += 12 + length
    raise DisorderError(f"more than {MAX_SEGMENTS} segments")


def _is_ordinary_jpeg(data: bytes) -> bool:
    exif, megapixels, frame = 0, 0.0, 0
    for marker, start, end in jpeg_segments(data):
        if marker in FRAMES:
            height, width = struct.unpack_from(">HH", data, start + 1)
            frame, megapixels = marker, width * height / 1e6
        elif marker == 0xE1 and data[start : start + 4] == b"Exif":
            exif += end - start
    is_small = 0 < megapixels <= MAX_MEGAPIXELS and megapixels * data.count(SCAN) <= MAX_WORK
    return bool(frame) and exif <= MAX_EXIF and is_small


def _is_ordinary_png(data: bytes) -> bool:
    chunks = [(kind, content) for kind, content, _ in png_chunks(data)]
    if not chunks or chunks[0][0] != b"IHDR" or len(chunks[0][1]) < 13:
        return False
    exif = sum(len(content) for kind, content in chunks if kind == b"eXIf")
    width, height, bits = struct.unpack_from(">IIB", chunks[0][1])
    is_small = width * height <= MAX_MEGAPIXELS * 1e6 and bits <= 8  # what more bits hold takes several passes
    return exif <= MAX_EXIF and is_small
