"""What a sweep costs beside train and evaluate, and how jobs share the cores: `python bench/sweep_overhead.py`.

Run it in a checkout after `make repro`; it works in a copy. The second figure needs four cores.
"""

import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from itertools import pairwise
from pathlib import Path
from statistics import median

from common import ROOT, Figure, Skipped, cores, report, seconds
from fieldguide.base.files import read_json

COMPARED = "a sweep's time beside that of train and evaluate; four jobs at a time on four cores beside one alone"
JOBS = 4
SMALL = ("model=tiny", "train.size=64", "train.threads=1", "evaluate.shift_pictures=60", "evaluate.bootstrap=200")
LEAVE = (".venv", "mlruns", "mlflow.db*", "sweeps", ".pytest_cache", ".mypy_cache", ".ruff_cache", ".hypothesis")


def measure() -> list[Figure]:
    """Seconds that a job takes beside train and evaluate, once the process is up; and the cost of sharing cores."""
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / "checkout"
        shutil.copytree(ROOT, copy, symlinks=True, ignore=shutil.ignore_patterns(*LEAVE))
        if subprocess.run(["dvc", "status", "-q", "--with-deps", "split"], cwd=copy, check=False).returncode:
            raise Skipped("there is something to do in this checkout: run `make repro` first")
        sweep(copy, "train.epochs=1", "model=tiny")  # makes tiny's starting weights and fills the file cache
        figures = [beside_stages(copy)]
        if cores() >= JOBS:
            figures.append(at_a_time(copy))
    return figures


def beside_stages(copy: Path) -> Figure:
    """Seconds from the end of one job to that of the next, less what train and evaluate say that they took."""
    rates = ",".join(f"{0.001 * (1 + number):.3f}" for number in range(1 + JOBS))
    before = time.time()
    sweep(copy, *SMALL, "train.epochs=1", f"train.lr={rates}")
    whole = time.time() - before
    files = [file for file in copy.glob("sweeps/*/*/outcome.json") if file.stat().st_mtime > before]
    jobs = sorted((read_json(file)["ended"], stage_seconds(file.with_name("job.log"))) for file in files)
    if len(jobs) != 1 + JOBS:
        raise RuntimeError(f"{len(jobs)} jobs instead of {1 + JOBS}")
    between = [ended - last - stages for (last, _), (ended, stages) in pairwise(jobs)]  # the first one starts it all up
    detail = f"median of {JOBS} after the first; {whole - sum(stages for _, stages in jobs):.1f} s in the whole sweep"
    return Figure("a job beside its train and evaluate", median(between), 0.5, at_most=True, unit="s", detail=detail)


def stage_seconds(log: Path) -> float:
    """What the stages of a job say that they took."""
    return sum(float(number) for number in re.findall(r"(?m)^\w+: done in ([\d.]+) s$", log.read_text()))


def at_a_time(copy: Path) -> Figure:
    """How many times as long as one job alone four take that run at the same time."""
    launcher = ("hydra/launcher=joblib", f"hydra.launcher.n_jobs={JOBS}")
    alone = seconds(lambda: sweep(copy, *SMALL, "train.epochs=6", "train.lr=0.02"))
    together = seconds(lambda: sweep(copy, *SMALL, "train.epochs=6", "train.lr=0.03,0.04,0.05,0.06", *launcher))
    detail = f"{together:.1f} s against {alone:.1f} s for one with one thread"
    return Figure(f"{JOBS} jobs at a time", together / alone, 1.3, at_most=True, detail=detail)


def sweep(copy: Path, *arguments: str) -> None:
    """Run a sweep in the copy, with the source of this checkout."""
    command = [sys.executable, "-m", "fieldguide.experiments.sweep", *arguments]
    environment = {**os.environ, "PYTHONPATH": str(copy / "src")}
    subprocess.run(command, cwd=copy, env=environment, check=True, stdout=subprocess.DEVNULL)


if __name__ == "__main__":
    report(measure)
