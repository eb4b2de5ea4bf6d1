"""The detector `nearest_neighbours`."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from fieldguide.base.operations import DETECTORS
from fieldguide.screening.detectors.detector import Detector, Known, State

if TYPE_CHECKING:
    import torch


@DETECTORS.register
@dataclass(frozen=True)
class NearestNeighbours(Detector):
    """Distance to the k-th nearest known picture (Sun et al. 2022)."""

    detector: Literal["nearest_neighbours"]

    def fit(self, known: Known) -> State:
        """Keep all features, on the unit sphere (Sun et al. 2022); the neighbours are a twelfth of them at most."""
        import torch

        from fieldguide.screening.gaussians import on_sphere

        at_most = max(1, len(known.features) // 12)
        return {"known": on_sphere(known.features), "neighbours": torch.tensor(min(self.neighbours, at_most))}

    @staticmethod
    def score(state: State, features: "torch.Tensor", logits: "torch.Tensor") -> "torch.Tensor":
        """The distance to the k-th nearest known picture, 0 to 2."""
        import torch

        from fieldguide.screening.gaussians import on_sphere

        distances = torch.cdist(on_sphere(features), state["known"])
        return distances.kthvalue(int(state["neighbours"]), dim=1).values
