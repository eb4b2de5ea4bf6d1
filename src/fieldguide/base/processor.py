"""What computes here, in words: another kind gives other last digits."""

from pathlib import Path


def processor_model() -> str:
    """The name of the processor; "" where the operating system does not tell."""
    return _value(Path("/proc"), "cpuinfo", "model name")


def linear_algebra() -> str:
    """The kernels that numpy's linear algebra uses here, as `openblas Haswell`; "" where they are not known.

    They are chosen by the processor, or by OPENBLAS_CORETYPE in the environment, and sum in orders of their own.
    """
    import numpy as np  # noqa: F401 - loads the library that is asked about
    from threadpoolctl import threadpool_info

    found = [one for one in threadpool_info() if one["user_api"] == "blas"]
    return ", ".join(sorted({f"{one['internal_api']} {one.get('architecture', one['version'])}" for one in found}))


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
