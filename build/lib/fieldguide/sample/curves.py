"""Outlines: smooth curves through a few hand-placed points, in bear-local units with y upwards."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Points = NDArray[np.float64]
Pair = tuple[float, float]


def smooth(points: Sequence[Pair] | Points, closed: bool = True, steps: int = 6) -> Points:
    """The Catmull-Rom curve through `points` (n, 2), with `steps` points to each segment."""
    knots = np.asarray(points, dtype=np.float64)
    if closed:
        before, start, end, after = (np.roll(knots, shift, axis=0) for shift in (1, 0, -1, -2))
    else:
        padded = np.vstack([2 * knots[0] - knots[1], knots, 2 * knots[-1] - knots[-2]])
        before, start, end, after = padded[:-3], padded[1:-2], padded[2:-1], padded[3:]
    t = np.linspace(0, 1, steps, endpoint=False)[None, :, None]
    before, start, end, after = (side[:, None, :] for side in (before, start, end, after))
    curve = 0.5 * (
        2 * start
        + (end - before) * t
        + (2 * before - 5 * start + 4 * end - after) * t**2
        + (3 * start - before - 3 * end + after) * t**3
    )
    flat: Points = curve.reshape(-1, 2)
    return flat if closed else np.vstack([flat, knots[-1]])


def symmetric(right_half: Sequence[Pair]) -> Points:
    """The closed curve whose right half is given from top to bottom; points on x = 0 are not doubled."""
    left_half = [(-x, y) for x, y in reversed(right_half) if x > 0]
    return smooth([*right_half, *left_half])


def ellipse(x: float, y: float, width: float, height: float, turn: float = 0.0) -> Points:
    """An ellipse around (x, y) with half axes `width` and `height`, turned by `turn` degrees."""
    angles = np.linspace(0, 2 * np.pi, 28, endpoint=False)
    return moved(np.stack([width * np.cos(angles), height * np.sin(angles)], axis=1), turn, to=(x, y))


def moved(points: Points, turn: float = 0.0, scale: float = 1.0, to: Pair = (0.0, 0.0)) -> Points:
    """`points` turned counter-clockwise by `turn` degrees around the origin, scaled, then shifted by `to`."""
    angle = np.deg2rad(turn)
    rotation = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
    return scale * points @ rotation + np.asarray(to)
