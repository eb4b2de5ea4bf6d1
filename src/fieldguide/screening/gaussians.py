"""What is known of labelled features on the unit sphere, as Gaussians: what the Mahalanobis detectors share."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

SMALLEST_LENGTH = 1e-12  # of features: shorter ones stay as short
SMALLEST_VARIANCE = 1e-9  # added in every direction


def on_sphere(features: NDArray[np.float32]) -> NDArray[np.float32]:
    """The features (n, f), each of length 1."""
    return features / np.maximum(np.sqrt((features**2).sum(axis=1, keepdims=True)), SMALLEST_LENGTH)


@dataclass(frozen=True)
class ClassGaussians:
    """One Gaussian a class on the unit sphere, all with one covariance, that within the classes, shrunk."""

    means: Floats  # (classes, f)
    deviations: Floats  # (n, f) of the points from the means of their classes, divided by the square root of n
    weight: float  # of the empirical covariance, the product of the deviations
    ridge: float  # on the diagonal, beside it

    def covariance(self) -> Floats:
        """(f, f)."""
        return self.weight * self.deviations.T @ self.deviations + self.ridge * np.eye(self.deviations.shape[1])

    def solve(self, vectors: Floats) -> NDArray[np.floating]:
        """The inverse of the covariance times vectors, both (f, k).

        Of fewer points than dimensions by the Woodbury identity, with a matrix as large as there are points.
        """
        points, dimensions = self.deviations.shape
        if points >= dimensions:
            return np.linalg.solve(self.covariance(), vectors)
        small = self.weight * self.deviations @ self.deviations.T + self.ridge * np.eye(points)
        explained = self.deviations.T @ np.linalg.solve(small, self.deviations @ vectors)
        return (vectors - self.weight * explained) / self.ridge


def class_gaussians(features: NDArray[np.float32], labels: NDArray[np.intp]) -> ClassGaussians:
    """Learn from features (n, f) and the labels (n,) of their classes, which need not be all that there are."""
    points = on_sphere(features).astype(np.float64)
    classes, positions = np.unique(labels, return_inverse=True)
    means = np.stack([points[positions == number].mean(axis=0) for number in range(len(classes))])
    deviations = (points - means[positions]) / np.sqrt(len(points))
    shrinkage, variance = shrinkage_of(deviations)
    return ClassGaussians(means, deviations, 1 - shrinkage, shrinkage * variance + SMALLEST_VARIANCE)


def shrinkage_of(deviations: Floats) -> tuple[float, float]:
    """The shrinkage of an empirical covariance, in [0, 1], and its mean variance (Ledoit and Wolf 2004).

    The shrinkage is that of scikit-learn, from the smaller of the two products of the deviations (n, f): those of n
    points from their mean, divided by the square root of n.
    """
    points, dimensions = deviations.shape
    product = deviations @ deviations.T if points < dimensions else deviations.T @ deviations
    squared = (deviations**2).sum(axis=1)
    variance, length = squared.sum() / dimensions, (product**2).sum()
    dispersion = length - dimensions * variance**2
    error = min((squared**2).sum() - length / points, dispersion)
    return float(error / dispersion) if error > 0 else 0.0, float(variance)


def squared_distances(points: NDArray[Any], means: NDArray[Any], precision: NDArray[Any]) -> NDArray[np.float64]:
    """Mahalanobis' (n, means), of points (n, f) from means (means, f), by a symmetric precision (f, f).

    The product of points and precision is made once for all means, in float64: squares from one origin are summed.
    """
    exact, middle = precision.astype(np.float64), means.mean(axis=0, dtype=np.float64)
    points, means = points - middle, means - middle
    weighted = points @ exact
    of_points, of_means = (weighted * points).sum(axis=1), ((means @ exact) * means).sum(axis=1)
    return of_points[:, None] - 2 * weighted @ means.T + of_means
