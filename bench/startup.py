"""How long the commands and stages take to start, beside `python -c pass`: `python bench/startup.py`.

Run it in a checkout after `make repro`. All are timed in turn, so that a busy machine slows them alike.
"""

import os
import statistics
import subprocess
import sys

import yaml

from common import ROOT, Figure, Skipped, report, seconds

COMPARED = "seconds from start to end, beside `python -c pass`; of a stage, of its import"
ROUNDS = 5
GOALS = {"fieldguide --help": 0.4, "fieldguide predict": 0.8}
STAGE_GOAL = 1.0


def measure() -> list[Figure]:
    """Median seconds of `fieldguide` commands and of each stage's import, timed in turn with bare Python."""
    stages = yaml.safe_load((ROOT / "dvc.yaml").read_text(encoding="utf-8"))["stages"]
    picture = next(iter(sorted((ROOT / "data" / "clean").rglob("*.jpg"))), None)
    if picture is None:
        raise Skipped("no cleaned pictures in this checkout: run `make repro` first")
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
            taken = seconds(lambda command=command: start(command))
            if number:  # the first round fills the system's file cache
                times[name].append(taken)
    medians = {name: statistics.median(taken) for name, taken in times.items()}
    bare = medians["python -c pass"]
    return [
        Figure(
            name,
            taken,
            GOALS.get(name, STAGE_GOAL if name.startswith("import ") else None),
            at_most=True,
            unit="s",
            detail=f"{taken / bare:.0f} times bare Python",
        )
        for name, taken in medians.items()
    ]


def start(command: list[str]) -> None:
    """Run this Python with a command, and with the source of this checkout."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "src")}
    subprocess.run([sys.executable, *command], cwd=ROOT, env=environment, check=True, stdout=subprocess.DEVNULL)


if __name__ == "__main__":
    report(measure)
