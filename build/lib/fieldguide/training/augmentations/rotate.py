"""Tilt."""

from dataclasses import dataclass
from typing import Annotated, Any, Literal

from pydantic import Field

from fieldguide.base.config import Share
from fieldguide.base.operations import AUGMENTATIONS
from fieldguide.training.augmentations.augmentation import Augmentation


@AUGMENTATIONS.register
@dataclass(frozen=True)
class Rotate(Augmentation):
    """Turn by at most `degrees` either way."""

    name: Literal["rotate"]
    degrees: Annotated[float, Field(gt=0, le=180)]
    p: Share = 0.75

    def transform(self) -> Any:
        """fastai's Rotate."""
        from fastai.vision.augment import Rotate as FastaiRotate

        return FastaiRotate(max_deg=self.degrees, p=self.p)
