"""What the detectors have in common.

A detector makes a few named tensors from the training pictures, and gives each new picture a number, larger = further
out. Plain tensors can be kept in a safetensors file and used without scikit-learn. The libraries' own detectors
(pytorch-ood, scikit-learn) hold objects that only pickle can keep, which is why they are not used here; the covariances
are scikit-learn's.
"""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, ClassVar

from pydantic import Field

if TYPE_CHECKING:
    import torch

State = dict[str, "torch.Tensor"]


@dataclass(frozen=True)
class Known:
    """What a detector learns from: n training pictures."""

    features: "torch.Tensor"  # float32 (n, f)
    logits: "torch.Tensor"  # float32 (n, labels), the classifier's
    labels: "torch.Tensor"  # int64 (n,), positions in the vocabulary


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
        """What `score` needs, as named tensors."""

    @staticmethod
    @abstractmethod
    def score(state: State, features: "torch.Tensor", logits: "torch.Tensor") -> "torch.Tensor":
        """How far out n pictures are, (n,); features (n, f) and logits (n, labels) as in `Known`."""
