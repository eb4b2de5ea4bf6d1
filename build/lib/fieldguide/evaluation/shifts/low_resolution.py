"""Few pixels."""

from PIL import Image

from fieldguide.base.operations import SHIFTS
from fieldguide.evaluation.shift_tools import Chance


@SHIFTS.at(5)
def low_resolution(picture: Image.Image, chance: Chance) -> Image.Image:
    """An animal far away, or a thumbnail: the detail of a picture of 24 pixels."""
    shrink = 24 / max(picture.size)
    tiny = picture.resize(
        (max(1, round(picture.width * shrink)), max(1, round(picture.height * shrink))), Image.Resampling.BOX
    )
    return tiny.resize(picture.size, Image.Resampling.BICUBIC)
