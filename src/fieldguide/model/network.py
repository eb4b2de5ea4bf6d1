"""Networks: a body of timm or torchvision that turns pictures into features, and a linear head over the labels."""

from collections import OrderedDict
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn

from fieldguide.base.errors import UserError

IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STD = (0.229, 0.224, 0.225)


@dataclass(frozen=True)
class Architecture:
    """What it takes to build a body again: library ("timm" or "torchvision"), name there, and its options."""

    library: str
    arch: str
    options: dict[str, Any]


@dataclass(frozen=True)
class Normalization:
    """Channel mean and standard deviation of pictures in [0, 1], in the order red, green, blue."""

    mean: tuple[float, float, float]
    std: tuple[float, float, float]


def build_body(architecture: Architecture) -> nn.Module:
    """A body with random weights: float pictures (n, 3, height, width) in, features (n, f) out.

    Raises UserError for a name that the library does not know, or options that it does not take.
    """
    try:
        if architecture.library == "timm":
            import timm

            body: nn.Module = timm.create_model(architecture.arch, num_classes=0, **architecture.options)
            return body
        import torchvision

        return without_head(torchvision.models.get_model(architecture.arch, **architecture.options))
    except (RuntimeError, ValueError, TypeError, AssertionError) as error:
        if is_memory_short(error):
            raise
        reason = str(error).splitlines()[0]
        raise UserError(f"model: arch: {architecture.library} does not build {architecture.arch!r}: {reason}") from None


def without_head(network: nn.Module) -> nn.Module:
    """A torchvision classifier with its last linear layer taken out, so that it gives features."""
    linear = [name for name, module in network.named_modules() if isinstance(module, nn.Linear)]
    if not linear:
        raise UserError("model: arch: this torchvision network has no linear layer at its end: choose another")
    network.set_submodule(linear[-1], nn.Identity())
    return network


def build_classifier(body: nn.Module, features: int, labels: int) -> nn.Sequential:
    """A body and a new linear head: pictures (n, 3, height, width) in, logits (n, labels) out."""
    return nn.Sequential(OrderedDict(body=body, head=nn.Linear(features, labels)))


def build_head(classifier: nn.Sequential) -> nn.Sequential:
    """The classifier's own head for features that were computed before: (n, f) in, logits (n, labels) out."""
    return nn.Sequential(OrderedDict(body=nn.Identity(), head=classifier.get_submodule("head")))


def count_features(body: nn.Module, size: int) -> int:
    """The width of a body's features for square pictures of `size` pixels. Raises UserError if it cannot take them."""
    body.eval()
    try:
        with torch.inference_mode():
            features = body(torch.zeros(1, 3, size, size))
    except (RuntimeError, AssertionError, ValueError) as error:
        if is_memory_short(error):
            raise
        reason = str(error).splitlines()[0]
        raise UserError(
            f"train.size: the architecture cannot take pictures of {size} pixels ({reason}): "
            "choose another size in params.yaml"
        ) from None
    if features.ndim != 2:
        raise UserError(f"model: arch: gives features of shape {tuple(features.shape)}, expected (pictures, features)")
    return int(features.shape[1])


def is_memory_short(error: BaseException) -> bool:
    """Whether PyTorch, numpy or Python say that there is not enough memory; each has its own way."""
    signs = ("out of memory", "can't allocate memory", "not enough memory", "Unable to allocate")
    return isinstance(error, MemoryError) or any(sign in str(error) for sign in signs)


def normalization_of(architecture: Architecture, body: nn.Module) -> Normalization:
    """The normalization that the architecture's pretrained weights were trained with."""
    if architecture.library == "timm":
        from timm.data import resolve_model_data_config

        config = resolve_model_data_config(body)
        return Normalization(tuple(config["mean"]), tuple(config["std"]))
    return Normalization(IMAGENET_MEAN, IMAGENET_STD)
