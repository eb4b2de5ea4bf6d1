"""The out-of-domain detectors, one file each.

Torch is imported where they work, for their options are read without it.
"""

from fieldguide.base.operations import import_modules
from fieldguide.screening.detectors.detector import Detector, Known, State

import_modules(__name__, __path__)

__all__ = ["Detector", "Known", "State"]
