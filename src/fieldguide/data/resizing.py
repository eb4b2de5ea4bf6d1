"""Making pictures of any shape square: the one definition for training, evaluation and prediction."""

import random
from typing import Literal

import numpy as np
from PIL import Image, ImageOps

FILTER = Image.Resampling.BILINEAR
PADDING: dict[str, Literal["constant", "edge", "reflect"]] = {
    "zeros": "constant",
    "border": "edge",
    "reflection": "reflect",
}


def to_square(image: Image.Image, method: str, size: int, pad_mode: str = "zeros") -> Image.Image:
    """The square of `size` pixels that the network sees of a picture that it does not train on.

    `crop` and `random_crop` take the largest square in the middle, `squish` stretches, `pad` shows the whole picture
    and fills the rest with black ("zeros"), with its edge drawn out ("border") or with its mirror image ("reflection").
    """
    if method == "squish":
        return image.resize((size, size), FILTER)
    if method == "pad":
        whole = image.resize(_within(image.size, size), FILTER)
        left, top = round((size - whole.width) / 2), round((size - whole.height) / 2)
        bars = ((top, size - whole.height - top), (left, size - whole.width - left), (0, 0))
        return Image.fromarray(np.pad(np.asarray(whole), bars, mode=PADDING[pad_mode]))
    return ImageOps.fit(image, (size, size), FILTER)


def random_square(image: Image.Image, size: int, min_scale: float, max_scale: float) -> Image.Image:
    """A random part of the picture, `min_scale` to `max_scale` of its area and 3:4 to 4:3 in shape, as a square.

    Draws from Python's `random`, like fastai's own transforms; the parts are those of Inception (Szegedy et al. 2014).
    """
    width, height = image.size
    for _ in range(10):
        area = width * height * random.uniform(min_scale, max_scale)
        ratio = 2 ** random.uniform(-0.415, 0.415)
        part_width, part_height = (area * ratio) ** 0.5, (area / ratio) ** 0.5
        if part_width <= width and part_height <= height:
            left = random.uniform(0, width - part_width)
            top = random.uniform(0, height - part_height)
            box = (left, top, left + part_width, top + part_height)
            return image.resize((size, size), FILTER, box=box)
    return ImageOps.fit(image, (size, size), FILTER)


def _within(shape: tuple[int, int], size: int) -> tuple[int, int]:
    """Width and height with the longer one `size`; ImageOps.contain leaves none of a line of pixels."""
    width, height = shape
    if width >= height:
        return size, max(1, round(height / width * size))
    return max(1, round(width / height * size)), size
