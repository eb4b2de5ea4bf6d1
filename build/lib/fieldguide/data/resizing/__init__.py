"""The ways to make a picture square, one file each: one definition for training, evaluation and prediction."""

from fieldguide.base.operations import import_modules
from fieldguide.data.resizing.resize import FILTER, Resize

import_modules(__name__, __path__)

__all__ = ["FILTER", "Resize"]
