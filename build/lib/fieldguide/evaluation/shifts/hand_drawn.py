"""Drawings."""

import numpy as np
from PIL import Image, ImageFilter, ImageOps

from fieldguide.base.operations import SHIFTS
from fieldguide.evaluation.shift_tools import Chance, picture_of, pixels_of


@SHIFTS.at(3)
def hand_drawn(picture: Image.Image, chance: Chance) -> Image.Image:
    """A pencil drawing: the edges, dark on paper, and no more.

    Where the picture is darker than its surroundings is a stroke (the "colour dodge" of image editors).
    """
    grey = ImageOps.autocontrast(picture.convert("L").filter(ImageFilter.GaussianBlur(0.004 * max(picture.size))))
    around = pixels_of(grey.filter(ImageFilter.GaussianBlur(0.011 * max(picture.size))))
    stroke = np.minimum((pixels_of(grey) + 8) / (around + 8), 1) ** 2.5
    paper = np.array([250.0, 247.0, 238.0])
    return picture_of(paper * (0.12 + 0.88 * stroke[:, :, None]))
