"""Sweeps on a cluster of SLURM without accounting, which `make test-slurm` installs: whatever becomes of a job."""

import os
import platform
import signal
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psutil
import pytest

from pipeline.checkout import Checkout
from pipeline.slurm_cluster import is_installed, slurm_cluster
from pipeline.sweeps import (
    COMBINATIONS,
    ON_ANY_MACHINE,
    children_and_parents,
    models,
    outcomes,
    sweeping,
    until,
)

pytestmark = [pytest.mark.slow, pytest.mark.cluster]

SLURM = ["hydra/launcher=submitit_slurm", "hydra.launcher.cpus_per_task=1", "hydra.launcher.mem_gb=2"]
SLURM += ['hydra.launcher.setup=["export PREPARED=yes"]', "hydra.launcher.additional_parameters={nice: 10}"]


@pytest.fixture(scope="module")
def cluster() -> Iterator[dict[str, str]]:
    assert is_installed(), "call it as root, by `make test-slurm`"
    with tempfile.TemporaryDirectory(prefix="slurm-") as folder, slurm_cluster(Path(folder)) as variables:
        yield variables


@dataclass(frozen=True)
class Hit:
    """A checkout whose sweep was hit by everything at once, and then called again; and what each call printed."""

    checkout: Checkout
    first: str
    again: str
    after_first: dict[str, str]  # the error of each failed job, "" of a finished one
    leaderboard: str


def in_queue(checkout: Checkout, state: str) -> list[str]:
    said = checkout.run("squeue", "--noheader", "--array", f"--states={state}", "--format=%i").stdout
    return sorted(said.split())


def arrays_in_queue(checkout: Checkout) -> set[str]:
    return {job.partition("_")[0] for job in in_queue(checkout, "PENDING,RUNNING")}


def processes_of(job: str) -> list[psutil.Process]:
    """The processes of an element of an array."""
    array, _, element = job.partition("_")
    wanted = {"SLURM_ARRAY_JOB_ID": array, "SLURM_ARRAY_TASK_ID": element}
    found = []
    for process in psutil.process_iter():
        try:
            found += [process] if wanted.items() <= process.environ().items() else []
        except psutil.Error:  # it has ended meanwhile
            continue
    return found


@pytest.fixture(scope="module")
def hit(cluster: dict[str, str], prepared: Checkout, tmp_path_factory: pytest.TempPathFactory) -> Hit:
    checkout = prepared.copy(tmp_path_factory.mktemp("slurm") / "checkout").with_variables(**cluster)
    command = [*ON_ANY_MACHINE, *SLURM]
    node = f"NodeName={platform.node()}"
    checkout.run("scontrol", "update", node, "State=DRAIN", "Reason=test")  # jobs wait
    with sweeping(checkout, *command) as killed:
        until(lambda: len(in_queue(checkout, "PENDING")) == 4, killed)
    with sweeping(checkout, *command) as process:
        (before,) = arrays_in_queue(checkout)
        (array,) = until(lambda: arrays_in_queue(checkout) - {before}, process)
        jobs = [f"{array}_{element}" for element in range(4)]
        checkout.run("scancel", jobs[3])  # before its turn
        checkout.run("scontrol", "update", node, "State=RESUME")
        until(lambda: len(list(checkout.root.glob("sweeps/*/*/origin.json"))) == 2, process)
        checkout.run("scancel", jobs[1])
        for stuck in processes_of(jobs[0]):
            stuck.send_signal(signal.SIGSTOP)
        checkout.run("scontrol", "update", f"JobId={jobs[0]}", "TimeLimit=1")
        printed, _ = process.communicate(timeout=900)
    found = {name: outcome.get("error", "") for name, outcome in outcomes(checkout).items()}
    (leaderboard,) = checkout.root.glob("sweeps/*/leaderboard.csv")
    ranked = leaderboard.read_text(encoding="utf-8")
    with sweeping(checkout, *command) as process:
        again, _ = process.communicate(timeout=900)
        assert process.returncode == 0, again
    return Hit(checkout, printed, again, found, ranked)


def test_a_lost_job_is_a_failed_one_and_the_others_go_on(hit: Hit) -> None:
    errors = hit.after_first
    assert set(errors) == COMBINATIONS
    assert errors["crop lr=0.001"].endswith("(TIMEOUT): its time, hydra.launcher.timeout_min, was over")
    assert errors["crop lr=0.01"].endswith("(CANCELLED): it was cancelled")
    assert errors["pad lr=0.01"].endswith("(no longer in the queue): it was cancelled before it began")
    assert errors["pad lr=0.001"] == ""


def test_it_is_told_in_one_line_and_once_more_in_the_table(hit: Hit) -> None:
    assert "Traceback" not in hit.first and "Warning" not in hit.first
    for state in ("CANCELLED", "TIMEOUT", "no longer in the queue"):
        assert hit.first.count(f"({state})") == 2
    assert "pad lr=0.001" in hit.leaderboard and "crop" not in hit.leaderboard


def test_what_a_killed_sweep_left_in_the_queue_is_cancelled(hit: Hit) -> None:
    assert "sweep: cancelling 4 jobs that an earlier call has left in SLURM's queue" in hit.first


def test_the_same_command_goes_on_and_doubles_nothing(hit: Hit) -> None:
    assert hit.again.count("skipped, finished before") == 1
    assert {outcome["status"] for outcome in outcomes(hit.checkout).values()} == {"finished"}
    children, parents = children_and_parents(hit.checkout)
    assert [run.info.status for run in children] == ["FINISHED"] * 4
    assert [run.info.status for run in parents] == ["FINISHED"]


def test_the_models_are_those_of_one_machine(
    hit: Hit, prepared: Checkout, tmp_path_factory: pytest.TempPathFactory
) -> None:
    own = prepared.copy(tmp_path_factory.mktemp("own") / "checkout")
    own.fieldguide("sweep", *ON_ANY_MACHINE)
    assert set(models(own)) == COMBINATIONS
    assert models(hit.checkout) == models(own)


def test_ctrl_c_takes_the_jobs_out_of_the_queue(
    cluster: dict[str, str], prepared: Checkout, tmp_path_factory: pytest.TempPathFactory
) -> None:
    checkout = prepared.copy(tmp_path_factory.mktemp("stopped") / "checkout").with_variables(**cluster)
    with sweeping(checkout, *ON_ANY_MACHINE, *SLURM) as process:
        until(lambda: len(in_queue(checkout, "PENDING,RUNNING")) == 4, process)
        os.kill(process.pid, signal.SIGINT)
        printed, _ = process.communicate(timeout=120)
    assert "sweep: stopped; finished jobs are kept, and the same command resumes it" in printed
    deadline = time.monotonic() + 60
    while in_queue(checkout, "PENDING,RUNNING,COMPLETING"):
        assert time.monotonic() < deadline
        time.sleep(0.5)
