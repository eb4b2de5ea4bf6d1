"""What every way to make a picture square has in common."""

from abc import ABC, abstractmethod
from dataclasses import asdict
from typing import Any, ClassVar

from PIL import Image

from fieldguide.data.resampling import resampled

FILTER = Image.Resampling.BILINEAR


class Resize(ABC):
    """A way to make RGB pictures of any shape square; a dataclass in `RESIZES`, its fields are the parameters.

    Its name is in the field `method`, and in the JSON file of every classifier that was trained with it.
    """

    method: str
    is_random: ClassVar[bool] = False  # whether training sees something else of the picture in every epoch

    @abstractmethod
    def square(self, picture: Image.Image, size: int) -> Image.Image:
        """The square of `size` pixels that the network sees of a picture that it does not train on."""

    def training_square(self, picture: Image.Image, size: int) -> Image.Image:
        """The square of a picture that it trains on; what is random in it draws from Python's `random`."""
        return self.square(picture, size)

    def for_prediction(self) -> dict[str, Any]:
        """The fields that `square` needs, to be kept with the classifier."""
        return asdict(self)  # type: ignore[call-overload]


def middle_square(picture: Image.Image, size: int) -> Image.Image:
    """The largest square in the middle of a picture, `size` pixels wide."""
    width, height = picture.size
    side = min(width, height)
    left, top = (width - side) / 2, (height - side) / 2
    return resampled(picture, (size, size), FILTER, (left, top, left + side, top + side))
