"""Networks: a body of timm or torchvision that turns pictures into features, and a linear head over the labels."""

import re
from collections import OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import nn
from torch.nn.modules.module import (
    register_module_buffer_registration_hook,
    register_module_parameter_registration_hook,
)

from fieldguide.base.errors import UserError, first_line
from fieldguide.model.architecture import IMAGENET_MEAN, IMAGENET_STD, Architecture, Normalization
from fieldguide.model.libraries import library, without_compiler

# Options with which the libraries would read a file, go to the network, or build something that is no classifier.
RESERVED_OPTIONS = re.compile(
    "pretrained.*|weights.*|checkpoint_path|cache_dir|default_cfg|num_classes|features_only|feature_cfg|"
    "scriptable|exportable|no_jit|progress"
)
MAX_OPTION = 65_536  # more channels, layers or pixels has no architecture
MAX_TENSORS = 20_000  # timm's deepest network has fewer than 3,000


def build_body(architecture: Architecture) -> nn.Module:
    """A body with random weights: float pictures (n, 3, height, width) in, features (n, f) out.

    Raises UserError for a name that the library does not list, or options that it does not take or that would make it
    read anything.
    """
    check_architecture(architecture)
    try:
        return _create(architecture)
    except UserError:
        raise
    except Exception as error:  # the libraries raise anything for options that they do not take
        if is_memory_short(error):
            raise
        reason = first_line(error)
        raise UserError(f"model: arch: {architecture.library} does not build {architecture.arch!r}: {reason}") from None


def build_bounded(architecture: Architecture, weights: int) -> nn.Module:
    """`build_body` for an untrusted architecture: raises UserError before it has more than so many weights.

    It is built twice, first on torch's device without memory: only what is found small enough is built in earnest.
    (torchvision's RegNets cannot be, they look at numbers in their tensors; they register each before they fill it.)
    """
    check_architecture(architecture)
    with _at_most(weights), torch.device("meta"), without_compiler():
        try:
            _create(architecture)
        except UserError:
            raise
        except Exception:  # whatever it is, the build below says it
            pass
    with _at_most(weights):
        return build_body(architecture)


def _create(architecture: Architecture) -> nn.Module:
    if architecture.library == "timm":
        body: nn.Module = library("timm").create_model(architecture.arch, num_classes=0, **architecture.options)
        return body
    return without_head(library("torchvision").models.get_model(architecture.arch, **architecture.options))


def check_architecture(architecture: Architecture) -> None:
    """Raise UserError unless the name is one that the library lists, and the options plain and of sensible size.

    Both libraries take more than plain names: timm would fetch `hf-hub:NAME` and read `local-dir:PATH`, and
    torchvision's segmentation networks fetch the weights of their backbone by default.
    """
    name = architecture.arch
    if architecture.library == "timm":
        known = bool(re.fullmatch(r"\w+(\.\w+)?", name, re.ASCII)) and library("timm").is_model(name)
    else:
        models = library("torchvision").models
        known = name in models.list_models(module=models)
    if not known:
        raise UserError(f"model: arch: {architecture.library} does not build {name!r}: it lists no such architecture")
    for option, value in architecture.options.items():
        if RESERVED_OPTIONS.fullmatch(option):
            raise UserError(f"model: options: {option} is not allowed there")
        if not _is_plain(value):
            raise UserError(f"model: options: {option}: expected numbers up to {MAX_OPTION}, words, or lists of them")


def _is_plain(value: Any, depth: int = 0) -> bool:
    if isinstance(value, list | tuple | dict):
        items = value.values() if isinstance(value, dict) else value
        return depth < 4 and len(value) <= 100 and all(_is_plain(item, depth + 1) for item in items)
    if isinstance(value, str):
        return bool(re.fullmatch(r"[\w.-]{0,100}", value, re.ASCII))
    return value is None or (isinstance(value, bool | int | float) and abs(value) <= MAX_OPTION)


@contextmanager
def _at_most(weights: int) -> Iterator[None]:
    """Within it, registering more weights or tensors than that raises UserError."""
    tensors = 0

    def count(_module: nn.Module, _name: str, tensor: torch.Tensor | None) -> None:
        nonlocal tensors, weights
        tensors += 1
        weights -= tensor.numel() if tensor is not None else 0
        if weights < 0 or tensors > MAX_TENSORS:
            raise UserError("model: options: they make a network that is larger than the weights")

    hooks = [register_module_buffer_registration_hook(count), register_module_parameter_registration_hook(count)]
    try:
        yield
    finally:
        for hook in hooks:
            hook.remove()


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


@contextmanager
def one_thread() -> Iterator[None]:
    """Within it PyTorch computes on one core: for single pictures more only wait for each other on a busy machine."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)


def count_features(body: nn.Module, size: int) -> int:
    """The width of a body's features for square pictures of `size` pixels. Raises UserError if it cannot take them."""
    body.eval()
    try:
        with one_thread(), torch.inference_mode():
            features = body(torch.zeros(1, 3, size, size))
    except (RuntimeError, AssertionError, ValueError) as error:
        if is_memory_short(error):
            raise
        reason = first_line(error)
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
        config = library("timm").data.resolve_model_data_config(body)
        return Normalization(tuple(config["mean"]), tuple(config["std"]))
    return Normalization(IMAGENET_MEAN, IMAGENET_STD)
