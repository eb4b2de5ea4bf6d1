"""JPEG damage that libjpeg decodes without a word: from one place on, all is brighter or of another colour.

In a JPEG file the mean of each block is stored as the difference from that of the block before, so a wrong bit changes
all that follow, in reading order. In the picture that is a step of one height along the grid of blocks: above what
follows in the row where it begins, below what comes before in it. Nothing that is photographed keeps to the grid so.
"""

import numpy as np
from numpy.typing import NDArray

LEAST = 8.0  # levels of 255: lower steps are hardly seen
FEWEST = 10  # blocks in a row: with fewer, chance makes steps
CANDIDATES = 24  # places that are looked at more closely, for each channel


def find_step(pixels: NDArray[np.uint8], block: tuple[int, int], least: float = LEAST, slack: float = 1) -> float:
    """The height in levels of a step in reading order, 0 if there is none as high as `least`.

    Parameters
    ----------
    pixels
        (height, width) or (height, width, 3).
    block
        Width and height in pixels of what the file stores at a time (8 or 16 each, or fewer of a coarse picture).
    slack
        Of a coarse picture, in which everything else changes faster: how many times further from a step of one height
        it may be. It then finds nearly every step that the whole shows, and much else.
    """
    across, down = block
    columns, rows = pixels.shape[1] // across, pixels.shape[0] // down
    if columns < FEWEST or rows < 4:
        return 0.0
    found = 0.0
    for channel in np.moveaxis(np.atleast_3d(pixels), 2, 0):
        whole = channel[: rows * down, : columns * across]
        jumps = _jumps(whole, down).reshape(2, rows - 1, columns, across).mean(axis=3)
        found = max(found, _step(jumps, whole, across, down, least, slack))
    return found


def _jumps(channel: NDArray[np.uint8], every: int) -> NDArray[np.float32]:
    """How much more the values jump at each boundary than beside it, and from beside it to beside it.

    (2, boundaries, width); the second shows lines, which are no steps.
    """
    below, after = (channel[every + shift :: every].astype(np.float32) for shift in (0, 1))
    above, here = (channel[every - shift :: every][: len(below)].astype(np.float32) for shift in (2, 1))
    return np.stack([(below - here) - ((here - above) + (after - below)) / 2, after - above])


def _step(
    jumps: NDArray[np.float32], channel: NDArray[np.uint8], across: int, down: int, least: float, slack: float
) -> float:
    """The highest step, given the mean jump below each block: for as many blocks as a row has, in reading order."""
    columns = jumps.shape[2]
    line, wider = jumps.reshape(2, -1)
    sums = np.concatenate([[0], np.cumsum(line, dtype=np.float64)])
    means = (sums[columns:] - sums[:-columns]) / columns
    found = 0.0
    for place in np.argsort(-np.abs(means))[:CANDIDATES]:
        row, column = divmod(int(place), columns)
        if abs(means[place]) < least or not 0 < column < columns - 1:
            continue
        inside = line[place : place + columns] * np.sign(means[place])
        low, height, high = np.quantile(inside, (0.25, 0.5, 0.75))
        stays = float(np.median(wider[place : place + columns])) * np.sign(means[place]) > height / 2 / slack
        around = [line[max(0, place - columns // 2) : place], line[place + columns : place + columns + columns // 2]]
        beside = max(abs(float(np.median(part))) for part in around if len(part))
        # The same height everywhere: where a camera's bar with the time and a logo begins, it is not.
        if not stays or height < least or high - low > slack * height / 2 or beside > slack * height / 3:
            continue
        rows = slice((row + 1) * down, (row + 2) * down)
        sides = [_side(channel[rows, x - 2 : x + 2]) for x in (column * across, (column + 1) * across)]
        if max(side * np.sign(means[place]) for side in sides) > height / 3 / slack:
            found = max(found, float(height))
    return found


def _side(strip: NDArray[np.uint8]) -> float:
    """How much more the values jump in the middle of four columns than beside it."""
    first, second, third, fourth = np.moveaxis(strip.astype(np.float32), 1, 0)
    return float(np.median((third - second) - ((second - first) + (fourth - third)) / 2))
