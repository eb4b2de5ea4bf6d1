"""The network that training starts from, as the stage `weights` left it."""

from dataclasses import dataclass
from pathlib import Path

from torch import nn

from fieldguide.base.files import read_json
from fieldguide.model.network import Architecture, Normalization, build_body
from fieldguide.model.weights import load_weights

RANDOM = "random"  # the value of `weights` in conf/model/*.yaml for random ones


@dataclass(frozen=True)
class Backbone:
    """A body with its starting weights: float pictures (n, 3, height, width) in, features (n, f) out."""

    body: nn.Module
    architecture: Architecture
    normalization: Normalization
    sha256: str  # of the weights
    is_pretrained: bool


def load_backbone(weights: Path) -> Backbone:
    """Load models/backbone.safetensors and the description beside it.

    Raises UserError if the weights are missing, damaged, or not those of the architecture.
    """
    description = read_json(weights.with_suffix(".json"))
    architecture = Architecture(**description["architecture"])
    body = build_body(architecture)
    load_weights(body, weights)
    return Backbone(
        body,
        architecture,
        Normalization(**description["normalization"]),
        description["sha256"],
        description["source"] != RANDOM,
    )
