"""Named shifts: ways in which pictures in use differ from those that a classifier was trained on.

A shift is a function in `fieldguide.evaluation.shifts` that takes an RGB picture and gives an RGB picture of the same
size; its place among the others (`@SHIFTS.at`) is its row in tables. What is random in it depends on the picture's id
and the shift's name alone. Lengths are shares of the picture's sides, so that small and large copies of a picture
change alike.
"""

import hashlib

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from fieldguide.base.operations import SHIFTS

Pixels = NDArray[np.float32]
Chance = np.random.Generator


def shifted(picture: Image.Image, shift: str, picture_id: str) -> Image.Image:
    """An RGB picture under one of `SHIFTS`; the same id gives the same picture."""
    seed = hashlib.sha256(f"{shift}:{picture_id}".encode()).digest()
    return SHIFTS[shift](picture, np.random.default_rng(int.from_bytes(seed[:8], "big")))


def pixels_of(picture: Image.Image) -> Pixels:
    """(height, width) or (height, width, 3), 0 to 255."""
    return np.asarray(picture, np.float32)


def picture_of(pixels: NDArray[np.floating]) -> Image.Image:
    """The picture whose pixels are nearest to these numbers, 0 to 255."""
    return Image.fromarray(np.clip(pixels + 0.5, 0, 255).astype(np.uint8))
