"""A trained classifier in PyTorch, from its weights: for a GPU, and to be exported."""

import math
from collections.abc import Mapping
from pathlib import Path

from torch import nn

from fieldguide.base.errors import UserError
from fieldguide.model.architecture import Architecture
from fieldguide.model.description import read_description
from fieldguide.model.network import build_bounded, build_classifier, count_features
from fieldguide.model.torch_network import ObservedNetwork, TorchNetwork
from fieldguide.model.weights import load_weights, read_shapes

MAX_LIBRARY_HEAD = 2**24  # weights of the head for a thousand labels that a library builds and that is taken off again


def load_torch_network(weights: Path, description: Path) -> TorchNetwork:
    """It on the GPU; see `load_observed`."""
    return TorchNetwork(load_observed(weights, description))


def load_observed(weights: Path, description: Path) -> ObservedNetwork:
    """The network of a classifier's .safetensors file and the .json that describes it.

    Runs no code from them, and builds no network that is much larger than the weights, whatever they claim. Raises
    UserError if either is missing, damaged, or does not fit the other.
    """
    content = read_description(description)
    shapes = read_shapes(weights)
    head = shapes.get("head.weight", ())
    if len(head) != 2 or head[0] != len(content.vocabulary):
        raise UserError(
            f"{weights} does not hold the weights of this network (no head for {len(content.vocabulary)} labels)"
        )
    labels, features = head
    preprocessing = content.preprocessing
    try:
        body = build_bounded(content.architecture, _most_weights(shapes))
        network = build_classifier(body, features, labels)
        load_weights(network, weights)
        if (given := count_features(body, preprocessing.size)) != features:
            raise UserError(f"the body gives {given} features, the head takes {features}")
    except UserError as error:
        raise UserError(f"{description}: {error}") from None
    return ObservedNetwork(body, network.get_submodule("head"), preprocessing.normalization, preprocessing.size)


def load_bounded_body(architecture: Architecture, weights: Path) -> nn.Module:
    """A body with the weights in a .safetensors file, bounded as `load_observed` is, which tells what is raised."""
    body = build_bounded(architecture, _most_weights(read_shapes(weights)))
    load_weights(body, weights)
    return body


def _most_weights(shapes: Mapping[str, tuple[int, ...]]) -> int:
    return 2 * sum(map(math.prod, shapes.values())) + MAX_LIBRARY_HEAD
