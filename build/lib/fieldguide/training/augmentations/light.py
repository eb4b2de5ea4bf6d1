"""Light and colour."""

from dataclasses import dataclass
from typing import Annotated, Any, Literal

from pydantic import Field

from fieldguide.base.config import Share
from fieldguide.base.operations import AUGMENTATIONS
from fieldguide.training.augmentations.augmentation import Augmentation


@AUGMENTATIONS.register
@dataclass(frozen=True)
class Light(Augmentation):
    """Change brightness, contrast, saturation or hue by at most `change`."""

    name: Literal["brightness", "contrast", "saturation", "hue"]
    change: Annotated[float, Field(gt=0, lt=1)]
    p: Share = 0.75

    def transform(self) -> Any:
        """fastai's Brightness, Contrast, Saturation or Hue."""
        from fastai.vision import augment

        if self.name == "hue":
            return augment.Hue(max_hue=self.change, p=self.p)
        return getattr(augment, self.name.capitalize())(max_lighting=self.change, p=self.p)
