"""What becomes of a sweep's job: in a file of its folder, and told in one line."""

import hashlib
import json
import math
import os
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fieldguide.base.config import GROUPS
from fieldguide.base.errors import printable
from fieldguide.base.files import read_json, write_json
from fieldguide.base.parallel import usable_cores
from fieldguide.base.progress import duration
from fieldguide.base.shares import decimal
from fieldguide.experiments.sweep_values import is_choice

# What the processes that run the jobs are told: the sweep's folder, and its own process.
FOLDER_VARIABLE, PROCESS_VARIABLE = "FIELDGUIDE_SWEEP", "FIELDGUIDE_SWEEP_PROCESS"


@dataclass(frozen=True)
class SweepJob:
    """One combination of a sweep."""

    sweep: Path
    name: str
    overrides: tuple[str, ...]
    threads: int | None  # of one of several jobs at a time; it is among the overrides
    number: int  # in this call, from 0

    @property
    def folder(self) -> Path:
        """Where it is trained and evaluated."""
        digest = hashlib.sha256(json.dumps(sorted(self.overrides)).encode()).hexdigest()
        return self.sweep / digest[:10]


def job_of(settings: Any) -> SweepJob:
    """The job that Hydra is about to run, from the part `hydra` of its configuration."""
    sweep = Path(os.environ[FOLDER_VARIABLE])
    overrides = [override for override in settings.overrides.task if is_choice(override)]
    given = read_json(sweep / "sweep.json")["arguments"]
    name = job_name([override for override in overrides if override not in given] or overrides)
    threads = None
    if not any(override.startswith("train.threads=") for override in overrides):
        threads = _threads(settings.launcher)
        overrides += [f"train.threads={threads}"] if threads else []
    return SweepJob(sweep, name, tuple(overrides), threads, int(settings.job.num))


def _threads(launcher: Any) -> int | None:
    """Threads for each of several jobs at a time, so that together they fill the cores; None for one at a time."""
    if cores := launcher.get("cpus_per_task"):  # of a job elsewhere
        return int(cores)
    jobs = int(launcher.get("n_jobs", 1))
    cores = usable_cores()
    jobs = cores if jobs < 0 else jobs
    return max(1, cores // jobs) if jobs > 1 else None


def job_name(overrides: Sequence[str]) -> str:
    """Overrides in few words: `pad convnext_atto lr=0.001`."""
    words = []
    for override in overrides:
        key, _, value = override.lstrip("+").partition("=")
        words.append(value if key in GROUPS else f"{key.rpartition('.')[2]}={value}")
    return " ".join(words) or "unchanged"


def write_outcome(job: SweepJob, found: dict[str, Any]) -> dict[str, Any]:
    """Write down what became of a job: its status "finished" with the results, or "failed" with the error."""
    about = {"name": job.name, "overrides": list(job.overrides), "folder": job.folder.name}
    outcome = {**about, **found, "ended": time.time()}
    write_json(job.folder / "outcome.json", outcome)
    return outcome


def new_outcome(job: SweepJob) -> dict[str, Any] | None:
    """What was written down of a job since the sweep was called; None if nothing was."""
    file = job.folder / "outcome.json"
    outcome = read_json(file) if file.exists() else None
    return outcome if outcome and outcome["ended"] >= read_json(job.sweep / "sweep.json")["began"] else None


def valid_accuracy(outcome: dict[str, Any]) -> float:
    """What a sweeper that searches is told: NaN of a failed job."""
    return float(outcome["valid_accuracy"]) if outcome["status"] == "finished" else math.nan


def told(job: SweepJob, outcome: dict[str, Any]) -> str:
    """A line about a job that has ended, and about those that have not."""
    if outcome["status"] == "failed":
        line = f"FAILED: {outcome['error']}"
    else:
        remark = "skipped, finished before" if outcome["skipped"] else f"trained in {outcome['seconds']:.0f} s"
        accuracies = (
            f"valid accuracy {decimal(outcome['valid_accuracy'])}, test accuracy {decimal(outcome['accuracy'])}"
        )
        line = f"{accuracies}, {remark}"
    return f"sweep: job {job.number + 1} ({job.name}) {printable(line)}{_left(job.sweep)}"


def _left(sweep: Path) -> str:
    """How many jobs of how many are done, and how long the others will take."""
    about = read_json(sweep / "sweep.json")
    if not about.get("jobs"):
        return ""
    ended = sum(read_json(file)["ended"] >= about["began"] for file in sweep.glob("*/outcome.json"))
    left = (time.time() - about["began"]) / max(1, ended) * (about["jobs"] - ended)
    return f"; {ended} of {about['jobs']}" + (f", about {duration(left)} left" if left > 0 else "")
