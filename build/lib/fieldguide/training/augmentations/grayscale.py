"""Pictures without colour."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from fieldguide.base.config import Share
from fieldguide.base.operations import AUGMENTATIONS
from fieldguide.training.augmentations.augmentation import PictureEffect

if TYPE_CHECKING:
    import torch

LUMA = (0.299, 0.587, 0.114)  # ITU-R BT.601, as Pillow's "L"


@AUGMENTATIONS.register
@dataclass(frozen=True)
class Grayscale(PictureEffect):
    """Take the colour away."""

    name: Literal["grayscale"]
    p: Share = 0.2

    def change(self, pictures: "torch.Tensor", chosen: "torch.Tensor") -> "torch.Tensor":
        """Grey pictures, still of three channels."""
        luma = pictures.new_tensor(LUMA)[None, :, None, None]
        pictures[chosen] = (pictures[chosen] * luma).sum(dim=1, keepdim=True).expand(-1, 3, -1, -1)
        return pictures
