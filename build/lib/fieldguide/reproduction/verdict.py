"""Whether a reproduced run is identical, and possible reasons if not."""

import math

from fieldguide.base.files import sha256_of_file
from fieldguide.base.paths import Paths
from fieldguide.reproduction.run_record import Run, made_metrics
from fieldguide.tracking.provenance import machine, package_versions

RELEVANT_PACKAGES = (  # packages that pictures, training or metrics go through
    *("torch", "torchvision", "fastai", "timm", "safetensors", "numpy", "scipy", "pandas", "pyarrow"),
    *("pillow", "imagehash", "scikit-learn", "onnx", "onnxruntime"),
)
MAX_SHOWN = 5  # metrics that differ
TOLERANCE = 1e-9  # a smaller difference of a metric is ignored


def compare(run: Run, made: Paths) -> list[tuple[bool, str]]:
    """For each thing that was recorded and made: whether it is the same, and a line about it."""
    hashes = {
        "split": (run.inputs["split"], made.split_table),
        "starting weights": (run.inputs["backbone"], made.backbone),
        "model": (run.model_sha256, made.classifier),
    }
    lines = []
    for name, (recorded, path) in hashes.items():
        found = sha256_of_file(path)
        now = "" if found == recorded else f", now {found[:16]}..."
        lines.append((found == recorded, f"{name}: sha256 {recorded[:16]}...{now}"))
    return lines + _compare_metrics(run.metrics, made_metrics(made))


def _compare_metrics(recorded: dict[str, float], made: dict[str, float]) -> list[tuple[bool, str]]:
    common = [name for name in made if name in recorded]
    other = [name for name in common if not math.isclose(made[name], recorded[name], rel_tol=0, abs_tol=TOLERANCE)]
    lines = [(False, f"{name}: {recorded[name]:g}, now {made[name]:g}") for name in other[:MAX_SHOWN]]
    if len(other) > MAX_SHOWN:
        lines.append((False, f"{len(other) - MAX_SHOWN} more metrics"))
    if not common:
        lines.append((False, "metrics: none were recorded"))
    elif not other:
        lines.append((True, f"{len(common)} metrics"))
    return lines


def other_surroundings(run: Run) -> list[str]:
    """What differs from the record, and may change the bytes: machine and versions."""
    now, versions, recorded = machine(), _versions(package_versions()), _versions(run.packages)
    other = [
        f"other {name}: {run.machine.get(name, 'none')}, now {now.get(name, 'none')}"
        for name in dict.fromkeys([*run.machine, *now])
        if run.machine.get(name) != now.get(name)
    ]
    return other + [
        f"other version: {name} {recorded.get(name, 'none')}, now {versions.get(name, 'none')}"
        for name in RELEVANT_PACKAGES
        if recorded.get(name) != versions.get(name)
    ]


def _versions(lines: str) -> dict[str, str]:
    return {name.lower(): version for name, _, version in (line.partition("==") for line in lines.split())}
