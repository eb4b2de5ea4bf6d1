"""Random parts of a picture."""

import random
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar, Literal

from PIL import Image
from pydantic import Field

from fieldguide.base.operations import RESIZES
from fieldguide.data.resampling import resampled
from fieldguide.data.resizing.resize import FILTER, Resize, middle_square


@RESIZES.register
@dataclass(frozen=True)
class RandomCrop(Resize):
    """Another part at every epoch, its area between two shares of the picture's; the middle square otherwise."""

    is_random: ClassVar[bool] = True
    method: Literal["random_crop"]
    min_scale: Annotated[float, Field(gt=0, le=1)] = 0.35
    max_scale: Annotated[float, Field(gt=0, le=1)] = 1.0

    def __post_init__(self) -> None:
        if self.min_scale > self.max_scale:
            raise ValueError(f"min_scale must not exceed max_scale (given: {self.min_scale}, {self.max_scale})")

    def square(self, picture: Image.Image, size: int) -> Image.Image:
        """The largest square in the middle."""
        return middle_square(picture, size)

    def training_square(self, picture: Image.Image, size: int) -> Image.Image:
        """A random part of the picture, 3:4 to 4:3 in shape, as a square.

        The parts are those of Inception (Szegedy et al. 2014).
        """
        width, height = picture.size
        for _ in range(10):
            area = width * height * random.uniform(self.min_scale, self.max_scale)
            ratio = 2 ** random.uniform(-0.415, 0.415)
            part_width, part_height = (area * ratio) ** 0.5, (area / ratio) ** 0.5
            if part_width <= width and part_height <= height:
                left = random.uniform(0, width - part_width)
                top = random.uniform(0, height - part_height)
                box = (left, top, left + part_width, top + part_height)
                return resampled(picture, (size, size), FILTER, box)
        return middle_square(picture, size)

    def for_prediction(self) -> dict[str, Any]:
        """The scales are training's alone."""
        return {"method": self.method}
