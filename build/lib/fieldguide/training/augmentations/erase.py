"""Something in front of the subject."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal

from pydantic import Field

from fieldguide.base.config import Share
from fieldguide.base.operations import AUGMENTATIONS
from fieldguide.training.augmentations.augmentation import PictureEffect

if TYPE_CHECKING:
    import torch


@AUGMENTATIONS.register
@dataclass(frozen=True)
class Erase(PictureEffect):
    """Fill one rectangle of at most `share` of the picture, its sides 1:3 to 3:1, with noise.

    The parts are those of Zhong et al. 2017; fastai's own RandomErasing takes the same rectangle for a whole batch.
    """

    after_normalization: ClassVar[bool] = True  # the noise has the spread of normalized pictures
    name: Literal["erase"]
    share: Annotated[float, Field(gt=0, le=0.5)]
    p: Share = 0.5

    def change(self, pictures: "torch.Tensor", chosen: "torch.Tensor") -> "torch.Tensor":
        """Pictures of which some have a rectangle of noise."""
        import torch

        count, channels, height, width = pictures.shape
        area, aspect, down, right = torch.rand(4, count, device=pictures.device)
        area, aspect = area * self.share, 9 ** (aspect - 0.5)
        inside = _stretch(down, (area * aspect).sqrt(), height)[:, :, None]
        inside = inside & _stretch(right, (area / aspect).sqrt(), width)[:, None, :] & chosen[:, None, None]
        noise = torch.randn(count, channels, height, width, device=pictures.device)
        return torch.where(inside[:, None], noise, pictures.as_subclass(torch.Tensor))


def _stretch(place: "torch.Tensor", share: "torch.Tensor", length: int) -> "torch.Tensor":
    """Which of `length` pixels (n, length) lie in a stretch of so large a share (n), placed by numbers in [0, 1)."""
    import torch

    share = share.clamp(max=1)
    start = place * (1 - share)
    centres = (torch.arange(length, device=place.device) + 0.5) / length
    return (centres >= start[:, None]) & (centres < (start + share)[:, None])
