"""What the detectors have in common.

A detector makes a few named arrays from the training pictures, and gives each new picture a number, larger = further
out. Plain arrays can be kept in a safetensors file, and NumPy alone scores with them. The libraries' own detectors
(pytorch-ood, scikit-learn) hold objects that only pickle can keep, which is why they are not used here; the covariances
are scikit-learn's.
"""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

Floats = NDArray[np.float32]
State = dict[str, NDArray[Any]]


@dataclass(frozen=True)
class Known:
    """What a detector learns from: n training pictures."""

    features: Floats  # (n, f)
    logits: Floats  # (n, labels), the classifier's
    labels: NDArray[np.intp]  # (n,), positions in the vocabulary


@dataclass(frozen=True)
class Detector(ABC):
    """A way to recognize out-of-domain pictures, and at which false alarm rate; a dataclass in `DETECTORS`.

    All take `neighbours`, which only those look at that count neighbours: so an option file of one serves another.
    """

    uses_logits: ClassVar[bool] = False
    detector: str
    features: Annotated[str, Field(pattern="^(auto|backbone|classifier)$")] = "auto"
    neighbours: Annotated[int, Field(ge=1, le=1000)] = 50
    alarm_rate: Annotated[float, Field(gt=0, le=0.5)] = 0.05

    @abstractmethod
    def fit(self, known: Known) -> State:
        """What `score` needs, as named arrays."""

    @staticmethod
    @abstractmethod
    def score(state: State, features: Floats, logits: Floats) -> NDArray[np.floating]:
        """How far out n pictures are, (n,); features (n, f) and logits (n, labels) as in `Known`."""


def log_sum_exp(logits: Floats) -> Floats:
    """The logarithm of the sum of the exponentials (n,) of logits (n, labels), which may be large."""
    largest = logits.max(axis=1)
    return largest + np.log(np.exp(logits - largest[:, None]).sum(axis=1))
