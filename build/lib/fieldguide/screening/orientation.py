"""Upside down: a logistic regression that separates pictures from their copies turned by 180 degrees."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

INVERSE_PENALTY = 0.001  # C of scikit-learn: there are several times more features than pictures
TURNED = 0.95  # share of the turned training pictures that are called upside down if they raise the alarm
TOLD_APART = 0.9  # share of training pictures of which the turned copy scores higher, for orientation to mean something


@dataclass(frozen=True)
class Orientation:
    """A linear function of a picture's features and layout, larger = more like one that is upside down."""

    weight: NDArray[np.float32]  # (f,)
    bias: NDArray[np.float32]  # one number

    def score(self, views: NDArray[np.float32]) -> NDArray[np.float32]:
        """The log-odds (n,) of being upside down, of float32 (n, f)."""
        return views @ self.weight + self.bias


@dataclass(frozen=True)
class Turned:
    """What training pictures look like when they are turned by 180 degrees, in the two learned scores.

    A drawing, a night and a blank picture are unlike upright ones too, but not like these: they are no more upside down
    than anything else. Only what scores as turned pictures do is called so; of textures and parts without an upper side
    nothing is.
    """

    least_orientation: float | None  # of turned pictures; None where they look like upright ones
    largest_features: float

    def is_like(self, features: NDArray[np.float64], orientation: NDArray[np.float64]) -> NDArray[np.bool_]:
        """Which (n,) scores could be those of turned pictures."""
        if self.least_orientation is None:
            return np.zeros(len(features), bool)
        return (orientation >= self.least_orientation) & (features <= self.largest_features)


def learn_turned(
    upright: NDArray[np.float64], orientation: NDArray[np.float64], features: NDArray[np.float64]
) -> Turned:
    """What the scores of turned training pictures have in common.

    Parameters
    ----------
    upright
        (n,) orientation scores of the training pictures, each by what was learned from others.
    orientation, features
        (n,) the scores of the same pictures, turned.
    """
    told_apart = float((orientation > upright).mean()) >= TOLD_APART
    least = float(np.quantile(orientation, 1 - TURNED)) if told_apart else None
    return Turned(least, float(np.quantile(features, TURNED)))


def fit_orientation(upright: NDArray[np.float32], turned: NDArray[np.float32]) -> Orientation:
    """Fit to float32 (n, f) of pictures and of their turned copies."""
    from sklearn.linear_model import LogisticRegression

    both = np.concatenate([upright, turned]).astype(np.float64)
    mean, deviation = both.mean(axis=0), both.std(axis=0, ddof=1).clip(1e-6)
    is_turned = np.repeat([0, 1], [len(upright), len(turned)])
    model = LogisticRegression(C=INVERSE_PENALTY, max_iter=2000).fit((both - mean) / deviation, is_turned)
    weight = model.coef_[0] / deviation
    bias = model.intercept_[0] - weight @ mean
    return Orientation(weight.astype(np.float32), np.asarray(bias, np.float32))
