"""The detector `max_softmax`."""

from dataclasses import dataclass
from typing import ClassVar, Literal

from fieldguide.base.operations import DETECTORS
from fieldguide.screening.detectors.detector import Detector, Floats, Known, State, log_sum_exp


@DETECTORS.register
@dataclass(frozen=True)
class MaxSoftmax(Detector):
    """Minus the classifier's largest probability (Hendrycks and Gimpel 2017)."""

    uses_logits: ClassVar[bool] = True
    detector: Literal["max_softmax"]

    def fit(self, known: Known) -> State:
        """Nothing is learned: it looks at the logits alone."""
        return {}

    @staticmethod
    def score(state: State, features: Floats, logits: Floats) -> Floats:
        """Minus the logarithm of the largest probability; no other order than without it."""
        return log_sum_exp(logits) - logits.max(axis=1)
