"""What an answer's last digits depend on beside the network and the picture: libraries, and what computes."""

import platform
from importlib.metadata import version

from fieldguide.base.processor import gpu_model, processor_model
from fieldguide.model.gpu import has_gpu

LIBRARIES = ("numpy", "onnxruntime", "pillow", "simplejpeg")
GPU_LIBRARIES = ("torch", "timm", "torchvision")


def inference_surroundings() -> list[str]:
    """It as `name value` lines."""
    on_gpu = has_gpu()
    libraries = (*LIBRARIES, *GPU_LIBRARIES) if on_gpu else LIBRARIES
    lines = [f"{name} {version(name)}" for name in libraries]
    lines += [f"python {platform.python_version()}", f"machine {platform.machine()}", f"processor {processor_model()}"]
    return [*lines, f"gpu {gpu_model()}"] if on_gpu else lines
