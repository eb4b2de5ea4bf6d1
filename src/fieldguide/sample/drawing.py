"""The bytes of every file that a plan names."""

from collections.abc import Callable
from pathlib import PurePosixPath

import numpy as np
from PIL import Image

from .encode import broken, encode, not_a_picture
from .light import Pixels
from .picture import draw_bear
from .plan import SamplePicture
from .shifts import SHIFTS, draw_shifted


def _recompressed(pixels: Pixels, rng: np.random.Generator) -> bytes:
    return encode(pixels, quality=int(rng.integers(50, 71)))


def _resized(pixels: Pixels, rng: np.random.Generator) -> bytes:
    image, scale = Image.fromarray(pixels), rng.uniform(0.6, 0.9)
    smaller = image.resize((round(image.width * scale), round(image.height * scale)), Image.Resampling.LANCZOS)
    return encode(np.asarray(smaller))


def _brightness(pixels: Pixels, rng: np.random.Generator) -> bytes:
    factor = 1 + rng.choice([-1, 1]) * rng.uniform(0.04, 0.08)
    return encode(np.clip(pixels * factor, 0, 255).astype(np.uint8))


def _cropped(pixels: Pixels, rng: np.random.Generator) -> bytes:
    height, width = pixels.shape[:2]
    share = rng.uniform(0.02, 0.03)
    down, across = max(1, round(share * height / 2)), max(1, round(share * width / 2))
    return encode(np.ascontiguousarray(pixels[down:-down, across:-across]))


COPIERS: dict[str, Callable[[Pixels, np.random.Generator], bytes]] = {
    "same_bytes": lambda pixels, rng: encode(pixels),
    "comment": lambda pixels, rng: encode(pixels, comment=f"copy {rng.integers(10**6)}"),
    "exif": lambda pixels, rng: encode(pixels, description=f"bear {rng.integers(10**6)}"),
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
    if picture.planted in SHIFTS:
        return encode(draw_shifted(rng, picture.planted, picture.label))
    if picture.planted == "unreadable":
        return broken(encode(draw_bear(rng, picture.label)), picture.variant, rng)
    pixels = draw_bear(rng, picture.true_label)
    if picture.original:
        return COPIERS[picture.variant](pixels, rng)
    suffix = PurePosixPath(picture.path).suffix
    return encode(pixels, suffix, orientation=picture.orientation, located=picture.located)
