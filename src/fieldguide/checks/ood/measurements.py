"""Plain measurements of a picture, on the small square that the network gets: what its features do not see."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

STEP = 1 / 255  # one step of an 8-bit channel: added before a logarithm
FLAT = 2 * STEP  # a row that varies less is one colour


@dataclass(frozen=True)
class Side:
    """One direction in which a measurement can be unusual: upwards (1) or downwards (-1), and the words for it."""

    part: str
    sign: int
    least_scale: float  # what is no difference, however alike the training pictures are
    reason: str


# The measurements in the order of the columns of `measure_squares`, all but the border's share as logarithms.
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


def measure_squares(pixels: torch.Tensor, sizes: Sequence[tuple[int, int]]) -> NDArray[np.float64]:
    """Measure pictures.

    Parameters
    ----------
    pixels
        (n, 3, s, s) float32 in [0, 1], red, green, blue: the squares.
    sizes
        Width and height in pixels of each of the n pictures before it was made square.

    Returns
    -------
    (n, 7), the columns NAMES: logarithms of mean luma, of mean difference between the largest and smallest channel, of
    the standard deviation of the Laplacian of the luma, of the median mixed second difference of the luma (noise
    survives it, edges do not), of width / height and of the longer side; and the share of the square that is bars.
    """
    luma = torch.tensordot(torch.tensor([0.299, 0.587, 0.114], device=pixels.device), pixels, dims=([0], [1]))
    spread = pixels.amax(dim=1) - pixels.amin(dim=1)
    middle = luma[:, 1:-1, 1:-1]
    laplacian = luma[:, :-2, 1:-1] + luma[:, 2:, 1:-1] + luma[:, 1:-1, :-2] + luma[:, 1:-1, 2:] - 4 * middle
    mixed = luma[:, 1::2, 1::2] - luma[:, 1::2, :-1:2] - luma[:, :-1:2, 1::2] + luma[:, :-1:2, :-1:2]
    levels = torch.stack(
        [
            luma.mean(dim=(1, 2)),
            spread.mean(dim=(1, 2)),
            laplacian.std(dim=(1, 2)),
            mixed.abs().flatten(1).median(dim=1).values,
        ],
        dim=1,
    )
    logarithms = np.log(levels.double().cpu().numpy() + STEP)
    width, height = np.array(sizes, dtype=np.float64).reshape(-1, 2).T
    bars = 1 - (1 - _flat_edges(luma)) * (1 - _flat_edges(luma.transpose(1, 2)))
    return np.column_stack([logarithms, np.log(width / height), np.log(np.maximum(width, height)), bars])


def _flat_edges(luma: torch.Tensor) -> NDArray[np.float64]:
    """The share (n,) of rows at the upper and lower edge together that are of one colour, up to the first that is not.

    A picture that is of one colour all over has no bars.
    """
    flat = (luma.amax(dim=2) - luma.amin(dim=2) < FLAT).long()
    share = (flat.cumprod(dim=1).sum(dim=1) + flat.flip(1).cumprod(dim=1).sum(dim=1)) / luma.shape[1]
    shares: NDArray[np.float64] = torch.where(share < 1, share, 0.0).double().cpu().numpy()
    return shares
