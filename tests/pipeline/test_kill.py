"""However a run is killed, the next `dvc repro` resumes, and ends with the bytes of an undisturbed one elsewhere."""

import json
import os
import random
import signal
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import psutil
import pytest
from mlflow import MlflowClient

from fieldguide.tracking.store import database_address
from pipeline.checkout import RESULTS, STAGES, TABLES, Checkout, small_checkout
from pipeline.conftest import Reproduced

pytestmark = pytest.mark.slow

REPORTS = ("evaluate/metrics.json", "evaluate/confusion_matrix.png", "train/history.csv", "train/metrics.json")
TWICE = ("clean", "train")
LONGEST = {"config": 0.5, "weights": 4.0, "download": 3.0, "clean": 2.0, "validate": 3.0, "split": 1.0, "train": 7.0}
PATIENCE = 60  # seconds until a process that should end is called stuck


def processes_in(root: Path) -> list[psutil.Process]:
    """Processes that work in the checkout, dead ones left out."""
    found = []
    for process in psutil.process_iter():
        try:
            if Path(process.cwd()) == root and process.status() != psutil.STATUS_ZOMBIE:
                found.append(process)
        except psutil.Error:
            continue
    return found


def names_below(folder: Path) -> list[str]:
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*"))


def runs_stage(process: psutil.Process, stage: str) -> bool:
    try:
        return process.cmdline()[1:3] == ["-m", f"fieldguide.stages.{stage}"]
    except psutil.Error:
        return False


def wait_until(condition: Callable[[], object], what: str) -> None:
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline, f"waited in vain: {what}"
        time.sleep(0.05)


def kill_all(processes: list[psutil.Process]) -> None:
    for process in processes:
        try:
            process.kill()
        except psutil.NoSuchProcess:
            continue


def repro_and_kill(checkout: Checkout, stage: str, after: float, only_stage: bool) -> int:
    """Start `dvc repro`, and kill it, or only the process of a stage, so many seconds after that stage has started.

    If the stage is done before, DVC is killed at once, while it stores the outputs.
    """
    repro = subprocess.Popen(
        ["dvc", "repro"], cwd=checkout.root, env=checkout.environment, start_new_session=True, stdout=subprocess.DEVNULL
    )
    dvc = psutil.Process(repro.pid)

    def of_stage() -> list[psutil.Process]:
        return [child for child in dvc.children(recursive=True) if runs_stage(child, stage)]

    wait_until(lambda: repro.poll() is not None or of_stage(), f"{stage} starts")
    deadline = time.monotonic() + after
    while time.monotonic() < deadline and of_stage():
        time.sleep(0.05)
    targets = of_stage()[:1] if repro.poll() is None and only_stage else []
    if not targets and repro.poll() is None:
        targets = [dvc, *dvc.children(recursive=True)]
        os.killpg(repro.pid, signal.SIGKILL)
    kill_all(targets)
    return repro.wait(PATIENCE)


def delete_broken_lock(checkout: Checkout) -> None:
    """DVC does not write its own lock whole or not at all; the README says what a person does about it."""
    lock = checkout.root / ".dvc" / "tmp" / "rwlock"
    try:
        json.loads(lock.read_text())
    except ValueError:
        lock.unlink()
    except FileNotFoundError:
        pass


def kill_in(checkout: Checkout, stages: Sequence[str]) -> None:
    """Once in each of the stages, the whole tree and the stage alone by turns; all processes end each time."""
    chance = random.Random(20261121)
    for number, stage in enumerate(stages):
        after = chance.uniform(0, LONGEST.get(stage, 5.0))
        code = repro_and_kill(checkout, stage, after, only_stage=number % 2 == 1)
        assert code != 0, f"{stage} was to be killed after {after:.2f} s, and was not"
        wait_until(lambda: not processes_in(checkout.root), f"workers of {stage} leave")
        delete_broken_lock(checkout)


@pytest.fixture(
    params=[
        pytest.param(("train",), id="training"),
        pytest.param(sorted([*STAGES, *TWICE], key=STAGES.index), id="all", marks=pytest.mark.exhaustive),
    ]
)
def survivor(request: pytest.FixtureRequest, tmp_path: Path, begun: Checkout) -> Iterator[Checkout]:
    """A checkout in which nothing but killed runs took place, for speed only since its pictures were divided."""
    where = tmp_path / "another folder"
    checkout = small_checkout(where) if STAGES[0] in request.param else begun.copy(where)
    try:
        kill_in(checkout.cold, request.param)
        yield checkout
    finally:
        kill_all(processes_in(checkout.root))


def test_kills_leave_nothing_behind_and_change_no_byte(
    survivor: Checkout, trained: Reproduced, request: pytest.FixtureRequest
) -> None:
    until = ["evaluate"] if "training" in request.node.callspec.id else []  # what follows no kill has touched
    done = survivor.dvc("repro", *until)
    assert "Traceback" not in done.stderr
    assert survivor.digests(*RESULTS, *TABLES) == trained.checkout.digests(*RESULTS, *TABLES)
    for name in REPORTS:
        one, other = ((done.root / "reports" / name).read_bytes() for done in (survivor, trained.checkout))
        assert one == other, name
    assert names_below(survivor.paths.clean) == names_below(trained.checkout.paths.clean)
    assert survivor.repro(*until) == []
    partial = [path for path in survivor.root.rglob(".*.partial") if ".dvc" not in path.parts]
    assert not partial, "half-written files stay behind"
    # The training whose tracker was killed with it is not shown as running any more, and the one that ended is there.
    client = MlflowClient(database_address(survivor.root / "mlflow.db"))
    experiment = client.get_experiment_by_name("fieldguide")
    states = [run.info.status for run in client.search_runs([experiment.experiment_id])]
    assert states.count("FINISHED") == 1
    assert set(states) <= {"FINISHED", "KILLED"}
