"""The detector `vim`."""

from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np

from fieldguide.base.operations import DETECTORS
from fieldguide.screening.detectors.detector import Detector, Floats, Known, State, log_sum_exp


@DETECTORS.register
@dataclass(frozen=True)
class VirtualLogit(Detector):
    """Where the features vary least, together with the logits (Wang et al. 2022)."""

    uses_logits: ClassVar[bool] = True
    detector: Literal["vim"]

    def fit(self, known: Known) -> State:
        """The directions in which the features vary least, half of them or more, and the scale of a virtual logit.

        The origin is the mean of the features, so that it serves features that are not the classifier's own too.
        """
        features = known.features.astype(np.float64)
        mean = features.mean(axis=0)
        _, directions = np.linalg.eigh((features - mean).T @ (features - mean))  # the least first
        pictures, count = features.shape
        most = min(count - max(1, count // 2), pictures // 2)  # more directions would hold every known picture whole
        least = directions[:, : count - most]
        length = max(float(np.linalg.norm((features - mean) @ least, axis=1).mean()), 1e-6)
        scale = known.logits.max(axis=1).mean(dtype=np.float64) / length
        return {
            name: value.astype(np.float32) for name, value in (("mean", mean), ("directions", least), ("scale", scale))
        }

    @staticmethod
    def score(state: State, features: Floats, logits: Floats) -> Floats:
        """The length in those directions, as a logit, less the log-sum-exp of the logits."""
        length = np.linalg.norm((features - state["mean"]) @ state["directions"], axis=1)
        return length * state["scale"] - log_sum_exp(logits)
