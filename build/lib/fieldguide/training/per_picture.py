"""A batch transform that fastai lacks: one that changes some of a batch's pictures, each at random."""

from collections.abc import Callable
from typing import Any

import torch
from fastai.torch_core import TensorImage
from fastai.vision.augment import RandTransform

# fastai's order: 30 moves pixels, 40 changes light, 99 normalizes.
AFTER_LIGHT, AFTER_NORMALIZATION = 50, 100


class PerPicture(RandTransform):
    """Takes every training batch; which of its pictures change, with probability `p`, is decided for each of them."""

    def __init__(
        self, change: Callable[[TensorImage, torch.Tensor], torch.Tensor], p: float, after_normalization: bool
    ) -> None:
        super().__init__(p=p, order=AFTER_NORMALIZATION if after_normalization else AFTER_LIGHT)
        self.change = change

    def before_call(self, batch: Any, split_idx: int) -> None:
        """fastai would take or leave a batch as a whole."""
        self.do = True

    def encodes(self, pictures: TensorImage) -> TensorImage:
        """Some of the pictures (n, 3, height, width) changed."""
        return TensorImage(self.change(pictures, chosen_pictures(pictures, self.p)))


def chosen_pictures(pictures: torch.Tensor, p: float) -> torch.Tensor:
    """Which of n pictures are changed: bool (n)."""
    return torch.rand(len(pictures), device=pictures.device) < p
