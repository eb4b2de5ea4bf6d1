"""The detector `relative_mahalanobis`."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from fieldguide.base.operations import DETECTORS
from fieldguide.screening.detectors.detector import Detector, Floats, Known, State
from fieldguide.screening.gaussians import class_gaussians, on_sphere, squared_distances


@DETECTORS.register
@dataclass(frozen=True)
class RelativeMahalanobis(Detector):
    """As `mahalanobis`, less the distance to the middle of all pictures (Ren et al. 2021)."""

    detector: Literal["relative_mahalanobis"]

    def fit(self, known: Known) -> State:
        """As `mahalanobis`, and one Gaussian over all classes (Ren et al. 2021).

        Its covariance is the shrunk one within the classes plus the one between them: shrunk on its own it would differ
        from the former where there is nothing to tell, and the difference would be noise.
        """
        classes = class_gaussians(known.features, known.labels)
        means, within = classes.means, classes.covariance()
        counts = np.bincount(known.labels)
        counts = counts[counts > 0] / counts.sum()
        mean = counts @ means
        between = (means - mean).T @ (counts[:, None] * (means - mean))
        return {
            "means": means.astype(np.float32),
            "precision": np.linalg.inv(within).astype(np.float32),
            "mean": mean[None].astype(np.float32),
            "precision_of_all": np.linalg.inv(within + between).astype(np.float32),
        }

    @staticmethod
    def score(state: State, features: Floats, logits: Floats) -> NDArray[np.float64]:
        """The squared distance to the nearest class, less the one to the middle of all."""
        points = on_sphere(features)
        nearest = squared_distances(points, state["means"], state["precision"]).min(axis=1)
        return nearest - squared_distances(points, state["mean"], state["precision_of_all"])[:, 0]
