"""DVC's experiments: each runs its own code and choices, and is shown in the checkout's MLflow under its name."""

import re
import subprocess
import time
from pathlib import Path

import pytest
from mlflow import MlflowClient

from fieldguide.base.files import write_text
from fieldguide.tracking.store import database_address
from pipeline.checkout import Checkout
from pipeline.conftest import Reproduced

pytestmark = pytest.mark.slow

SOURCE = "src/fieldguide/stages/evaluate.py"


def work_off(checkout: Checkout, count: int) -> str:
    """Let two workers run what is queued, and send them home when all is done; returns what DVC says of it then."""
    with (checkout.root / ".dvc" / "tmp" / "start.log").open("w") as log:  # a pipe would be held open by the workers
        command, env = ["dvc", "queue", "start", "--jobs", "2"], checkout.environment
        subprocess.run(command, cwd=checkout.root, env=env, stdout=log, stderr=log, check=True)
    deadline = time.monotonic() + 240
    while len(checkout.run("git", "for-each-ref", "refs/exps/??/**").stdout.splitlines()) < count:  # cheaper than DVC
        assert time.monotonic() < deadline, checkout.dvc("queue", "status").stdout
        time.sleep(0.5)
    while re.search("Queued|Running", outcome := checkout.dvc("queue", "status").stdout):
        assert time.monotonic() < deadline, outcome
        time.sleep(0.5)
    checkout.dvc("queue", "stop")  # alone they would wait for more to do
    while "Worker status: 0 active, 0 idle" not in (status := checkout.dvc("queue", "status").stdout):
        assert time.monotonic() < deadline, status
        time.sleep(0.5)
    return outcome


@pytest.mark.exhaustive  # a single one is test_repro's
def test_experiments_of_two_workers_arrive_with_their_own_code(padded: Reproduced, tmp_path: Path) -> None:
    """The code is changed for the experiments only: an editable install would run that of the checkout.

    One of them trains; the other finds its classifier in DVC's cache, and is evaluated by the changed code.
    """
    copy = padded.checkout.copy(tmp_path / "checkout")
    copy.run("git", "checkout", "--quiet", ".")
    copy.dvc("checkout", "--quiet")
    text = (copy.root / SOURCE).read_text(encoding="utf-8")
    changed = text.replace('"test_pictures": len(test)', '"test_pictures": len(test) + 1000')
    assert changed != text
    write_text(copy.root / SOURCE, changed)
    for name, choice in (("faster", "train.lr=0.005"), ("padded", "resize=pad")):
        copy.dvc("exp", "run", "evaluate", "--queue", "--name", name, "--set-param", choice)
    write_text(copy.root / SOURCE, text)
    assert work_off(copy, 2).count("Success") == 2
    runs = MlflowClient(database_address(copy.root / "mlflow.db")).search_runs(["1"])
    found = {run.info.run_name: run for run in runs}
    assert set(found) == {"faster", "padded"}
    assert {run.info.status for run in runs} == {"FINISHED"}
    assert (found["faster"].data.params["train.lr"], found["faster"].data.params["resize"]) == ("0.005", "squish")
    assert (found["padded"].data.params["train.lr"], found["padded"].data.params["resize"]) == ("0.003", "pad")
    assert all(run.data.metrics["test_pictures"] > 1000 for run in runs)
    assert all(str(copy.root / "mlruns") in run.info.artifact_uri for run in runs)
    assert not copy.run("git", "status", "--short").stdout
