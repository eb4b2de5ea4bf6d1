"""Picture files that no library writes: headers, chunks, tags and profiles of one's own choice."""

import struct
import zlib
from typing import Any

from numpy.typing import NDArray


def chunk(kind: bytes, body: bytes) -> bytes:
    """A chunk of a PNG file with its checksum."""
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def png_file(header: tuple[int, ...], *chunks: bytes) -> bytes:
    """A PNG file of these chunks; the header is width, height, bits, colour type, compression, filter, interlace."""
    start = chunk(b"IHDR", struct.pack(">IIBBBBB", *header))
    return b"\x89PNG\r\n\x1a\n" + b"".join([start, *chunks, chunk(b"IEND", b"")])


def png(values: NDArray[Any], colour_type: int, *chunks: tuple[bytes, bytes]) -> bytes:
    """A PNG file with 16 bits a channel."""
    rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in values)
    header = (values.shape[1], values.shape[0], 16, colour_type, 0, 0, 0)
    return png_file(header, *(chunk(*one) for one in chunks), chunk(b"IDAT", zlib.compress(rows)))


def tiff(order: str, shape: tuple[int, ...], strip: bytes, tags: dict[int, int | tuple[int, ...]]) -> bytes:
    """A TIFF file of one strip; tags of several values are of 16 bits."""
    tags = {256: shape[1], 257: shape[0], 278: shape[0], 279: len(strip), 273: 0, **tags}
    after = 8 + 2 + 12 * len(tags) + 4
    entries, extra = b"", b""
    tags[273] = after + sum(2 * len(value) for value in tags.values() if isinstance(value, tuple))
    for tag, value in sorted(tags.items()):
        if isinstance(value, tuple):
            entries += struct.pack(f"{order}HHII", tag, 3, len(value), after + len(extra))
            extra += struct.pack(f"{order}{len(value)}H", *value)
        else:
            entries += struct.pack(f"{order}HHII", tag, 4, 1, value)
    start = {"<": b"II*\0", ">": b"MM\0*"}[order] + struct.pack(f"{order}IH", 8, len(tags))
    return start + entries + bytes(4) + extra + strip


def profile_of(primaries: tuple[float, ...], gamma: float = 2.2) -> bytes:
    """An ICC profile of three colorants (XYZ, adapted to D50) and one gamma."""

    def number(value: float) -> bytes:
        return struct.pack(">i", round(value * 65536))

    curve = b"curv" + bytes(4) + struct.pack(">IH", 1, round(gamma * 256)) + bytes(2)
    white = b"XYZ " + bytes(4) + number(0.9642) + number(1) + number(0.8249)
    colorants = [b"XYZ " + bytes(4) + b"".join(map(number, primaries[place : place + 3])) for place in (0, 3, 6)]
    text = b"desc" + bytes(4) + struct.pack(">I", 5) + b"test\0" + bytes(78) + bytes(1)
    tags = dict(zip((b"wtpt", b"rXYZ", b"gXYZ", b"bXYZ"), [white, *colorants], strict=True))
    tags |= {
        b"rTRC": curve,
        b"gTRC": curve,
        b"bTRC": curve,
        b"desc": text,
        b"cprt": b"text" + bytes(4) + b"free\0" + bytes(3),
    }
    place, table, body = 128 + 4 + 12 * len(tags), struct.pack(">I", len(tags)), b""
    for name, content in tags.items():
        table += name + struct.pack(">II", place + len(body), len(content))
        body += content + bytes(-len(content) % 4)
    header = struct.pack(">I4s4s4s4s4s", place + len(body), b"lcms", b"\x02\x40\0\0", b"mntr", b"RGB ", b"XYZ ")
    header += bytes(12) + b"acsp" + bytes(28) + number(0.9642) + number(1) + number(0.8249)
    return header.ljust(128, b"\0") + table + body


P3 = profile_of((0.51512, 0.2412, -0.00105, 0.29198, 0.69225, 0.04189, 0.1571, 0.06657, 0.78407))
