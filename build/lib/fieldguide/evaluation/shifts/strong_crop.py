"""Too near."""

from PIL import Image

from fieldguide.base.operations import SHIFTS
from fieldguide.evaluation.shift_tools import Chance


@SHIFTS.at(9)
def strong_crop(picture: Image.Image, chance: Chance) -> Image.Image:
    """An animal too close to the camera: a part of half the width and half the height, not far from the middle."""
    width, height = picture.width / 2, picture.height / 2
    left, top = width * chance.uniform(0.2, 0.8), height * chance.uniform(0.2, 0.8)
    return picture.resize(picture.size, Image.Resampling.BICUBIC, box=(left, top, left + width, top + height))
