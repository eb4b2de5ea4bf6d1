"""The detector `vim`."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Literal

from fieldguide.base.operations import DETECTORS
from fieldguide.screening.detectors.detector import Detector, Known, State

if TYPE_CHECKING:
    import torch


@DETECTORS.register
@dataclass(frozen=True)
class VirtualLogit(Detector):
    """Where the features vary least, together with the logits (Wang et al. 2022)."""

    uses_logits: ClassVar[bool] = True
    detector: Literal["vim"]

    def fit(self, known: Known) -> State:
        """The directions in which the features vary least, and the scale of a virtual logit (Wang et al. 2022).

        The origin is the mean of the features, so that it serves features that are not the classifier's own too.
        """
        import torch

        features = known.features.double()
        mean = features.mean(dim=0)
        _, directions = torch.linalg.eigh((features - mean).T @ (features - mean))  # the least first
        least = directions[:, : max(1, features.shape[1] // 2)]
        length = ((features - mean) @ least).norm(dim=1).mean().clamp(min=1e-6)
        scale = known.logits.double().amax(dim=1).mean() / length
        return {"mean": mean.float(), "directions": least.float().contiguous(), "scale": scale.float()}

    @staticmethod
    def score(state: State, features: "torch.Tensor", logits: "torch.Tensor") -> "torch.Tensor":
        """The length in those directions, as a logit, less the log-sum-exp of the logits."""
        virtual = ((features - state["mean"]) @ state["directions"]).norm(dim=1) * state["scale"]
        return virtual - logits.logsumexp(dim=1)
