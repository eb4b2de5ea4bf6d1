"""The detector `energy`."""

from dataclasses import dataclass
from typing import ClassVar, Literal

from fieldguide.base.operations import DETECTORS
from fieldguide.screening.detectors.detector import Detector, Floats, Known, State, log_sum_exp


@DETECTORS.register
@dataclass(frozen=True)
class Energy(Detector):
    """Minus the log-sum-exp of the classifier's logits (Liu et al. 2020)."""

    uses_logits: ClassVar[bool] = True
    detector: Literal["energy"]

    def fit(self, known: Known) -> State:
        """Nothing is learned: it looks at the logits alone."""
        return {}

    @staticmethod
    def score(state: State, features: Floats, logits: Floats) -> Floats:
        """Minus the log-sum-exp of the logits (Liu et al. 2020)."""
        return -log_sum_exp(logits)
