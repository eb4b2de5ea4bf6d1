"""What is known of labelled features on the unit sphere, as Gaussians: what the Mahalanobis detectors share."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

SMALLEST_LENGTH = 1e-12  # of features: shorter ones stay as short


def on_sphere(features: NDArray[np.float32]) -> NDArray[np.float32]:
    """The features (n, f), each of length 1."""
    return features / np.maximum(np.sqrt((features**2).sum(axis=1, keepdims=True)), SMALLEST_LENGTH)


def class_gaussians(
    features: NDArray[np.float32], labels: NDArray[np.intp]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Means (classes, f) and the covariance within classes (f, f) on the unit sphere."""
    from sklearn.covariance import ledoit_wolf  # takes a second, and only learning needs it

    points = on_sphere(features).astype(np.float64)
    classes, positions = np.unique(labels, return_inverse=True)
    means = np.stack([points[positions == number].mean(axis=0) for number in range(len(classes))])
    covariance, _ = ledoit_wolf(points - means[positions], assume_centered=True)
    return means, covariance + 1e-9 * np.eye(points.shape[1])


def squared_distances(points: NDArray[Any], means: NDArray[Any], precision: NDArray[Any]) -> NDArray[np.float64]:
    """Mahalanobis' (n, means), of points (n, f) from means (means, f), by a symmetric precision (f, f).

    The product of points and precision is made once for all means, in float64: squares from one origin are summed.
    """
    exact, middle = precision.astype(np.float64), means.mean(axis=0, dtype=np.float64)
    points, means = points - middle, means - middle
    weighted = points @ exact
    of_points, of_means = (weighted * points).sum(axis=1), ((means @ exact) * means).sum(axis=1)
    return of_points[:, None] - 2 * weighted @ means.T + of_means
