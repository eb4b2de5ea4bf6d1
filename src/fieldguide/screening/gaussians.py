"""What is known of labelled features on the unit sphere, as Gaussians: what the Mahalanobis detectors share."""

import torch


def on_sphere(features: torch.Tensor) -> torch.Tensor:
    """The features (n, f), each of length 1."""
    return torch.nn.functional.normalize(features, dim=1)


def class_gaussians(features: torch.Tensor, labels: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Means (classes, f) and the covariance within classes (f, f) on the unit sphere, in float64."""
    from sklearn.covariance import ledoit_wolf  # takes a second, and only learning needs it

    points = on_sphere(features).double()
    classes, positions = torch.unique(labels, return_inverse=True)
    means = torch.stack([points[positions == number].mean(dim=0) for number in range(len(classes))])
    covariance, _ = ledoit_wolf((points - means[positions]).numpy(), assume_centered=True)
    return means, torch.from_numpy(covariance) + 1e-9 * torch.eye(points.shape[1], dtype=torch.float64)


def squared_distances(points: torch.Tensor, means: torch.Tensor, precision: torch.Tensor) -> torch.Tensor:
    """Mahalanobis' (n, means)."""
    differences = points[:, None] - means[None]
    return torch.einsum("nmi,ij,nmj->nm", differences, precision, differences)
