"""The network that training starts from, as the stage `weights` left it."""

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from fieldguide.base.errors import UserError
from fieldguide.base.files import read_json, sha256_of_file
from fieldguide.model.architecture import Architecture, Normalization
from fieldguide.model.asking import Network
from fieldguide.model.gpu import has_gpu
from fieldguide.model.onnx_network import WEIGHTS, read_onnx

RANDOM = "random"  # the value of `weights` in conf/model/*.yaml for random ones


@dataclass(frozen=True)
class Backbone:
    """A body with its starting weights, which are in the file `weights`."""

    weights: Path
    architecture: Architecture
    normalization: Normalization
    sha256: str  # of the weights
    is_pretrained: bool

    @cached_property
    def network(self) -> Network:
        """It frozen: squares in, features out. Raises UserError if a file is missing or damaged."""
        file = self.weights.with_suffix(".onnx")
        network = read_onnx(file)
        if network.facts.get(WEIGHTS) != self.sha256:
            raise UserError(f"{file} is of other weights, it has changed: run `dvc repro`")
        if not has_gpu() or not self.weights.is_file():
            return network
        if sha256_of_file(self.weights) != self.sha256:
            raise UserError(f"{self.weights} has changed: run `dvc repro`")
        from fieldguide.model.torch_classifier import load_bounded_body
        from fieldguide.model.torch_network import ObservedNetwork, TorchNetwork

        body = load_bounded_body(self.architecture, self.weights)
        return TorchNetwork(ObservedNetwork(body, None, self.normalization, network.size))

    def network_sha256(self) -> str:
        """The sha256 of the frozen network's file. Raises UserError if it is missing."""
        file = self.weights.with_suffix(".onnx")
        try:
            return sha256_of_file(file)
        except FileNotFoundError:
            raise UserError(f"{file} is missing: run `dvc repro`") from None


def load_backbone(weights: Path) -> Backbone:
    """What the description beside models/backbone.safetensors says of it."""
    description = read_json(weights.with_suffix(".json"))
    return Backbone(
        weights,
        Architecture(**description["architecture"]),
        Normalization(**description["normalization"]),
        description["sha256"],
        description["source"] != RANDOM,
    )
