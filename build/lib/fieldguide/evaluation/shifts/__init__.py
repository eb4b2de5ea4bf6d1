"""The shifts under which a classifier is measured, one file each."""

from fieldguide.base.operations import SHIFTS, import_modules
from fieldguide.evaluation.shift_tools import shifted

import_modules(__name__, __path__)

__all__ = ["SHIFTS", "shifted"]
