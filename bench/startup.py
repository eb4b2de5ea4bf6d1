"""How long the commands and stages take to start, beside `python -c pass`: `python bench/startup.py`.

Run it in a checkout after `make repro`. All are timed in turn, so that a busy machine slows them alike.
"""

import os
import statistics
import subprocess
import sys
import time
from pathlib import Path

import yaml

ROOT = Path(__file__).parent.parent
ROUNDS = 5
GOALS = {"fieldguide --help": 0.4, "fieldguide predict": 4.0}  # seconds; a stage's import: below
STAGE_GOAL = 1.0


def measure() -> dict[str, float]:
    """Median seconds from start to end of bare Python, `fieldguide` commands, and each stage's import."""
    stages = yaml.safe_load((ROOT / "dvc.yaml").read_text(encoding="utf-8"))["stages"]
    picture = next(path for path in sorted((ROOT / "data" / "clean").rglob("*.jpg")))
    commands = {
        "python -c pass": ["-c", "pass"],
        "torch and timm alone": ["-c", "import torch, timm"],
        "fieldguide --help": ["-m", "fieldguide.cli", "--help"],
        "fieldguide predict": ["-m", "fieldguide.cli", "predict", str(picture)],
        **{f"import {stage}": ["-c", f"import fieldguide.stages.{stage}"] for stage in stages},
    }
    times: dict[str, list[float]] = {name: [] for name in commands}
    for number in range(ROUNDS + 1):
        for name, command in commands.items():
            seconds = timed(command)
            if number:  # the first round fills the system's file cache
                times[name].append(seconds)
    return {name: statistics.median(seconds) for name, seconds in times.items()}


def timed(command: list[str]) -> float:
    """Seconds that this Python takes for a command, with the source of this checkout."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "src")}
    start = time.perf_counter()
    subprocess.run([sys.executable, *command], cwd=ROOT, env=environment, check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - start


def main() -> None:
    """Print the times, how many times those of bare Python they are, and the goals."""
    found = measure()
    bare = found["python -c pass"]
    print(f"median of {ROUNDS} rounds       seconds   ratio  goal")
    for name, seconds in found.items():
        goal = GOALS.get(name, STAGE_GOAL if name.startswith("import ") else None)
        said = "" if goal is None else f"{goal:.1f} s {'reached' if seconds < goal else 'MISSED'}"
        print(f"{name:24} {seconds:9.2f} {seconds / bare:7.1f}  {said}".rstrip())


if __name__ == "__main__":
    main()
