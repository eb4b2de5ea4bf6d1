"""Sweeps that are killed, and what tests of sweeps look at."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from fieldguide.base.files import read_json, write_text
from fieldguide.tracking.tags import PARENT, SWEEP
from pipeline.checkout import Checkout
from pipeline.test_tracking import client_of, runs_in

# Runs a sweep that kills itself at a moment: after a line is printed, or before a file takes its place. The moment is
# named by its number, or by words that it contains and how often they have come.
KILLER = """
import builtins, os, pathlib, runpy, signal, sys
words, wanted = sys.argv.pop(1), int(sys.argv.pop(1))
came, say, replace = 0, print, pathlib.Path.replace

def moment(text):
    global came
    came += words in text
    if came == wanted and words in text:
        os.kill(os.getpid(), signal.SIGKILL)

def killing_print(*values, **options):
    say(*values, **options)
    moment(" ".join(map(str, values)))

def killing_replace(path, target):
    moment(f"file {pathlib.Path(target).name}")
    return replace(path, target)

builtins.print, pathlib.Path.replace = killing_print, killing_replace
runpy.run_module("fieldguide.experiments.sweep", run_name="__main__")
"""


def swept_and_killed(checkout: Checkout, tried: Sequence[str], words: str, occurrence: int) -> bool:
    """Start the sweep; whether it was killed at the moment, and had not ended before."""
    folder = checkout.root / ".dvc" / "tmp"  # which git does not see
    write_text(folder / "fieldguide_killed.py", KILLER)
    search = os.pathsep.join([checkout.environment["PYTHONPATH"], str(folder)])
    command = ["python", "-m", "fieldguide_killed", words, str(occurrence), "-m", *tried]
    first = checkout.with_variables(PYTHONPATH=search).run(*command, code=None)
    assert first.returncode in (0, -signal.SIGKILL), first.stderr
    return first.returncode != 0


def until_nothing_runs(checkout: Checkout) -> None:
    """Wait for the process that closes what a killed sweep has left open."""
    for _ in range(600):
        children, parents = children_and_parents(checkout)
        if not [run for run in [*children, *parents] if run.info.status == "RUNNING"]:
            return
        time.sleep(0.1)
    raise AssertionError("a killed sweep left a run running")


def outcomes(checkout: Checkout) -> dict[str, dict[str, Any]]:
    """What became of the jobs of all sweeps, by their names."""
    found = [read_json(path) for path in checkout.root.glob("sweeps/*/*/outcome.json")]
    return {outcome["name"]: outcome for outcome in found}


def children_and_parents(checkout: Checkout) -> tuple[list[Any], list[Any]]:
    """The runs of jobs and of sweeps, as MLflow knows them."""
    runs = runs_in(client_of(checkout))
    parents = [run for run in runs if SWEEP in run.data.tags]
    return [run for run in runs if PARENT in run.data.tags], parents


ON_ANY_MACHINE = ["resize=crop,pad", "train.epochs=2", "train.lr=0.001,0.01", "train.threads=1"]
COMBINATIONS = {"crop lr=0.001", "crop lr=0.01", "pad lr=0.001", "pad lr=0.01"}


def models(checkout: Checkout) -> dict[str, tuple[str, str]]:
    """Of each finished job by its name: the fingerprint of the training, and the hash of what it has made."""
    finished = {name: outcome for name, outcome in outcomes(checkout).items() if outcome["status"] == "finished"}
    return {name: (outcome["fingerprint"], outcome["model_sha256"]) for name, outcome in finished.items()}


@contextmanager
def sweeping(checkout: Checkout, *arguments: str) -> Iterator["subprocess.Popen[str]"]:
    """A sweep beside the test, by the Python that runs it; it is killed where the block ends before it does."""
    process = subprocess.Popen(
        [sys.executable, "-m", "fieldguide.experiments.sweep", *arguments],
        cwd=checkout.root,
        env=checkout.environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def until(is_so: Callable[[], Any], process: "subprocess.Popen[str]", seconds: float = 600) -> Any:
    """Wait until something is so, and return what it is; fails if the process ends before, or it takes too long."""
    deadline = time.monotonic() + seconds
    while not (found := is_so()):
        assert process.poll() is None and time.monotonic() < deadline, process.stdout.read() if process.stdout else ""
        time.sleep(0.2)
    return found
