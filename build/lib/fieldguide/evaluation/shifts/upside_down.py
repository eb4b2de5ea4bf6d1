"""Cameras that hang the wrong way."""

from PIL import Image

from fieldguide.base.operations import SHIFTS
from fieldguide.evaluation.shift_tools import Chance


@SHIFTS.at(4)
def upside_down(picture: Image.Image, chance: Chance) -> Image.Image:
    """A camera that hangs the wrong way: turned by 180 degrees."""
    return picture.transpose(Image.Transpose.ROTATE_180)
