"""Distance."""

from dataclasses import dataclass
from typing import Annotated, Any, Literal

from pydantic import Field

from fieldguide.base.config import Share
from fieldguide.base.operations import AUGMENTATIONS
from fieldguide.training.augmentations.augmentation import Augmentation


@AUGMENTATIONS.register
@dataclass(frozen=True)
class Zoom(Augmentation):
    """Enlarge by a factor between `low` and `high`; below 1 is smaller."""

    name: Literal["zoom"]
    high: Annotated[float, Field(ge=1, le=4)]
    low: Annotated[float, Field(gt=0.2, le=1)] = 1.0
    p: Share = 0.75

    def transform(self) -> Any:
        """fastai's Zoom."""
        from fastai.vision.augment import Zoom as FastaiZoom

        return FastaiZoom(min_zoom=self.low, max_zoom=self.high, p=self.p)
