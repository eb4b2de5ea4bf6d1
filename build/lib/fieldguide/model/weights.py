"""The weights that training starts from: random, from the hub, or from a file; read without running code."""

import logging
import pickle
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import load_file, save_file
from torch import nn

from fieldguide.base.errors import UserError, first_line
from fieldguide.base.files import replace_file, sha256_of_file
from fieldguide.model.architecture import Architecture
from fieldguide.model.libraries import library
from fieldguide.model.network import build_body, without_head


def random_body(architecture: Architecture, seed: int) -> nn.Module:
    """A body with random weights, determined by the seed."""
    torch.manual_seed(seed)
    return build_body(architecture)


def hub_body(architecture: Architecture) -> nn.Module:
    """A body with the library's own pretrained weights, from the hub or its cache.

    Raises UserError if they are neither cached nor to be had, or if the library has none for this architecture.
    """
    build_body(architecture)  # a wrong name is said here, before anything is fetched
    print(f"weights: {architecture.arch} from the hub or its cache; without a network that takes a minute", flush=True)
    logging.getLogger("huggingface_hub").setLevel(logging.ERROR)  # it reports every retry
    try:
        if architecture.library == "timm":
            body: nn.Module = library("timm").create_model(
                architecture.arch, pretrained=True, num_classes=0, **architecture.options
            )
            return body
        models = library("torchvision").models
        pretrained = models.get_model_weights(architecture.arch).DEFAULT
        network = models.get_model(architecture.arch, weights=None, **architecture.options)
        network.load_state_dict(pretrained.get_state_dict(check_hash=True, weights_only=True))
        return without_head(network)
    except Exception as error:  # the hub's clients raise many kinds for one fact: the weights did not come
        reason = first_line(error)
        raise UserError(
            f"weights of {architecture.arch!r} are not in the cache and did not come from the hub ({reason}): "
            "connect this machine to the hub once, or download them elsewhere and set weights (a path) and "
            "weights_sha256 in conf/model/, or choose a model with `weights: random`"
        ) from None


def file_body(architecture: Architecture, path: Path, sha256: str | None) -> nn.Module:
    """A body with weights from a safetensors file, or a PyTorch file that holds nothing but tensors.

    Raises UserError if the file is missing, is not the one that `sha256` names, holds anything else than tensors, or
    does not fit the architecture. Weights of a classification head in it are ignored.
    """
    if not path.is_file():
        raise UserError(f"model: weights: no file {path}: give a path from the checkout's folder, `hub` or `random`")
    found = sha256_of_file(path)
    if sha256 is None:
        raise UserError(f"model: weights_sha256 is missing: if {path} is the right file, add `weights_sha256: {found}`")
    if found != sha256:
        raise UserError(
            f"model: weights: {path} has the sha256 {found}, not {sha256}: restore it, or correct weights_sha256"
        )
    body = build_body(architecture)
    missing = body.load_state_dict(_fitting(_read_state(path), body), strict=False).missing_keys
    if missing:
        raise UserError(
            f"model: weights: {path} does not fit {architecture.arch}: {len(missing)} of its weights are missing "
            f"or have another shape, first {missing[0]}"
        )
    return body


def load_body(architecture: Architecture, path: Path) -> nn.Module:
    """A body with the weights in a safetensors file. Raises UserError as `load_weights` does."""
    body = build_body(architecture)
    load_weights(body, path)
    return body


def save_weights(network: nn.Module, path: Path) -> None:
    """Write a network's weights as safetensors, atomically; the same weights give the same bytes."""
    state = {name: tensor.detach().cpu().contiguous().clone() for name, tensor in network.state_dict().items()}
    with replace_file(path) as partial:
        save_file(state, partial)


def load_weights(network: nn.Module, path: Path) -> None:
    """Fill a network from a safetensors file.

    Raises UserError if the file is no such file, does not fit, or holds numbers that are not finite.
    """
    try:
        network.load_state_dict(load_file(path))
    except FileNotFoundError:
        raise UserError(f"{path} is missing: run `dvc repro`") from None
    except (SafetensorError, RuntimeError, OSError) as error:
        raise UserError(f"{path} does not hold the weights of this network ({first_line(error)})") from None
    if not all(tensor.isfinite().all() for tensor in network.state_dict().values()):
        raise UserError(f"{path} is damaged, it holds numbers that are not finite")


def read_shapes(path: Path) -> dict[str, tuple[int, ...]]:
    """The shape of every tensor in a safetensors file, from its header alone. Raises UserError for other files."""
    try:
        with safe_open(path, framework="numpy") as file:
            return {name: tuple(file.get_slice(name).get_shape()) for name in file.keys()}  # noqa: SIM118 - no mapping
    except FileNotFoundError:
        raise UserError(f"{path} is missing: run `dvc repro`") from None
    except (SafetensorError, OSError) as error:
        raise UserError(f"{path} is not a safetensors file ({first_line(error)})") from None


def _read_state(path: Path) -> dict[str, torch.Tensor]:
    try:
        if path.suffix == ".safetensors":
            return load_file(path)
        content: Any = torch.load(path, map_location="cpu", weights_only=True)
    except (SafetensorError, pickle.UnpicklingError, RuntimeError, EOFError, ValueError, KeyError) as error:
        reason = first_line(error)
        raise UserError(
            f"model: weights: {path} is not a file of tensors only, and nothing else is read: {reason}"
        ) from None
    for wrapper in ("state_dict", "model"):
        if isinstance(content, dict) and isinstance(content.get(wrapper), dict):
            content = content[wrapper]
    if not isinstance(content, dict) or not all(isinstance(value, torch.Tensor) for value in content.values()):
        raise UserError(f"model: weights: {path} does not hold named tensors")
    return content


def _fitting(state: dict[str, torch.Tensor], body: nn.Module) -> dict[str, torch.Tensor]:
    wanted = body.state_dict()
    return {name: tensor for name, tensor in state.items() if name in wanted and wanted[name].shape == tensor.shape}
