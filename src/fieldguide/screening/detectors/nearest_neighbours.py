"""The detector `nearest_neighbours`."""

from dataclasses import dataclass
from typing import Literal

import numpy as np

from fieldguide.base.operations import DETECTORS
from fieldguide.screening.detectors.detector import Detector, Floats, Known, State
from fieldguide.screening.gaussians import on_sphere
from fieldguide.screening.neighbours import distance_to_last, nearest


@DETECTORS.register
@dataclass(frozen=True)
class NearestNeighbours(Detector):
    """Distance to the k-th nearest known picture (Sun et al. 2022)."""

    detector: Literal["nearest_neighbours"]

    def fit(self, known: Known) -> State:
        """Keep all features, on the unit sphere (Sun et al. 2022); the neighbours are a twelfth of them at most."""
        at_most = max(1, len(known.features) // 12)
        return {"known": on_sphere(known.features), "neighbours": np.array(min(self.neighbours, at_most))}

    @staticmethod
    def score(state: State, features: Floats, logits: Floats) -> Floats:
        """The distance to the k-th nearest known picture, 0 to 2."""
        points, known, neighbours = on_sphere(features), state["known"], int(state["neighbours"])
        return distance_to_last(points, known, nearest(points @ known.T, neighbours))
