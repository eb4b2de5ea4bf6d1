"""The middle of a picture."""

from dataclasses import dataclass
from typing import Literal

from PIL import Image

from fieldguide.base.operations import RESIZES
from fieldguide.data.resizing.resize import Resize, middle_square


@RESIZES.register
@dataclass(frozen=True)
class Crop(Resize):
    """The largest square in the middle."""

    method: Literal["crop"]

    def square(self, picture: Image.Image, size: int) -> Image.Image:
        """Cut off what is beside it."""
        return middle_square(picture, size)
