"""Motion."""

import numpy as np
from PIL import Image

from fieldguide.base.operations import SHIFTS
from fieldguide.evaluation.shift_tools import Chance, picture_of


@SHIFTS.at(6)
def motion_blur(picture: Image.Image, chance: Chance) -> Image.Image:
    """An animal that runs, or a hand that shakes: smeared along a line, 7 to 10 % of the longer side."""
    length, angle = max(picture.size) * chance.uniform(0.07, 0.10), chance.uniform(-0.5, 0.5)
    reach = int(np.ceil(length / 2))
    padded = np.pad(np.asarray(picture, np.uint32), ((reach, reach), (reach, reach), (0, 0)), mode="edge")
    steps = np.linspace(-length / 2, length / 2, 15)
    total = np.zeros((picture.height, picture.width, 3), np.uint32)
    for step in steps:
        top, left = reach + round(step * np.sin(angle)), reach + round(step * np.cos(angle))
        total += padded[top : top + picture.height, left : left + picture.width]
    return picture_of(total / len(steps))
