"""What computes here, in words: another kind gives other last digits."""

from pathlib import Path


def processor_model() -> str:
    """The name of the processor; "" where the operating system does not tell."""
    return _value(Path("/proc"), "cpuinfo", "model name")


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
