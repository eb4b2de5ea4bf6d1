"""What an answer's last digits depend on beside the network and the picture: libraries, and what computes."""

import platform
from importlib.metadata import version

from fieldguide.base.processor import gpu_model, processor_model
from fieldguide.model.gpu import has_gpu

LIBRARIES = ("numpy", "onnxruntime", "pillow")


def inference_surroundings() -> list[str]:
    """It as `name value` lines."""
    lines = [f"{name} {version(name)}" for name in LIBRARIES]
    lines += [f"python {platform.python_version()}", f"machine {platform.machine()}", f"processor {processor_model()}"]
    return [*lines, f"gpu {gpu_model()}", f"torch {version('torch')}"] if has_gpu() else lines
