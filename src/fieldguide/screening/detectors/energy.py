"""The detector `energy`."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Literal

from fieldguide.base.operations import DETECTORS
from fieldguide.screening.detectors.detector import Detector, Known, State

if TYPE_CHECKING:
    import torch


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
    def score(state: State, features: "torch.Tensor", logits: "torch.Tensor") -> "torch.Tensor":
        """Minus the log-sum-exp of the logits (Liu et al. 2020)."""
        return -logits.logsumexp(dim=1)
