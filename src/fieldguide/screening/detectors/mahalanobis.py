"""The detector `mahalanobis`."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from fieldguide.base.operations import DETECTORS
from fieldguide.screening.detectors.detector import Detector, Floats, Known, State
from fieldguide.screening.gaussians import class_gaussians, on_sphere, squared_distances


@DETECTORS.register
@dataclass(frozen=True)
class Mahalanobis(Detector):
    """Distance to the nearest label's mean in units of the spread within labels (Lee et al. 2018)."""

    detector: Literal["mahalanobis"]

    def fit(self, known: Known) -> State:
        """Class means and a shared covariance, shrunk, on the unit sphere (Lee et al. 2018; Ledoit and Wolf 2004)."""
        classes = class_gaussians(known.features, known.labels)
        precision = np.linalg.inv(classes.covariance())
        return {"means": classes.means.astype(np.float32), "precision": precision.astype(np.float32)}

    @staticmethod
    def score(state: State, features: Floats, logits: Floats) -> NDArray[np.float64]:
        """The squared distance to the nearest class."""
        return squared_distances(on_sphere(features), state["means"], state["precision"]).min(axis=1)
