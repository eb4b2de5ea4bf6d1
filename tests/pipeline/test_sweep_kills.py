"""Whenever a sweep is killed, the same command resumes it: it trains nothing twice, and MLflow shows each job once."""

import signal
import sys
import time
from pathlib import Path

import pytest

from fieldguide.tracking.run_params import without_data
from fieldguide.tracking.tags import DELIVERED
from pipeline.checkout import Checkout
from pipeline.conftest import Reproduced
from pipeline.sweeps import children_and_parents, outcomes

pytestmark = pytest.mark.slow

TRIED = ["resize=crop,pad", "train.epochs=1"]
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


def swept_and_killed(checkout: Checkout, words: str, occurrence: int) -> bool:
    """Start the sweep; whether it was killed at the moment, and had not ended before."""
    command = [sys.executable, "-c", KILLER, words, str(occurrence), "-m", *TRIED]
    first = checkout.run(*command, code=None)
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


def check(checkout: Checkout) -> None:
    checkout.fieldguide("sweep", *TRIED)
    children, parents = children_and_parents(checkout)
    assert sorted(without_data(run.info.run_name) for run in children) == ["crop", "pad"]
    assert [run.info.status for run in parents] == ["FINISHED"]
    for run in children:
        assert run.info.status == "FINISHED"
        assert run.data.tags[DELIVERED]
        assert run.data.metrics["accuracy"] == outcomes(checkout)[without_data(run.info.run_name)]["accuracy"]
        assert len(run.outputs.model_outputs) == 1
    logs = "".join(path.read_text() for path in checkout.root.glob("sweeps/*/*/job.log"))
    assert logs.count("train: done") <= 2


@pytest.mark.parametrize(
    ("words", "occurrence"),
    [
        pytest.param("train: done", 2, marks=pytest.mark.exhaustive),
        ("file predictions.parquet", 1),
        pytest.param("file outcome.json", 1, marks=pytest.mark.exhaustive),
    ],
)
def test_a_sweep_killed_after_a_training_goes_on_from_it(
    words: str, occurrence: int, trained: Reproduced, tmp_path: Path
) -> None:
    checkout = trained.checkout.copy(tmp_path / "checkout")
    assert swept_and_killed(checkout, words, occurrence)
    until_nothing_runs(checkout)
    unfinished = [run for run in children_and_parents(checkout)[0] if run.info.status != "FINISHED"]
    assert len(unfinished) == 1
    assert unfinished[0].info.status == "KILLED"
    check(checkout)


@pytest.mark.exhaustive
def test_a_sweep_killed_at_any_line_or_file(trained: Reproduced, tmp_path: Path) -> None:
    moment, goes_on = 0, True
    while goes_on:
        moment += 1
        checkout = trained.checkout.copy(tmp_path / str(moment))
        goes_on = swept_and_killed(checkout, "", moment)
        until_nothing_runs(checkout)
        check(checkout)
    assert moment > 20
