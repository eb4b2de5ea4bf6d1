"""Sweeps on Ray, which `make test-ray` installs: whatever becomes of a job, and with the models of one machine."""

import os
import signal
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import psutil
import pytest

from pipeline.checkout import Checkout
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

RAY = "hydra/launcher=ray"
OBJECTS = 100_000_000  # bytes of memory for what tasks exchange


@pytest.fixture(scope="module", autouse=True)
def folder() -> Iterator[None]:
    """Ray writes to a folder that is deleted; the paths of its sockets have to be short."""
    made = TemporaryDirectory(prefix="ray-", dir="/tmp", ignore_cleanup_errors=True)
    with made, pytest.MonkeyPatch.context() as variables:
        variables.setenv("RAY_TMPDIR", made.name)
        yield


@dataclass(frozen=True)
class Hit:
    """A checkout whose sweep lost a node and a worker, and was then called again; and what each call printed."""

    checkout: Checkout
    first: str
    again: str
    after_first: dict[str, str]  # the error of each failed job, "" of a finished one


def tasks() -> dict[int, Path]:
    """The processes of Ray that run a job of a sweep, and the folders that they work in, as far as it is known."""
    found = {}
    for process in psutil.process_iter(["cmdline"]):
        if (process.info["cmdline"] or [""])[0] == "ray::sweep_job":
            found[process.pid] = Path(process.cwd())
    return found


@pytest.fixture(scope="module")
def hit(prepared: Checkout, tmp_path_factory: pytest.TempPathFactory) -> Hit:
    """Two nodes with a core each: one is gone while both work, and then the worker of the other is killed."""
    from ray.cluster_utils import Cluster

    home = tmp_path_factory.mktemp("home")
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    checkout = prepared.copy(tmp_path_factory.mktemp("ray") / "checkout").with_variables(HOME=str(home))
    size = {"num_cpus": 1, "object_store_memory": OBJECTS}
    cluster = Cluster(initialize_head=True, head_node_args={**size, "include_dashboard": False})
    try:
        second = cluster.add_node(**size)
        with sweeping(checkout, *ON_ANY_MACHINE, RAY, f"hydra.launcher.address={cluster.address}") as process:
            until(lambda: len(list(checkout.root.glob("sweeps/*/*/origin.json"))) == 2, process)
            cluster.remove_node(second, allow_graceful=False)
            (left,) = until(lambda: len(tasks()) == 1 and tasks(), process)
            os.kill(left, signal.SIGKILL)
            first, _ = process.communicate(timeout=900)
    finally:
        cluster.shutdown()
    found = {name: outcome.get("error", "") for name, outcome in outcomes(checkout).items()}
    with sweeping(checkout, *ON_ANY_MACHINE, RAY) as process:  # on this machine alone
        again, _ = process.communicate(timeout=900)
        assert process.returncode == 0, again
    assert tasks() == {}
    assert not (home / ".ray").exists()
    return Hit(checkout, first, again, found)


def test_a_lost_job_is_a_failed_one_and_the_others_go_on(hit: Hit) -> None:
    assert set(hit.after_first) == COMBINATIONS
    errors = sorted(filter(None, hit.after_first.values()))
    assert len(errors) == 2
    assert all("was lost" in error or "has lost it" in error for error in errors)
    assert "Traceback" not in hit.first and "Warning" not in hit.first
    assert hit.first.count("FAILED: ") == 4  # when it happens, and in the closing table


def test_the_same_command_goes_on_and_doubles_nothing(hit: Hit) -> None:
    assert hit.again.count("skipped, finished before") == 2
    assert {outcome["status"] for outcome in outcomes(hit.checkout).values()} == {"finished"}
    children, parents = children_and_parents(hit.checkout)
    assert [run.info.status for run in children] == ["FINISHED"] * 4
    assert [run.info.status for run in parents] == ["FINISHED"]


@pytest.mark.parametrize("launcher", ["basic", "joblib"])
def test_the_models_are_those_of_the_other_launchers(
    hit: Hit, prepared: Checkout, tmp_path_factory: pytest.TempPathFactory, launcher: str
) -> None:
    own = prepared.copy(tmp_path_factory.mktemp("own") / "checkout")
    own.fieldguide("sweep", *ON_ANY_MACHINE, f"hydra/launcher={launcher}")
    assert set(models(own)) == COMBINATIONS
    assert models(hit.checkout) == models(own)


def test_a_cluster_that_goes_away_is_one_line(prepared: Checkout, tmp_path: Path) -> None:
    from ray.cluster_utils import Cluster

    checkout = prepared.copy(tmp_path / "checkout").with_variables(HOME=str(tmp_path))
    head = {"num_cpus": 1, "object_store_memory": OBJECTS, "include_dashboard": False}
    cluster = Cluster(initialize_head=True, head_node_args=head)
    try:
        with sweeping(checkout, *ON_ANY_MACHINE, RAY, f"hydra.launcher.address={cluster.address}") as process:
            until(lambda: list(checkout.root.glob("sweeps/*/*/origin.json")), process)
            cluster.remove_node(cluster.head_node, allow_graceful=False)
            said, _ = process.communicate(timeout=120)
    finally:
        cluster.shutdown()
    assert process.returncode == 1 and "Traceback" not in said
    (line,) = [line for line in said.splitlines() if line.startswith("sweep: hydra/launcher=ray")]
    assert line.startswith("sweep: hydra/launcher=ray: the cluster went away (")


@pytest.mark.parametrize(
    ("option", "message"),
    [
        ("cpus_per_task=4096", "hydra.launcher.cpus_per_task=4096: no node of the Ray cluster has so many"),
        (
            "address=127.0.0.1:9",
            "hydra/launcher=ray (127.0.0.1:9) cannot be reached (Connection refused): start it, or leave it out",
        ),
        (
            "address=ray://127.0.0.1:10001",  # of Ray's client, which has no workers of its own
            "hydra.launcher.address must be HOST:PORT, an IPv6 host in brackets, or auto (given: 'ray://127.0.0.1:10001')",
        ),
    ],
)
def test_what_it_cannot_run_on_is_one_line(prepared: Checkout, tmp_path: Path, option: str, message: str) -> None:
    checkout = prepared.copy(tmp_path / "checkout")
    sweep = [sys.executable, "-m", "fieldguide.experiments.sweep"]
    done = checkout.run(*sweep, *ON_ANY_MACHINE, RAY, f"hydra.launcher.{option}", code=1)
    assert done.stderr.startswith(f"sweep: {message}") and done.stderr.count("\n") == 1, done.stderr
