"""No colour."""

from PIL import Image

from fieldguide.base.operations import SHIFTS
from fieldguide.evaluation.shift_tools import Chance


@SHIFTS.at(2)
def black_and_white(picture: Image.Image, chance: Chance) -> Image.Image:
    """An old photo or a printed page: no colour."""
    return picture.convert("L").convert("RGB")
