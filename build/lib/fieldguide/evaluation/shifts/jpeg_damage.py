"""JPEG artefacts."""

import io

from PIL import Image

from fieldguide.base.operations import SHIFTS
from fieldguide.evaluation.shift_tools import Chance


@SHIFTS.at(10)
def jpeg_damage(picture: Image.Image, chance: Chance) -> Image.Image:
    """A picture recompressed too often: blocks and false colours of a JPEG of quality 5."""
    buffer = io.BytesIO()
    picture.save(buffer, "JPEG", quality=5, subsampling="4:2:0")
    with Image.open(buffer) as damaged:
        return damaged.convert("RGB")
