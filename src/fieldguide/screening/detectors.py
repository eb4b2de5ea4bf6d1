"""How far a picture is from those that the network knows: several detectors behind one interface.

A detector is two functions: `fit` makes a few named tensors of what is known, `score` gives each new picture a number,
larger = further out. Plain tensors can be kept in a safetensors file and used without scikit-learn. The libraries'
own detectors (pytorch-ood, scikit-learn) hold objects that only pickle can keep, which is why these are not used here;
the covariances are scikit-learn's.
"""

from collections.abc import Callable
from dataclasses import dataclass

import torch

State = dict[str, torch.Tensor]


@dataclass(frozen=True)
class Known:
    """What a detector learns from: n training pictures."""

    features: torch.Tensor  # float32 (n, f)
    logits: torch.Tensor  # float32 (n, labels), the classifier's
    labels: torch.Tensor  # int64 (n,), positions in the vocabulary


@dataclass(frozen=True)
class Detector:
    """`fit` takes what is known and the number of neighbours, `score` the state, features and logits: (n,)."""

    fit: Callable[[Known, int], State]
    score: Callable[[State, torch.Tensor, torch.Tensor], torch.Tensor]
    uses_logits: bool = False


def fit_neighbours(known: Known, neighbours: int) -> State:
    """Keep all features, on the unit sphere (Sun et al. 2022); the neighbours are a twelfth of them at most."""
    at_most = max(1, len(known.features) // 12)
    return {"known": _on_sphere(known.features), "neighbours": torch.tensor(min(neighbours, at_most))}


def score_neighbours(state: State, features: torch.Tensor, logits: torch.Tensor) -> torch.Tensor:
    """The distance to the k-th nearest known picture, 0 to 2."""
    distances = torch.cdist(_on_sphere(features), state["known"])
    return distances.kthvalue(int(state["neighbours"]), dim=1).values


def fit_mahalanobis(known: Known, neighbours: int) -> State:
    """Class means and a shared covariance, shrunk, on the unit sphere (Lee et al. 2018; Ledoit and Wolf 2004)."""
    means, covariance = _classes(known)
    return {"means": means.float(), "precision": torch.linalg.inv(covariance).float()}


def score_mahalanobis(state: State, features: torch.Tensor, logits: torch.Tensor) -> torch.Tensor:
    """The squared distance to the nearest class."""
    return _squared_distances(_on_sphere(features), state["means"], state["precision"]).amin(dim=1)


def fit_relative_mahalanobis(known: Known, neighbours: int) -> State:
    """As `mahalanobis`, and one Gaussian over all classes (Ren et al. 2021).

    Its covariance is the shrunk one within the classes plus the one between them: shrunk on its own it would differ
    from the former where there is nothing to tell, and the difference would be noise.
    """
    means, within = _classes(known)
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


def score_relative_mahalanobis(state: State, features: torch.Tensor, logits: torch.Tensor) -> torch.Tensor:
    """The squared distance to the nearest class, less the one to the middle of all."""
    points = _on_sphere(features)
    nearest = _squared_distances(points, state["means"], state["precision"]).amin(dim=1)
    return nearest - _squared_distances(points, state["mean"], state["precision_of_all"])[:, 0]


def fit_vim(known: Known, neighbours: int) -> State:
    """The directions in which the features vary least, and the scale of a virtual logit (Wang et al. 2022).

    The origin is the mean of the features, so that it serves features that are not the classifier's own too.
    """
    features = known.features.double()
    mean = features.mean(dim=0)
    _, directions = torch.linalg.eigh((features - mean).T @ (features - mean))  # the least first
    least = directions[:, : max(1, features.shape[1] // 2)]
    length = ((features - mean) @ least).norm(dim=1).mean().clamp(min=1e-6)
    scale = known.logits.double().amax(dim=1).mean() / length
    return {"mean": mean.float(), "directions": least.float().contiguous(), "scale": scale.float()}


def score_vim(state: State, features: torch.Tensor, logits: torch.Tensor) -> torch.Tensor:
    """The length in those directions, as a logit, less the log-sum-exp of the logits."""
    virtual = ((features - state["mean"]) @ state["directions"]).norm(dim=1) * state["scale"]
    return virtual - logits.logsumexp(dim=1)


def fit_nothing(known: Known, neighbours: int) -> State:
    """Detectors that look at the logits alone learn nothing."""
    return {}


def score_energy(state: State, features: torch.Tensor, logits: torch.Tensor) -> torch.Tensor:
    """Minus the log-sum-exp of the logits (Liu et al. 2020)."""
    return -logits.logsumexp(dim=1)


def score_max_softmax(state: State, features: torch.Tensor, logits: torch.Tensor) -> torch.Tensor:
    """Minus the logarithm of the largest probability (Hendrycks and Gimpel 2017); no other order than without it."""
    return -logits.log_softmax(dim=1).amax(dim=1)


DETECTORS = {
    "nearest_neighbours": Detector(fit_neighbours, score_neighbours),
    "mahalanobis": Detector(fit_mahalanobis, score_mahalanobis),
    "relative_mahalanobis": Detector(fit_relative_mahalanobis, score_relative_mahalanobis),
    "vim": Detector(fit_vim, score_vim, uses_logits=True),
    "energy": Detector(fit_nothing, score_energy, uses_logits=True),
    "max_softmax": Detector(fit_nothing, score_max_softmax, uses_logits=True),
}


def _on_sphere(features: torch.Tensor) -> torch.Tensor:
    return torch.nn.functional.normalize(features, dim=1)


def _classes(known: Known) -> tuple[torch.Tensor, torch.Tensor]:
    """Means (classes, f) and the covariance within classes (f, f) on the unit sphere, in float64."""
    from sklearn.covariance import ledoit_wolf

    points = _on_sphere(known.features).double()
    classes, positions = torch.unique(known.labels, return_inverse=True)
    means = torch.stack([points[positions == number].mean(dim=0) for number in range(len(classes))])
    covariance, _ = ledoit_wolf((points - means[positions]).numpy(), assume_centered=True)
    return means, torch.from_numpy(covariance) + 1e-9 * torch.eye(points.shape[1], dtype=torch.float64)


def _squared_distances(points: torch.Tensor, means: torch.Tensor, precision: torch.Tensor) -> torch.Tensor:
    """Mahalanobis' (n, means)."""
    differences = points[:, None] - means[None]
    return torch.einsum("nmi,ij,nmj->nm", differences, precision, differences)
