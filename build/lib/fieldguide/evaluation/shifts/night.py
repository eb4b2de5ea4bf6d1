"""Night."""

import numpy as np
from PIL import Image, ImageFilter, ImageOps

from fieldguide.base.operations import SHIFTS
from fieldguide.evaluation.shift_tools import Chance, picture_of, pixels_of


@SHIFTS.at(1)
def night(picture: Image.Image, chance: Chance) -> Image.Image:
    """An infrared trail camera in the dark: no colour, a bluish tint, a flash that fades to the sides, and noise."""
    soft = picture.convert("L").filter(ImageFilter.GaussianBlur(0.004 * max(picture.size)))
    light = pixels_of(ImageOps.autocontrast(soft, cutoff=1)) / 255  # the camera sets its exposure
    down, right = np.linspace(-1, 1, picture.height)[:, None], np.linspace(-1, 1, picture.width)[None, :]
    flash = 0.12 + 0.60 * np.exp(-1.6 * ((right - chance.uniform(-0.3, 0.3)) ** 2 + down**2))
    grain = chance.standard_normal(light.shape, dtype=np.float32) * chance.uniform(0.03, 0.05)
    dark = 0.03 + flash * light + grain
    return picture_of(255 * dark[:, :, None] * np.array([0.86, 0.95, 1.12]))
