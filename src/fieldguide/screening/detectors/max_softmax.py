"""The detector `max_softmax`."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Literal

from fieldguide.base.operations import DETECTORS
from fieldguide.screening.detectors.detector import Detector, Known, State

if TYPE_CHECKING:
    import torch


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
    def score(state: State, features: "torch.Tensor", logits: "torch.Tensor") -> "torch.Tensor":
        """Minus the logarithm of the largest probability; no other order than without it."""
        return -logits.log_softmax(dim=1).amax(dim=1)
