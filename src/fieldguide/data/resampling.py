"""Resizing a picture, with the same last digits in every version of Pillow.

Pillow resizes one side after the other, each time rounding to 8 bits. Version 12 always takes the width first, version
13 the height where that shrinks much more. The order here is that of 13, whatever is installed.
"""

from PIL import Image

Box = tuple[float, float, float, float]  # left, top, right, bottom


def resampled(
    picture: Image.Image, size: tuple[int, int], resample: Image.Resampling, box: Box | None = None
) -> Image.Image:
    """A picture, or a part of it, as one of `size`, as `Image.resize` of Pillow 13 does it without a reducing gap."""
    (width, height), (to_width, to_height) = picture.size, size
    left, top, right, bottom = box or (0, 0, width, height)
    if height - to_height > max(0, 2 * (width - to_width)):
        flat = picture.resize((width, to_height), resample, (0, top, width, bottom))
        return flat.resize(size, resample, (left, 0, right, to_height))
    narrow = picture.resize((to_width, height), resample, (left, 0, right, height))
    return narrow.resize(size, resample, (0, top, to_width, bottom))


def shrunk(picture: Image.Image, size: tuple[int, int], gap: float = 2.0) -> Image.Image:
    """A picture as one of `size`, as `Image.resize` of Pillow 13 does it with this `reducing_gap`, by Lanczos' filter.

    First each block of whole pixels becomes one, as long as at least `gap` times the pixels remain on each side.
    """
    block = tuple(int(whole / part / gap) or 1 for whole, part in zip(picture.size, size, strict=True))
    reduced = picture.reduce((block[0], block[1])) if max(block) > 1 else picture
    box = (0, 0, picture.width / block[0], picture.height / block[1])
    return resampled(reduced, size, Image.Resampling.LANCZOS, box)
