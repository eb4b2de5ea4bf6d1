"""Opening strangers' pictures: bounded, upright, RGB, without metadata; and measuring them."""

import hashlib
import warnings
from pathlib import Path
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray
from PIL import ExifTags, Image, UnidentifiedImageError

from fieldguide.data.status import Status

# Decoders for what cameras and browsers write; Pillow's others (some start programs) stay shut.
FORMATS = ("JPEG", "PNG", "GIF", "WEBP", "BMP", "TIFF", "AVIF")
STRIP = 64  # rows
# What brings a picture upright whose EXIF orientation is the key (the standard's eight, 1 is upright).
TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}


class PictureError(Exception):
    """A picture that cannot be used: `status` says in which way, the message why."""

    def __init__(self, status: Status, reason: str) -> None:
        super().__init__(reason)
        self.status = status


def open_picture(file: Path | BinaryIO, max_megapixels: float) -> Image.Image:
    """Open a file, or its bytes as a binary stream, as an upright RGB picture without metadata.

    Of an animation the first frame is taken; transparent parts become white, 16-bit greys become 8-bit ones.

    Raises
    ------
    PictureError
        NOT_A_PICTURE, TOO_LARGE (more than `max_megapixels`, found before decoding) or UNREADABLE.
    """
    Image.MAX_IMAGE_PIXELS = None  # the bound below is ours, and holds before anything is decoded
    try:
        with warnings.catch_warnings(action="ignore"), Image.open(file, formats=FORMATS) as image:
            megapixels = image.width * image.height / 1e6
            if megapixels > max_megapixels:
                raise PictureError(Status.TOO_LARGE, f"{megapixels:.0f} megapixels, allowed are {max_megapixels:g}")
            image.load()
            picture = _to_rgb(_upright(image))
            picture.info.clear()  # Pillow would write a comment found there into every copy
            return picture
    except PictureError:
        raise
    except UnidentifiedImageError:
        raise _not_a_picture(file) from None
    except Exception as error:  # a decoder may raise anything on hostile bytes; the picture is lost, not the run
        raise PictureError(Status.UNREADABLE, _reason(error)) from None


def picture_id(image: Image.Image) -> str:
    """The first 16 hex digits of the sha256 of an upright RGB picture's size and pixels."""
    digest = hashlib.sha256(f"{image.width}x{image.height}:".encode())
    for top in range(0, image.height, STRIP):  # a large picture at once would be slow to get memory for
        digest.update(image.crop((0, top, image.width, min(top + STRIP, image.height))).tobytes())
    return digest.hexdigest()[:16]


def bounded(image: Image.Image, max_side: int) -> Image.Image:
    """A copy whose longest side is at most `max_side` pixels; a smaller picture is not enlarged."""
    copy = image.copy()
    copy.thumbnail((max_side, max_side), Image.Resampling.LANCZOS, reducing_gap=2.0)
    return copy


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


def _upright(image: Image.Image) -> Image.Image:
    try:
        turn = TURNS.get(image.getexif().get(ExifTags.Base.Orientation, 1))
    except Exception:  # damaged EXIF says nothing about the pixels
        turn = None
    return image if turn is None else image.transpose(turn)


def _reason(error: Exception) -> str:
    """The error in one line, without the path that the system adds to its own errors."""
    said = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
    return " ".join(said.split()) or type(error).__name__


def _to_rgb(image: Image.Image) -> Image.Image:
    if image.mode == "F":
        raise PictureError(Status.UNREADABLE, "floating point pixels: save it with 8 or 16 bits per channel")
    if image.mode.startswith("I"):
        wide: NDArray[np.uint32] = np.asarray(image).astype(np.uint32)
        return Image.fromarray((np.minimum(wide, 65535) // 257).astype(np.uint8)).convert("RGB")
    if image.has_transparency_data:
        layer = image.convert("RGBA")
        return Image.alpha_composite(Image.new("RGBA", layer.size, "white"), layer).convert("RGB")
    return image if image.mode == "RGB" else image.convert("RGB")


def _not_a_picture(file: Path | BinaryIO) -> PictureError:
    with file.open("rb") if isinstance(file, Path) else file as stream:
        stream.seek(0)
        head = stream.read(512).lstrip().lower()
    if not head:
        return PictureError(Status.UNREADABLE, "the file is empty")
    starts = {
        b"%pdf": "a PDF",
        b"pk\x03\x04": "a zip archive",
        b"<svg": "an SVG drawing",
        b"<!doctype html": "a web page",
        b"<html": "a web page",
    }
    kind = next((kind for start, kind in starts.items() if head.startswith(start)), "")
    known = ", ".join(FORMATS)
    reason = f"not a picture but {kind}" if kind else f"not a picture that fieldguide reads ({known})"
    return PictureError(Status.NOT_A_PICTURE, reason)
