"""The out-of-domain detectors, one file each."""

from fieldguide.base.operations import import_modules
from fieldguide.screening.detectors.detector import Detector, Known, State

import_modules(__name__, __path__)

__all__ = ["Detector", "Known", "State"]
