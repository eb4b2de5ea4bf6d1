"""Mirrors."""

from dataclasses import dataclass
from typing import Any, Literal

from fieldguide.base.config import Share
from fieldguide.base.operations import AUGMENTATIONS
from fieldguide.training.augmentations.augmentation import Augmentation


@AUGMENTATIONS.register
@dataclass(frozen=True)
class Flip(Augmentation):
    """Mirror left and right."""

    name: Literal["flip"]
    p: Share = 0.5

    def transform(self) -> Any:
        """fastai's Flip."""
        from fastai.vision.augment import Flip as FastaiFlip

        return FastaiFlip(p=self.p)
