"""Making pictures of any shape square: the one definition for training, evaluation and prediction."""

import random

from PIL import Image, ImageOps

FILTER = Image.Resampling.BILINEAR


def to_square(image: Image.Image, method: str, size: int) -> Image.Image:
    """The square of `size` pixels that the network sees of a picture that it does not train on.

    `crop` and `random_crop` take the largest square in the middle, `pad` adds black bars, `squish` stretches.
    """
    if method == "squish":
        return image.resize((size, size), FILTER)
    if method == "pad":
        return ImageOps.pad(image, (size, size), FILTER, color=(0, 0, 0))
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
