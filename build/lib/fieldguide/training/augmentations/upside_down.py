"""Cameras that hang upside down."""

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, Literal

from fieldguide.base.config import Share
from fieldguide.base.operations import AUGMENTATIONS
from fieldguide.training.augmentations.augmentation import Augmentation

if TYPE_CHECKING:
    import torch


@AUGMENTATIONS.register
@dataclass(frozen=True)
class UpsideDown(Augmentation):
    """Turn by 180 degrees."""

    name: Literal["upside_down"]
    p: Share = 0.5

    def transform(self) -> Any:
        """One interpolation with what else moves pixels."""
        from fastai.vision.augment import AffineCoordTfm

        return AffineCoordTfm(partial(_half_turns, self.p), align_corners=True)


def _half_turns(p: float, pictures: "torch.Tensor") -> "torch.Tensor":
    """Affine matrices (n, 3, 3): minus one for the pictures that are turned, else one."""
    import torch

    from fieldguide.training.per_picture import chosen_pictures

    sign = 1 - 2 * chosen_pictures(pictures, p).float()
    return torch.diag_embed(torch.stack([sign, sign, torch.ones_like(sign)], dim=1))
