"""Upside down: a logistic regression that separates pictures from their copies turned by 180 degrees."""

from dataclasses import dataclass

import numpy as np
import torch

INVERSE_PENALTY = 0.001  # C of scikit-learn: there are several times more features than pictures


@dataclass(frozen=True)
class Orientation:
    """A linear function of a picture's features and layout, larger = more like one that is upside down."""

    weight: torch.Tensor  # float32 (f,)
    bias: torch.Tensor  # float32, one number

    def score(self, views: torch.Tensor) -> torch.Tensor:
        """The log-odds (n,) of being upside down, of float32 (n, f)."""
        return views @ self.weight + self.bias


def fit_orientation(upright: torch.Tensor, turned: torch.Tensor) -> Orientation:
    """Fit to float32 (n, f) of pictures and of their turned copies."""
    from sklearn.linear_model import LogisticRegression

    both = torch.cat([upright, turned]).double()
    mean, deviation = both.mean(dim=0), both.std(dim=0).clamp(min=1e-6)
    is_turned = np.repeat([0, 1], [len(upright), len(turned)])
    model = LogisticRegression(C=INVERSE_PENALTY, max_iter=2000).fit(((both - mean) / deviation).numpy(), is_turned)
    weight = torch.from_numpy(model.coef_[0]) / deviation
    bias = torch.tensor(float(model.intercept_[0])) - weight @ mean
    return Orientation(weight.float(), bias.float())
