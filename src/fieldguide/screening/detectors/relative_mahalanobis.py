"""The detector `relative_mahalanobis`."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from fieldguide.base.operations import DETECTORS
from fieldguide.screening.detectors.detector import Detector, Known, State

if TYPE_CHECKING:
    import torch


@DETECTORS.register
@dataclass(frozen=True)
class RelativeMahalanobis(Detector):
    """As `mahalanobis`, less the distance to the middle of all pictures (Ren et al. 2021)."""

    detector: Literal["relative_mahalanobis"]

    def fit(self, known: Known) -> State:
        """As `mahalanobis`, and one Gaussian over all classes (Ren et al. 2021).

        Its covariance is the shrunk one within the classes plus the one between them: shrunk on its own it would differ
        from the former where there is nothing to tell, and the difference would be noise.
        """
        import torch

        from fieldguide.screening.gaussians import class_gaussians

        means, within = class_gaussians(known.features, known.labels)
        counts = torch.bincount(known.labels).double()
        counts = counts[counts > 0] / counts.sum()
        mean = counts @ means
        between = (means - mean).T @ (counts[:, None] * (means - mean))
        return {
            "means": means.float(),
            "precision": torch.linalg.inv(within).float(),
            "mean": mean[None].float(),
            "precision_of_all": torch.linalg.inv(within + between).float(),
        }

    @staticmethod
    def score(state: State, features: "torch.Tensor", logits: "torch.Tensor") -> "torch.Tensor":
        """The squared distance to the nearest class, less the one to the middle of all."""
        from fieldguide.screening.gaussians import on_sphere, squared_distances

        points = on_sphere(features)
        nearest = squared_distances(points, state["means"], state["precision"]).amin(dim=1)
        return nearest - squared_distances(points, state["mean"], state["precision_of_all"])[:, 0]
