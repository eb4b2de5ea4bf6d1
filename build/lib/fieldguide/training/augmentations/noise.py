"""Noise of the sensor."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field

from fieldguide.base.config import Share
from fieldguide.base.operations import AUGMENTATIONS
from fieldguide.training.augmentations.augmentation import PictureEffect

if TYPE_CHECKING:
    import torch


@AUGMENTATIONS.register
@dataclass(frozen=True)
class Noise(PictureEffect):
    """Add noise of at most `strength` (standard deviation, 1 is white)."""

    name: Literal["noise"]
    strength: Annotated[float, Field(gt=0, le=0.5)]
    p: Share = 0.3

    def change(self, pictures: "torch.Tensor", chosen: "torch.Tensor") -> "torch.Tensor":
        """Noisy pictures, still in [0, 1]; the noise is Gaussian."""
        import torch

        sigma = torch.rand(len(pictures), device=pictures.device)[chosen] * self.strength
        clear = pictures[chosen]
        pictures[chosen] = (clear + torch.randn_like(clear) * sigma[:, None, None, None]).clamp(0, 1)
        return pictures
