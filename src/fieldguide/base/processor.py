"""What computes here, in words: another kind gives other last digits."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

THREADS = "OPENBLAS_NUM_THREADS"  # read by OpenBLAS when it is loaded


def processor_model() -> str:
    """The name of the processor; "" where the operating system does not tell."""
    return _value(Path("/proc"), "cpuinfo", "model name")


def linear_algebra() -> str:
    """The kernels that numpy's linear algebra uses here, as `openblas Haswell`; "" where they are not known.

    They are chosen by the processor, or by OPENBLAS_CORETYPE in the environment, and sum in orders of their own. Other
    packages bring libraries of their own, which may be loaded or not: they are left out.
    """
    import numpy as np
    from threadpoolctl import threadpool_info

    packages = Path(np.__file__).resolve().parents[1]
    found = [one for one in threadpool_info() if one["user_api"] == "blas"]
    own = [one for one in found if _is_numpys(Path(one["filepath"]).resolve(), packages)] or found
    return f"{own[0]['internal_api']} {own[0].get('architecture', own[0]['version'])}" if own else ""


@contextmanager
def one_linear_algebra_thread() -> Iterator[None]:
    """Within it numpy's and scipy's linear algebra has one thread: several sum in another order, in other last digits.

    Libraries that are loaded only then read OPENBLAS_NUM_THREADS. PyTorch's own threads stay.
    """
    from threadpoolctl import threadpool_limits

    before = os.environ.get(THREADS)
    os.environ[THREADS] = "1"
    try:
        with threadpool_limits(1, "blas"):
            yield
    finally:
        if before is None:
            os.environ.pop(THREADS, None)
        else:
            os.environ[THREADS] = before


def _is_numpys(library: Path, packages: Path) -> bool:
    return any(library.is_relative_to(packages / folder) for folder in ("numpy", "numpy.libs"))


def gpu_model() -> str:
    """The name of the NVIDIA GPU; "" without one."""
    return _value(Path("/proc/driver/nvidia/gpus"), "*/information", "Model")


def _value(folder: Path, files: str, key: str) -> str:
    """The value of the first `key : value` line in files of the operating system; "" where it has none."""
    for path in sorted(folder.glob(files)):
        for line in path.read_text(encoding="utf-8", errors="replace").splitlines():
            name, _, value = line.partition(":")
            if name.strip() == key:
                return value.strip()
    return ""
