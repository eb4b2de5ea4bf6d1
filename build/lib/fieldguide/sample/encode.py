"""From pixels to the bytes of a file, healthy or broken."""

import io
import zipfile

import numpy as np
from PIL import Image

from .light import Pixels

ORIENTATION_TAG, DESCRIPTION_TAG, GPS_TAG = 0x0112, 0x010E, 0x8825
STORED_TURN = {
    3: Image.Transpose.ROTATE_180,
    6: Image.Transpose.ROTATE_90,
    8: Image.Transpose.ROTATE_270,
}


def encode(
    pixels: Pixels, suffix: str = ".jpg", *, quality: int = 90, comment: str = "", description: str = "",
    orientation: int = 1, located: bool = False,
) -> bytes:  # fmt: skip
    """The bytes of a picture file of the type of `suffix` (.jpg, .png or .webp).

    With an `orientation` other than 1 the pixels are stored turned and the EXIF tag says how to turn them back.
    """
    image = Image.fromarray(pixels)
    exif = Image.Exif()
    if description:
        exif[DESCRIPTION_TAG] = description
    if orientation != 1:
        image = image.transpose(STORED_TURN[orientation])
        exif[ORIENTATION_TAG] = orientation
    if located:
        exif[GPS_TAG] = {1: "N", 2: (58.0, 45.0, 3.0), 3: "W", 4: (154.0, 52.0, 30.0)}
    options: dict[str, object] = {"exif": exif.tobytes()} if len(exif) else {}
    if comment:
        options["comment"] = comment
    target = io.BytesIO()
    if suffix == ".png":
        image.save(target, "PNG", compress_level=6)
    elif suffix == ".webp":
        image.save(target, "WEBP", quality=quality, method=2)
    else:
        image.save(target, "JPEG", quality=quality, **options)
    return target.getvalue()


def broken(jpeg: bytes, how: str, rng: np.random.Generator) -> bytes:
    """A picture file that cannot be read any more: "truncated", full of "garbage", or "empty"."""
    if how == "empty":
        return b""
    if how == "truncated":
        return jpeg[: int(len(jpeg) * rng.uniform(0.15, 0.7))]
    start, length = 160, 400  # the tables without which nothing can be decoded
    return jpeg[:start] + rng.bytes(length) + jpeg[start + length :]


def not_a_picture(what: str, rng: np.random.Generator) -> bytes:
    """The bytes of a file of another type: "text", "html", "pdf" or "zip"."""
    number = int(rng.integers(1000, 10000))
    if what == "text":
        return f"Camera {number}: card full, no picture taken.\n".encode()
    if what == "html":
        page = f"<!DOCTYPE html>\n<html><head><title>404</title></head><body>Picture {number} not found</body></html>\n"
        return page.encode()
    if what == "pdf":
        body = f"%PDF-1.4\n1 0 obj\n<< /Type /Catalog /Number {number} >>\nendobj\ntrailer\n<< /Root 1 0 R >>\n%%EOF\n"
        return body.encode()
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w") as archive:
        archive.writestr(zipfile.ZipInfo(f"pictures-{number}.txt"), "The pictures are in the other archive.\n")
    return target.getvalue()
