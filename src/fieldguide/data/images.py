"""Opening untrusted pictures: bounded, upright, RGB, without metadata; and measuring them."""

import io
import stat
from math import ceil, floor
from pathlib import Path
from typing import BinaryIO

import numpy as np
from PIL import Image

from fieldguide.base.packs import is_packed, open_file
from fieldguide.data.decoding.bounds import MAX_FILE_SIZE, is_ordinary
from fieldguide.data.decoding.decoder import decode, identity_of, reason_of
from fieldguide.data.decoding.isolated import decode_guarded
from fieldguide.data.decoding.kinds import HEAD, kind_of
from fieldguide.data.decoding.picture import Picture as Picture
from fieldguide.data.decoding.picture import PictureError as PictureError
from fieldguide.data.resampling import shrunk
from fieldguide.data.status import Status


def open_picture(
    file: Path | BinaryIO, max_megapixels: float, depth: int | None = None, max_side: int | None = None
) -> Image.Image:
    """The image of `read_picture`: upright RGB without metadata."""
    return read_picture(file, max_megapixels, depth, max_side).image


def open_bounded(file: Path | BinaryIO, max_megapixels: float, max_side: int, depth: int | None = None) -> Image.Image:
    """The same with at most `max_side` pixels along its longest side, decoded no finer than that takes."""
    return bounded_picture(read_picture(file, max_megapixels, depth, max_side), max_side)


def identify(file: Path | BinaryIO) -> str:
    """The id of a picture file (see `fieldguide.data.decoding.identity`): of most no pixel is decoded.

    Raises PictureError: NOT_A_PICTURE, or UNREADABLE where not even the header can be read.
    """
    try:
        data = file.read_bytes() if isinstance(file, Path) else file.read()
    except OSError as error:
        raise PictureError(Status.UNREADABLE, reason_of(error), lasting=False) from None
    if kind_of(data[:HEAD]) in ("JPEG", "PNG") and not is_ordinary(kind_of(data[:HEAD]), data):
        return decode_guarded(data, float("inf"), max_side=1).id
    return identity_of(data)


def read_picture(
    file: Path | BinaryIO, max_megapixels: float, depth: int | None = None, max_side: int | None = None
) -> Picture:
    """Open a file (perhaps in a pack), or its bytes as a binary stream, as an upright sRGB picture without metadata.

    Of an animation the first frame is taken, of a document the first page; transparent parts become white, profiles of
    colour are honoured. Where a channel has more than 8 bits, the file tells its depth, or it is the smallest of 8, 10,
    12, 14 and 16 that holds the values, but at least `depth`, the depth of the data set. With `max_side` the image may
    be coarser than the picture, but no coarser than `bounded_picture` needs it.

    Ordinary JPEG and PNG files are decoded here; what could take more memory or time than its size says goes to a
    process with bounds on both.

    Raises
    ------
    PictureError
        NOT_A_PICTURE, TOO_LARGE (more than `max_megapixels`, found before decoding, or too much memory), TOO_SLOW,
        DAMAGED (it can be decoded, but not in full) or UNREADABLE.
    """
    try:
        if isinstance(file, Path) and is_packed(file):
            return _read(open_file(file), None, max_megapixels, depth, max_side)
        if isinstance(file, Path):
            mode = file.stat().st_mode
            if not stat.S_ISREG(mode) and not stat.S_ISDIR(mode):  # at a pipe `open` would wait for ever
                raise PictureError(Status.UNREADABLE, "not a regular file", lasting=False)
            with file.open("rb") as stream:
                return _read(stream, file, max_megapixels, depth, max_side)
        return _read(file, None, max_megapixels, depth, max_side)
    except OSError as error:
        raise PictureError(Status.UNREADABLE, reason_of(error), lasting=False) from None


def _read(
    stream: BinaryIO, path: Path | None, max_megapixels: float, depth: int | None, max_side: int | None
) -> Picture:
    head = stream.read(HEAD)
    kind = kind_of(head)
    if kind is None:
        return decode(io.BytesIO(head), max_megapixels)  # which says what it is
    if kind not in ("JPEG", "PNG") and path is not None:
        return decode_guarded(path, max_megapixels, depth, max_side)
    content = head + stream.read(MAX_FILE_SIZE if path is not None else -1)
    if len(content) <= MAX_FILE_SIZE and is_ordinary(kind, content):
        return decode(io.BytesIO(content), max_megapixels, depth, max_side)
    return decode_guarded(path or content, max_megapixels, depth, max_side)


def bounded(image: Image.Image, max_side: int) -> Image.Image:
    """A copy whose longest side is at most `max_side` pixels; a smaller picture is not enlarged."""
    return _resized(image, bounded_size(image.size, max_side))


def bounded_picture(picture: Picture, max_side: int) -> Image.Image:
    """The same of a picture, which was perhaps read coarsely for that."""
    return _resized(picture.image, bounded_size(picture.size, max_side))


def bounded_size(size: tuple[int, int], max_side: int) -> tuple[int, int]:
    """Width and height whose longer one is at most `max_side`, as near to their ratio as whole numbers can be."""
    if max(size) <= max_side:
        return size
    # As Pillow's `thumbnail` has it: the shorter side keeps the ratio as well as whole numbers can.
    ratio = size[0] / size[1]
    exact = max_side / ratio if ratio > 1 else max_side * ratio

    def distance(short: int) -> float:
        return abs(ratio - (max_side / short if ratio > 1 else short / max_side))

    short = min((max(1, floor(exact)), max(1, ceil(exact))), key=distance)
    return (max_side, short) if ratio > 1 else (short, max_side)


def _resized(image: Image.Image, size: tuple[int, int]) -> Image.Image:
    return image.copy() if size == image.size else shrunk(image, size)


def as_jpeg(image: Image.Image, quality: int) -> bytes:
    """The bytes of a JPEG file, the same for the same pixels."""
    copy = io.BytesIO()
    image.save(copy, "JPEG", quality=quality)
    return copy.getvalue()


def measure(image: Image.Image) -> dict[str, float]:
    """Brightness (mean luma, 0 to 1), saturation (mean of max - min of RGB, 0 to 1) and sharpness.

    Sharpness is the standard deviation of the 4-neighbour Laplacian of the luma in [0, 1]: about 0.01 for a blurred
    picture, above 0.05 for a sharp one. It depends on the picture's size, so compare pictures of one size.
    """
    rgb, luma = np.asarray(image), np.asarray(image.convert("L"))
    red, green, blue = rgb[:, :, 0], rgb[:, :, 1], rgb[:, :, 2]  # numpy is slow along so short an axis
    spread = np.maximum(np.maximum(red, green), blue) - np.minimum(np.minimum(red, green), blue)
    padded = np.pad(luma.astype(np.int16), 1, mode="edge")
    neighbours = padded[:-2, 1:-1] + padded[2:, 1:-1] + padded[1:-1, :-2] + padded[1:-1, 2:]
    return {
        "brightness": float(luma.mean() / 255),
        "saturation": float(spread.mean() / 255),
        "sharpness": float((neighbours - 4 * padded[1:-1, 1:-1]).std() / 255),
    }


def perceptual_hash(image: Image.Image) -> str:
    """256 bits in hex that change little when a picture is resized, recompressed or lit a little differently.

    The DCT hash of the library imagehash, with 16 x 16 coefficients.
    """
    import imagehash

    return str(imagehash.phash(image, hash_size=16))
