"""What a body is, in plain values: its architecture, and the normalization of the pictures that it takes."""

from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import Field

IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STD = (0.229, 0.224, 0.225)

Finite = Annotated[float, Field(allow_inf_nan=False)]
Deviation = Annotated[float, Field(gt=1e-6, le=1e6)]


@dataclass(frozen=True)
class Architecture:
    """What it takes to build a body again: library ("timm" or "torchvision"), name there, and its options."""

    library: Annotated[str, Field(pattern="^(timm|torchvision)$")]
    arch: Annotated[str, Field(max_length=200)]
    options: dict[str, Any]


@dataclass(frozen=True)
class Normalization:
    """Channel mean and standard deviation of pictures in [0, 1], in the order red, green, blue."""

    mean: tuple[Finite, Finite, Finite]
    std: tuple[Deviation, Deviation, Deviation]
