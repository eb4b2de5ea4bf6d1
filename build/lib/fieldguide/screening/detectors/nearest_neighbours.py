"""The detector `nearest_neighbours`."""

from dataclasses import dataclass
from typing import Literal

import numpy as np

from fieldguide.base.operations import DETECTORS
from fieldguide.screening.detectors.detector import Detector, Floats, Known, State
from fieldguide.screening.gaussians import on_sphere


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
        if neighbours < 1:
            raise ValueError(f"{neighbours} neighbours")
        # On a sphere the nearest have the largest product. Distances made of products would lose half of their digits.
        nearest_first = np.argpartition(-(points @ known.T), neighbours - 1, axis=1)
        difference = points - known[nearest_first[:, neighbours - 1]]
        return np.sqrt((difference**2).sum(axis=1))
