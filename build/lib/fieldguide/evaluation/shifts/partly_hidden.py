"""Something in front of the subject."""

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

from fieldguide.base.operations import SHIFTS
from fieldguide.evaluation.shift_tools import Chance, picture_of, pixels_of


@SHIFTS.at(8)
def partly_hidden(picture: Image.Image, chance: Chance) -> Image.Image:
    """A tree trunk close to the camera, out of focus, in front of a third of the middle."""
    width, height = picture.size
    thickness = round(width * chance.uniform(0.28, 0.38))
    left = round((width - thickness) / 2 + width * chance.uniform(-0.14, 0.14))
    lean = width * chance.uniform(-0.06, 0.06)
    bark = np.repeat(chance.normal(0, 1, (8, 1, 24)).astype(np.float32), 3, axis=1).transpose(0, 2, 1)
    noise = Image.fromarray(np.uint8(np.clip(128 + 40 * bark, 0, 255))).resize(picture.size, Image.Resampling.BICUBIC)
    colour = np.array([74.0, 62.0, 50.0]) * chance.uniform(0.7, 1.3)
    trunk = picture_of(colour * (0.5 + pixels_of(noise) / 255))
    outline = Image.new("L", picture.size, 0)
    corners = [(left + lean, 0), (left + thickness + lean, 0), (left + thickness - lean, height), (left - lean, height)]
    ImageDraw.Draw(outline).polygon(corners, fill=255)
    outline = outline.filter(ImageFilter.GaussianBlur(0.012 * max(picture.size)))
    return Image.composite(trunk, picture, outline)
