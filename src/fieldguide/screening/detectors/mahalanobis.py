"""The detector `mahalanobis`."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from fieldguide.base.operations import DETECTORS
from fieldguide.screening.detectors.detector import Detector, Known, State

if TYPE_CHECKING:
    import torch


@DETECTORS.register
@dataclass(frozen=True)
class Mahalanobis(Detector):
    """Distance to the nearest label's mean in units of the spread within labels (Lee et al. 2018)."""

    detector: Literal["mahalanobis"]

    def fit(self, known: Known) -> State:
        """Class means and a shared covariance, shrunk, on the unit sphere (Lee et al. 2018; Ledoit and Wolf 2004)."""
        import torch

        from fieldguide.screening.gaussians import class_gaussians

        means, covariance = class_gaussians(known.features, known.labels)
        return {"means": means.float(), "precision": torch.linalg.inv(covariance).float()}

    @staticmethod
    def score(state: State, features: "torch.Tensor", logits: "torch.Tensor") -> "torch.Tensor":
        """The squared distance to the nearest class."""
        from fieldguide.screening.gaussians import on_sphere, squared_distances

        return squared_distances(on_sphere(features), state["means"], state["precision"]).amin(dim=1)
