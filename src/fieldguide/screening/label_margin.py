"""Whether a picture is clearly of one of the known labels."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fieldguide.screening.gaussians import class_gaussians, on_sphere

Floats = NDArray[np.float32]

SMALLEST_SEPARATION = 1e-9


@dataclass(frozen=True)
class LabelMargin:
    """A linear discriminant for each known label (Fisher 1936), of features on the unit sphere."""

    weight: Floats  # (labels, f)
    bias: Floats  # (labels,)
    separation: Floats  # (labels, labels): the squared Mahalanobis distances between the labels' means

    def score(self, features: Floats) -> NDArray[np.float64]:
        """How far (n,) from the middle between its two best labels, as minus a share of the way from one to the other.

        -0.5 at the best label's mean, 0 halfway between both: larger = less clearly of one label; 0 where only one is
        known. As a share it does not depend on the spread within labels, which few pictures tell badly. Features are
        (n, f).
        """
        discriminants = on_sphere(features).astype(np.float64) @ self.weight.T.astype(np.float64) + self.bias
        if discriminants.shape[1] < 2:
            return np.zeros(len(features))
        best, next_best = np.argsort(-discriminants, axis=1, kind="stable")[:, :2].T
        rows = np.arange(len(features))
        separation = np.maximum(self.separation[best, next_best].astype(np.float64), SMALLEST_SEPARATION)
        margin: NDArray[np.float64] = discriminants[rows, best] - discriminants[rows, next_best]
        return -margin / separation


def fit_label_margin(features: Floats, labels: NDArray[np.intp]) -> LabelMargin:
    """Learn from pictures (n, f) and their labels (n,): class means, a shared covariance (Ledoit and Wolf 2004)."""
    known = class_gaussians(features, labels)
    weight = known.solve(known.means.T).T
    products = weight @ known.means.T
    own = np.diag(products)
    separation = own[:, None] + own - products - products.T
    bias = -(weight * known.means).sum(axis=1) / 2
    return LabelMargin(*(values.astype(np.float32) for values in (weight, bias, separation)))
