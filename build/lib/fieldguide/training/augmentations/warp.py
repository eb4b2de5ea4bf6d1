"""Viewpoint."""

from dataclasses import dataclass
from typing import Annotated, Any, Literal

from pydantic import Field

from fieldguide.base.config import Share
from fieldguide.base.operations import AUGMENTATIONS
from fieldguide.training.augmentations.augmentation import Augmentation


@AUGMENTATIONS.register
@dataclass(frozen=True)
class Warp(Augmentation):
    """Change the perspective by at most `magnitude`."""

    name: Literal["warp"]
    magnitude: Annotated[float, Field(gt=0, le=0.9)]
    p: Share = 0.75

    def transform(self) -> Any:
        """fastai's Warp."""
        from fastai.vision.augment import Warp as FastaiWarp

        return FastaiWarp(magnitude=self.magnitude, p=self.p)
