"""The augmentations, one file each; fastai is imported where they work, for their options are read without it."""

from fieldguide.base.operations import import_modules
from fieldguide.training.augmentations.augmentation import Augmentation

import_modules(__name__, __path__)

__all__ = ["Augmentation"]
