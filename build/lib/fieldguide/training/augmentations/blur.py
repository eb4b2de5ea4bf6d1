"""Blur, even or of motion."""

import math
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
class Blur(PictureEffect):
    """Blur by at most `share` of the picture's side (standard deviation), evenly or along one direction."""

    name: Literal["blur", "motion_blur"]
    share: Annotated[float, Field(gt=0, le=0.1)]
    p: Share = 0.2

    def change(self, pictures: "torch.Tensor", chosen: "torch.Tensor") -> "torch.Tensor":
        """Blurred pictures, mirrored at their edges while blurring; the blur is Gaussian."""
        import torch
        from torch.nn.functional import conv2d, pad

        along = torch.rand(len(pictures), device=pictures.device) * self.share * pictures.shape[-1]
        angles = torch.rand(len(pictures), device=pictures.device) * math.pi
        if not chosen.any():
            return pictures
        across = torch.zeros_like(along) if self.name == "motion_blur" else along
        radius = min(math.ceil(2.5 * self.share * pictures.shape[-1]), pictures.shape[-1] - 1)
        kernels = _gaussian_kernels(along[chosen], across[chosen], angles[chosen], radius)
        sharp = pictures[chosen].as_subclass(torch.Tensor)
        count, channels, height, width = sharp.shape
        framed = pad(sharp, [radius] * 4, mode="reflect").flatten(0, 1)[None]
        weights = kernels[:, None].repeat_interleave(channels, dim=0)
        blurred = conv2d(framed, weights, groups=count * channels)
        pictures[chosen] = blurred.reshape(count, channels, height, width).as_subclass(type(pictures))
        return pictures


def _gaussian_kernels(
    along: "torch.Tensor", across: "torch.Tensor", angles: "torch.Tensor", radius: int
) -> "torch.Tensor":
    """Gaussian kernels (n, 2 radius + 1, 2 radius + 1), each of sum 1.

    Parameters
    ----------
    along, across
        Standard deviations (n) in pixels, in the direction of `angles` (n, radians) and across it. Where one is below
        0.3 pixels, 0.3 is taken: less than a pixel changes nothing, and a line of no width falls between the pixels.
    """
    import torch

    steps = torch.arange(-radius, radius + 1, device=along.device, dtype=along.dtype)
    down, right = torch.meshgrid(steps, steps, indexing="ij")
    cosine, sine = angles.cos()[:, None, None], angles.sin()[:, None, None]
    forward = (right * cosine + down * sine) / along.clamp(min=0.3)[:, None, None]
    sideways = (down * cosine - right * sine) / across.clamp(min=0.3)[:, None, None]
    kernels = torch.exp(-(forward**2 + sideways**2) / 2)
    return kernels / kernels.sum(dim=(1, 2), keepdim=True)
