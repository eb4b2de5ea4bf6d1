"""The state of an unfinished training in one safetensors file, so that a killed one resumes where it was."""

import hashlib
import json
import platform
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file

from fieldguide.base.files import replace_file

State = dict[str, Any]  # nested: dicts and lists with text keys; tensors, numbers, text, truth values and None in them
LIBRARIES = ("torch", "fastai", "timm", "torchvision", "numpy", "pillow", "simplejpeg", "onnx", "onnxruntime")


def state_key(*parts: str) -> str:
    """What must match for something kept to be used again: `parts`, the same libraries and the same kind of machine."""
    versions = [f"{name} {version(name)}" for name in LIBRARIES]
    processor = [platform.python_version(), platform.machine(), torch.backends.cpu.get_cpu_capability()]
    gpu = torch.cuda.get_device_name() if torch.cuda.is_available() else ""
    return hashlib.sha256("\n".join([*parts, *versions, *processor, gpu]).encode()).hexdigest()


def save_checkpoint(path: Path, key: str, state: State) -> None:
    """Write a state, atomically."""
    tensors: dict[str, torch.Tensor] = {}
    plain = _take_out(state, "", tensors)
    with replace_file(path) as partial:
        save_file(tensors, partial, metadata={"key": key, "state": json.dumps(plain)})


def load_checkpoint(path: Path, key: str) -> State | None:
    """The state that was saved under the same key, or None if there is none (or a damaged file)."""
    try:
        with safe_open(path, framework="pt") as file:
            metadata = file.metadata() or {}
            if metadata.get("key") != key:
                return None
            state: State = _put_in(json.loads(metadata["state"]), {name: file.get_tensor(name) for name in file.keys()})  # noqa: SIM118 - no dict
            return state
    except (FileNotFoundError, SafetensorError):
        return None


def _take_out(node: Any, name: str, tensors: dict[str, torch.Tensor]) -> Any:
    """A copy of the node for JSON, with names in the place of tensors, which are gathered in `tensors`."""
    if isinstance(node, torch.Tensor):
        tensors[name] = node.detach().as_subclass(torch.Tensor).cpu().contiguous().clone()
        return {"tensor": name}
    if isinstance(node, dict):
        return {"dict": {key: _take_out(value, f"{name}/{key}", tensors) for key, value in node.items()}}
    if isinstance(node, list):
        return [_take_out(value, f"{name}/{number}", tensors) for number, value in enumerate(node)]
    return node


def _put_in(node: Any, tensors: dict[str, torch.Tensor]) -> Any:
    if isinstance(node, dict):
        if "tensor" in node:
            return tensors[node["tensor"]]
        return {key: _put_in(value, tensors) for key, value in node["dict"].items()}
    return [_put_in(value, tensors) for value in node] if isinstance(node, list) else node
