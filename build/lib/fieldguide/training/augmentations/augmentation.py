"""What the augmentations have in common."""

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any, ClassVar

if TYPE_CHECKING:
    import torch


class Augmentation(ABC):
    """A change to training pictures; a dataclass in `AUGMENTATIONS`, its fields are its parameters."""

    name: str
    p: float  # the probability with which a picture is changed

    @abstractmethod
    def transform(self) -> Any:
        """One of fastai's batch transforms."""


class PictureEffect(Augmentation):
    """A change to the pixels of single pictures, after fastai's light, in the order of the list."""

    after_normalization: ClassVar[bool] = False

    def transform(self) -> Any:
        """A batch transform that decides at random for each picture."""
        from fieldguide.training.per_picture import PerPicture

        return PerPicture(self.change, self.p, self.after_normalization)

    @abstractmethod
    def change(self, pictures: "torch.Tensor", chosen: "torch.Tensor") -> "torch.Tensor":
        """Change the chosen pictures.

        What is random draws from torch's generator of the batch's device alone, anew for every picture.

        Parameters
        ----------
        pictures
            float (n, 3, height, width) in [0, 1], or normalized; may be written to.
        chosen
            bool (n).
        """
