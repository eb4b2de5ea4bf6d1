"""Stretching."""

from dataclasses import dataclass
from typing import Literal

from PIL import Image

from fieldguide.base.operations import RESIZES
from fieldguide.data.resampling import resampled
from fieldguide.data.resizing.resize import FILTER, Resize


@RESIZES.register
@dataclass(frozen=True)
class Squish(Resize):
    """The whole picture, stretched."""

    method: Literal["squish"]

    def square(self, picture: Image.Image, size: int) -> Image.Image:
        """Stretch or compress each side."""
        return resampled(picture, (size, size), FILTER)
