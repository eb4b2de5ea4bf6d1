"""What a sweep costs beside train and evaluate, and how jobs share the cores: `python bench/sweep_overhead.py`.

Run it in a checkout after `make repro`; it works in a copy. The second figure needs four cores.
"""

import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from common import ROOT, Figure, Skipped, cores, report, seconds

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
        alone, several = (
            beside(copy, (0.01,)),
            beside(copy, tuple(0.001 + 0.001 * number for number in range(1 + JOBS))),
        )
        figures = [
            Figure(
                "a job in a sweep",
                (several - alone) / JOBS,
                0.5,
                at_most=True,
                unit="s",
                detail=f"beside its train and evaluate; {alone:.1f} s more for the whole sweep",
            )
        ]
        if cores() >= JOBS:
            figures.append(at_a_time(copy))
    return figures


def beside(copy: Path, rates: list[float]) -> float:
    """Seconds that a sweep over learning rates takes beside what its stages say that they took."""
    known = set(copy.glob("sweeps/*/*/job.log"))
    choice = f"train.lr={','.join(f'{rate:.3f}' for rate in rates)}"
    taken = seconds(lambda: sweep(copy, *SMALL, "train.epochs=1", choice))
    logs = [log.read_text() for log in set(copy.glob("sweeps/*/*/job.log")) - known]
    stages = [float(number) for log in logs for number in re.findall(r"(?m)^\w+: done in ([\d.]+) s$", log)]
    if len(logs) != len(rates):
        raise RuntimeError(f"{len(logs)} new jobs instead of {len(rates)}")
    return taken - sum(stages)


def at_a_time(copy: Path) -> Figure:
    """How many times as long as one job alone four take that run at the same time."""
    launcher = ("hydra/launcher=joblib", f"hydra.launcher.n_jobs={JOBS}")
    alone = seconds(lambda: sweep(copy, *SMALL, "train.epochs=6", "train.lr=0.02"))
    together = seconds(lambda: sweep(copy, *SMALL, "train.epochs=6", "train.lr=0.03,0.04,0.05,0.06", *launcher))
    detail = f"{together:.1f} s against {alone:.1f} s for one with one thread"
    return Figure(f"{JOBS} jobs at a time", together / alone, 1.3, at_most=True, detail=detail)


def sweep(copy: Path, *arguments: str) -> None:
    """Run a sweep in the copy, with the source of this checkout."""
    command = [sys.executable, "-m", "fieldguide.sweep", *arguments]
    environment = {**os.environ, "PYTHONPATH": str(copy / "src")}
    subprocess.run(command, cwd=copy, env=environment, check=True, stdout=subprocess.DEVNULL)


if __name__ == "__main__":
    report(measure)
