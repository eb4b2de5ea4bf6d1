"""Parts that a file lacks although its decoder says nothing: strips of a TIFF file, the end of a compressed picture."""

import struct
from collections.abc import Callable, Iterator, Mapping
from typing import BinaryIO

from PIL import ImageFile
from PIL.TiffImagePlugin import (
    IMAGELENGTH,
    IMAGEWIDTH,
    PLANAR_CONFIGURATION,
    ROWSPERSTRIP,
    SAMPLESPERPIXEL,
    STRIPOFFSETS,
    TILELENGTH,
    TILEOFFSETS,
    TILEWIDTH,
    TiffImageFile,
)

from fieldguide.data.decoding.picture import PictureError
from fieldguide.data.status import Status

IN_PLANES = 2  # of PlanarConfiguration
ZEROS, OF_PIXELS = 64, 1 / 1024  # bytes, and bytes for each pixel: ten times what an encoder writes for one colour
FRAME_HEAD = 16  # bytes in front of the chunks of a WebP file's frame


def check_complete(image: ImageFile.ImageFile, kind: str, stream: BinaryIO) -> None:
    """Raise PictureError if a part of the picture is missing in a file of that kind; `image` is opened, not loaded."""
    if isinstance(image, TiffImageFile):
        _check_strips(image)
    if kind in PAYLOADS:
        stream.seek(0)
        payload = PAYLOADS[kind](stream.read())
        # A copy or download that broke off often leaves zeros, and decoders take them for a picture that goes on alike.
        zeros = len(payload) - len(payload.rstrip(b"\0"))
        if zeros > ZEROS + image.width * image.height * OF_PIXELS:
            raise PictureError(Status.DAMAGED, f"the end of the picture is missing: its last {zeros} bytes are zeros")


def _check_strips(image: TiffImageFile) -> None:
    """The file must say where each strip or tile is, of each plane where channels are stored one after the other."""
    width, height = _number(image, IMAGEWIDTH, 1), _number(image, IMAGELENGTH, 1)
    if TILEOFFSETS in image.tag_v2:
        needed = -(-width // _number(image, TILEWIDTH, width)) * -(-height // _number(image, TILELENGTH, height))
    else:
        needed = -(-height // _number(image, ROWSPERSTRIP, height))
    if image.tag_v2.get(PLANAR_CONFIGURATION) == IN_PLANES:
        needed *= _number(image, SAMPLESPERPIXEL, 1)
    held = len(image.tag_v2.get(TILEOFFSETS, image.tag_v2.get(STRIPOFFSETS, ())))
    if held < needed:
        reason = f"parts of the picture are missing: of its {needed} strips or tiles {held} are there"
        raise PictureError(Status.UNREADABLE, reason)


def _number(image: TiffImageFile, tag: int, otherwise: int) -> int:
    value = image.tag_v2.get(tag)
    return value if isinstance(value, int) and value > 0 else otherwise


def _webp_payload(data: bytes) -> bytes:
    """The compressed pixels of the first picture in a WebP file."""
    for name, content in _riff_chunks(data[12:]):
        if name == b"ANMF":
            return _webp_payload(bytes(12) + content[FRAME_HEAD:])
        if name in (b"VP8 ", b"VP8L"):
            return content
    return b""


def _riff_chunks(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    place = 0
    while place + 8 <= len(data):
        name, length = struct.unpack_from("<4sI", data, place)
        yield name, data[place + 8 : place + 8 + length]
        place += 8 + length + length % 2


def _mdat(data: bytes) -> bytes:
    """The last box of media data in a file of ISO's base format, as AVIF and HEIC are."""
    place, found = 0, b""
    while place + 8 <= len(data):
        length, name = struct.unpack_from(">I4s", data, place)
        head = 8
        if length == 1 and place + 16 <= len(data):  # a longer length follows
            head, length = 16, int.from_bytes(data[place + 8 : place + 16], "big")
        length = length or len(data) - place  # 0: to the end of the file
        if length < head:
            break
        if name == b"mdat":
            found = data[place + head : place + length]
        place += length
    return found


PAYLOADS: Mapping[str, Callable[[bytes], bytes]] = {"WEBP": _webp_payload, "AVIF": _mdat, "HEIF": _mdat}  # by format
