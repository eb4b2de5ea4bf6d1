"""Whether a GPU computes, found without importing PyTorch where there is none: that alone takes more than a second."""

import os
import sys
from functools import cache
from importlib.util import find_spec
from pathlib import Path

# Where the drivers of NVIDIA, of NVIDIA in Windows' Linux, and of AMD show that they are loaded.
DRIVERS = (Path("/dev/nvidiactl"), Path("/dev/nvidia0"), Path("/dev/dxg"), Path("/dev/kfd"))


@cache
def has_gpu() -> bool:
    """Whether PyTorch is installed and computes on a GPU here; it is imported only where a driver is loaded."""
    if not _may_have_gpu() or find_spec("torch") is None:
        return False
    import torch

    return torch.cuda.is_available()


def _may_have_gpu() -> bool:
    if os.environ.get("CUDA_VISIBLE_DEVICES") in ("", "-1"):
        return False
    return sys.platform == "win32" or any(driver.exists() for driver in DRIVERS)
