"""The bytes of every file that a plan names."""

from collections.abc import Callable
from pathlib import PurePosixPath

import numpy as np
from PIL import Image

from .captures import draw_frame
from .encode import broken, encode, not_a_picture
from .light import Pixels
from .plan import SamplePicture
from .shifts import SHIFTS, draw_shifted


def _recompressed(pixels: Pixels, quality: int, rng: np.random.Generator) -> bytes:
    return encode(pixels, quality=int(rng.integers(50, 71)))


def _resized(pixels: Pixels, quality: int, rng: np.random.Generator) -> bytes:
    image, scale = Image.fromarray(pixels), rng.uniform(0.6, 0.9)
    smaller = image.resize((round(image.width * scale), round(image.height * scale)), Image.Resampling.LANCZOS)
    return encode(np.asarray(smaller))


def _brightness(pixels: Pixels, quality: int, rng: np.random.Generator) -> bytes:
    factor = 1 + rng.choice([-1, 1]) * rng.uniform(0.04, 0.08)
    return encode(np.clip(pixels * factor, 0, 255).astype(np.uint8))


def _cropped(pixels: Pixels, quality: int, rng: np.random.Generator) -> bytes:
    height, width = pixels.shape[:2]
    share = rng.uniform(0.02, 0.03)
    down, across = max(1, round(share * height / 2)), max(1, round(share * width / 2))
    return encode(np.ascontiguousarray(pixels[down:-down, across:-across]))


# What makes a copy's file from the original's pixels; exact copies need the quality of the original's file.
COPIERS: dict[str, Callable[[Pixels, int, np.random.Generator], bytes]] = {
    "same_bytes": lambda pixels, quality, rng: encode(pixels, quality=quality),
    "comment": lambda pixels, quality, rng: encode(pixels, quality=quality, comment=f"copy {rng.integers(10**6)}"),
    "exif": lambda pixels, quality, rng: encode(pixels, quality=quality, description=f"bear {rng.integers(10**6)}"),
    "recompressed": _recompressed,
    "resized": _resized,
    "brightness": _brightness,
    "cropped": _cropped,
}


def draw(picture: SamplePicture) -> bytes:
    """The bytes of the file `picture`, which follow from nothing but the argument."""
    rng = np.random.default_rng(np.random.SeedSequence(picture.seed))
    if picture.planted == "wrong_type":
        return not_a_picture(picture.variant, rng)
    quality = picture.capture.site.camera.quality
    if picture.planted in SHIFTS:
        return encode(draw_shifted(picture.capture, picture.planted, picture.label, picture.seed), quality=quality)
    pixels = draw_frame(picture.capture, picture.true_label or picture.label, picture.seed)
    if picture.planted == "unreadable":
        return broken(encode(pixels, quality=quality), picture.variant, rng)
    if picture.original:
        return COPIERS[picture.variant](pixels, quality, rng)
    suffix = PurePosixPath(picture.path).suffix
    return encode(pixels, suffix, quality=quality, orientation=picture.orientation, located=picture.located)
