"""Bars beside a picture."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from PIL import Image

from fieldguide.base.operations import RESIZES
from fieldguide.data.resampling import resampled
from fieldguide.data.resizing.resize import FILTER, Resize

PadMode = Literal["zeros", "border", "reflection"]
NUMPY_MODES: dict[PadMode, Literal["constant", "edge", "reflect"]] = {
    "zeros": "constant",
    "border": "edge",
    "reflection": "reflect",
}


@RESIZES.register
@dataclass(frozen=True)
class Pad(Resize):
    """The whole picture; `pad_mode` fills the rest of the square: black, its edge drawn out, or its mirror image."""

    method: Literal["pad"]
    pad_mode: PadMode = "zeros"

    def square(self, picture: Image.Image, size: int) -> Image.Image:
        """Shrink or enlarge the picture to fit, then fill."""
        whole = resampled(picture, _within(picture.size, size), FILTER)
        left, top = round((size - whole.width) / 2), round((size - whole.height) / 2)
        bars = ((top, size - whole.height - top), (left, size - whole.width - left), (0, 0))
        return Image.fromarray(np.pad(np.asarray(whole), bars, mode=NUMPY_MODES[self.pad_mode]))


def _within(shape: tuple[int, int], size: int) -> tuple[int, int]:
    """Width and height with the longer one `size`; ImageOps.contain leaves none of a line of pixels."""
    width, height = shape
    if width >= height:
        return size, max(1, round(height / width * size))
    return max(1, round(width / height * size)), size
