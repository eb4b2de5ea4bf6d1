"""What 100,000 small pictures cost, beside a tenth of them: `python bench/large.py [PICTURES]`.

In a fresh clone of this checkout: drawn pictures of 64 to 128 pixels are added and go through the stages up to split,
each in a process whose processor time and memory are measured, as 10 processes or one would take them; then `dvc repro`
has nothing to do. It needs 2 GB of disk, which it frees again, and about ten minutes of a quiet processor.
"""

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import yaml

from common import ROOT, Figure, processor_seconds, report, seconds

COMPARED = "100,000 drawn pictures of 64 to 128 pixels against a tenth of them, and `dvc repro` with nothing to do"
PICTURES, SHARE = 100_000, 10
LABELS = ("cap", "disc", "nut", "ring")
STAGES = ("download", "clean", "validate", "split")
MEMORY, NOTHING = 1.5, 3.0  # goals: GB of a process, seconds of `dvc repro`
LINEAR = 1.2  # times as much as linear, at most


@dataclass(frozen=True)
class Cost:
    """Seconds of the processor, and the most memory that a process took, in GB."""

    seconds: float
    memory: float


def measure(pictures: int = PICTURES) -> list[Figure]:
    """The costs of each step at both counts, and how long nothing takes."""
    few, _ = costs(pictures // SHARE)
    many, (nothing, busy) = costs(pictures)
    figures = []
    for step, cost in many.items():
        ratio = cost.seconds / few[step].seconds / SHARE
        detail = f"{cost.seconds:.1f} s of the processor for {pictures:,}, {few[step].seconds:.1f} s for a tenth"
        figures += [
            Figure(f"{step}: its time beside one in proportion", ratio, LINEAR, at_most=True, detail=detail),
            Figure(f"{step}: memory", cost.memory, MEMORY, at_most=True, unit="GB", detail="its largest process"),
        ]
    detail = f"best of 5; {busy:.2f} s of the processor"
    figures.append(Figure("`dvc repro` with nothing to do", nothing, NOTHING, at_most=True, unit="s", detail=detail))
    return figures


def costs(pictures: int) -> tuple[dict[str, Cost], tuple[float, float]]:
    """What each step costs, and how many seconds `dvc repro` then takes with nothing to do, also of the processor."""
    with tempfile.TemporaryDirectory() as temporary:
        album, root = Path(temporary, "album"), Path(temporary, "checkout")
        draw(album, pictures)
        subprocess.run(["git", "clone", "--quiet", str(ROOT), str(root)], check=True)
        found = {"add": cost(root, "fieldguide.cli", "add", "large", str(album))}
        shutil.rmtree(album)
        run(root, "fieldguide.stages.config")
        found |= {stage: cost(root, f"fieldguide.stages.{stage}") for stage in STAGES}
        stand_in(root)
        run(root, "dvc", "commit", "--force", "--quiet")

        def nothing() -> None:
            run(root, "dvc", "repro", "--quiet")

        return found, (min(seconds(nothing) for _ in range(5)), min(processor_seconds(nothing) for _ in range(5)))


def draw(album: Path, pictures: int) -> None:
    """Pictures in the folders of their labels, none like another."""
    from fieldguide.base.parallel import map_processes

    for label in LABELS:
        (album / label).mkdir(parents=True)
    starts = range(0, pictures, 500)
    map_processes(partial(_draw, album, pictures), starts, "drawing")


def _draw(album: Path, pictures: int, start: int) -> None:
    import numpy as np
    from PIL import Image

    for number in range(start, min(start + 500, pictures)):
        chance = np.random.default_rng(number)
        size = tuple(int(side) for side in chance.integers(64, 129, 2))
        coarse = Image.fromarray(chance.integers(0, 256, (9, 12, 3), dtype=np.uint8))
        file = album / LABELS[number % len(LABELS)] / f"{number:06}.jpg"
        coarse.resize(size, Image.Resampling.BICUBIC).save(file, "JPEG", quality=85)


def cost(root: Path, *module: str) -> Cost:
    """What a module of fieldguide costs, with the processes that it starts."""
    process = subprocess.Popen(
        [sys.executable, "-m", *module], cwd=root, env=environment(root), stdout=subprocess.DEVNULL
    )
    _, status, used = os.wait4(process.pid, 0)
    if status:
        raise RuntimeError(f"{' '.join(module)} failed")
    return Cost(used.ru_utime + used.ru_stime, used.ru_maxrss * 1024 / 1e9)


def stand_in(root: Path) -> None:
    """Files in place of what later stages would write: DVC only looks at whether they have changed."""
    for out in outs(root):
        if not (root / out).exists():
            (root / out).parent.mkdir(parents=True, exist_ok=True)
            (root / out).write_text("{}\n")


def outs(root: Path) -> Iterator[str]:
    """What the stages of dvc.yaml write."""
    for stage in yaml.safe_load((root / "dvc.yaml").read_text(encoding="utf-8"))["stages"].values():
        for kind in ("outs", "metrics", "plots"):
            for out in stage.get(kind, []):
                yield next(iter(out)) if isinstance(out, dict) else out


def run(root: Path, *module: str) -> None:
    """Run a module of Python in the clone."""
    subprocess.run(
        [sys.executable, "-m", *module], cwd=root, env=environment(root), check=True, stdout=subprocess.DEVNULL
    )


def environment(root: Path) -> dict[str, str]:
    """The environment with the clone's own source."""
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")])
    return {**os.environ, "PATH": path, "PYTHONPATH": str(root / "src"), "DO_NOT_TRACK": "true"}


if __name__ == "__main__":
    report(partial(measure, *map(int, sys.argv[1:2])))
