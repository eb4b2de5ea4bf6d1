"""Plain measurements of a picture, on the small square that the network gets, of what its features do not show."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import takewhile

import numpy as np
from numpy.typing import NDArray

STEP = 1 / 255  # one step of an 8-bit channel: added before a logarithm
FLAT = 2 * STEP  # a row that varies less is one colour


@dataclass(frozen=True)
class Side:
    """One direction in which a measurement can be unusual: upwards (1) or downwards (-1), and the words for it."""

    part: str
    sign: int
    least_scale: float  # a difference that counts as none, however alike the training pictures are
    reason: str


# The measurements in the order of the columns of `measure_square`, all but the border's share as logarithms.
NAMES = ("brightness", "saturation", "sharpness", "noise", "aspect_ratio", "resolution", "border")
SIDES = (
    Side("brightness", -1, 0.05, "much darker than the training pictures"),
    Side("brightness", 1, 0.05, "much brighter than the training pictures"),
    Side("saturation", -1, 0.05, "black and white, or nearly so"),
    Side("saturation", 1, 0.05, "much more colourful than the training pictures"),
    Side("sharpness", -1, 0.05, "much less detail than in the training pictures: blurred or enlarged"),
    Side("sharpness", 1, 0.05, "much harder edges than in the training pictures"),
    Side("noise", 1, 0.05, "much noisier than the training pictures"),
    Side("aspect_ratio", 1, 0.1, "much wider than the training pictures"),
    Side("aspect_ratio", -1, 0.1, "much taller than the training pictures"),
    Side(
        "resolution", -1, 0.35, "much smaller than the training pictures"
    ),  # most are as large as `clean` lets them be
    Side("border", 1, 0.1, "bars of one colour at its edges"),
)


def measure_square(pixels: Sequence[NDArray[np.float32]], size: tuple[int, int]) -> NDArray[np.float64]:
    """Measure a picture.

    Parameters
    ----------
    pixels
        Red, green and blue, (s, s) each, in [0, 1]: the square.
    size
        Width and height in pixels of the picture before it was made square.

    Returns
    -------
    (7,), in the order of NAMES: logarithms of mean luma, of mean difference between the largest and smallest channel,
    of the standard deviation of the Laplacian of the luma, of the median mixed second difference of the luma (noise
    survives it, edges do not), of width / height and of the longer side; and the share of the square that is bars.
    """
    red, green, blue = pixels
    luma = 0.299 * red + 0.587 * green + 0.114 * blue
    spread = np.maximum(np.maximum(red, green), blue) - np.minimum(np.minimum(red, green), blue)
    laplacian = luma[:-2, 1:-1] + luma[2:, 1:-1] + luma[1:-1, :-2] + luma[1:-1, 2:] - 4 * luma[1:-1, 1:-1]
    slope = luma[:, 1::2] - luma[:, :-1:2]
    mixed = np.abs(slope[1::2] - slope[:-1:2]).ravel()
    noise = np.partition(mixed, len(mixed) // 2)[len(mixed) // 2]  # the upper median
    levels = np.array([luma.mean(), spread.mean(), laplacian.std(), noise], dtype=np.float64)
    width, height = size
    bars = 1 - (1 - _flat_edges(luma)) * (1 - _flat_edges(luma.T))
    return np.array([*np.log(levels + STEP), np.log(width / height), np.log(max(width, height)), bars])


def _flat_edges(luma: NDArray[np.float32]) -> float:
    """The share of rows at the upper and lower edge together that are of one colour, up to the first that is not.

    A picture that is of one colour all over has no bars.
    """
    flat = _flat_rows(luma)
    return 0.0 if flat == len(luma) else (flat + _flat_rows(luma[::-1])) / len(luma)


def _flat_rows(luma: NDArray[np.float32]) -> int:
    return sum(1 for _ in takewhile(lambda row: np.ptp(row) < FLAT, luma))
