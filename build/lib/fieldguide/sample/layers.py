"""Laying colours over a canvas."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from .parts import Colour
from .textures import Field

Canvas = NDArray[np.float32]  # (height, width, 3) in 0..1
Values = NDArray[np.floating[Any]]


def cover(canvas: Canvas, opacity: Values, colour: Values) -> None:
    """Lays a colour over `canvas` in place; `opacity` (height, width), `colour` (3,) or (height, width, 3)."""
    for channel in range(3):
        layer = canvas[:, :, channel]
        layer += opacity * (colour[..., channel] - layer)


def solid(colour: Colour) -> Field:
    """A colour as a (3,) float32 array."""
    return np.asarray(colour, dtype=np.float32)
