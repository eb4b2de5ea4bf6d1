"""`fieldguide runs`: what MLflow holds, the newest first, as it stands now."""

import json
import os
from pathlib import Path

import pytest

from conftest import run_command
from fieldguide.base.paths import Paths
from fieldguide.tracking.process_ids import checkout_id, process_id
from fieldguide.tracking.run_list import FIGURES, NONE_YET
from fieldguide.tracking.run_params import data_title, run_name, without_data
from fieldguide.tracking.runs import find_run
from fieldguide.tracking.tags import CHECKOUT, DATA_DIGEST, DELIVERED, FINGERPRINT, PARENT, PROCESS, SWEEP
from fieldguide.tracking.tracker import Tracker

pytestmark = pytest.mark.slow  # importing MLflow alone takes seconds


@pytest.fixture(autouse=True)
def no_server(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith(("MLFLOW_", "DVC_"))]:
        monkeypatch.delenv(name)


@pytest.fixture
def filled(checkout: Paths) -> Paths:
    """A sweep with a finished job, a training whose process was killed, one that runs, and one that failed."""
    tracker = Tracker(checkout)
    own = {CHECKOUT: checkout_id(checkout), DATA_DIGEST: "3f2a" * 16, FINGERPRINT: "f"}

    def add(name: str, started: float, status: str, tags: dict[str, str]) -> str:
        made = tracker.client.create_run(tracker.experiment, start_time=int(1000 * started), tags=tags, run_name=name)
        if status != "RUNNING":
            tracker.client.set_terminated(made.info.run_id, status)
        return str(made.info.run_id)

    sweep = add("sweep resize bears-3f2a", 1, "FINISHED", {SWEEP: "key"})
    job = add("pad bears-3f2a", 2, "FINISHED", {**own, PARENT: sweep, DELIVERED: "x"})
    tracker.client.log_param(job, "data", "bears")
    tracker.log_metrics(job, {"accuracy": 0.9, "accuracy_low": 0.8, "accuracy_high": 0.95, "log_loss": 0.25})
    tracker.log_metrics(job, {"valid_accuracy": 0.7}, step=30)  # the curve's end; an earlier epoch was kept
    tracker.log_metrics(job, {"train.valid_accuracy": 0.88})
    add("dead", 3, "RUNNING", {**own, PROCESS: "999999999 1.00"})
    add("alive", 4, "RUNNING", {**own, PROCESS: process_id(os.getpid())})
    add("failed", 5, "FAILED", own)
    add("retrain 0001", 0.5, "FINISHED", {SWEEP: "retrain-key"})
    return checkout


def test_runs_are_listed_with_figures_and_state(filled: Paths) -> None:
    listed = json.loads(run_command("runs", "--json", cwd=filled.root).stdout)
    assert [(run["name"], run["kind"], run["state"]) for run in listed] == [
        ("failed", "training", "failed"),
        ("alive", "training", "running"),
        ("dead", "training", "killed"),
        ("pad bears-3f2a", "training", "finished"),
        ("sweep resize bears-3f2a", "sweep", "finished"),
        ("retrain 0001", "retraining", "finished"),
    ]
    job, sweep = listed[3:5]
    assert (job["data"], job["parent"]) == ("bears 3f2a", sweep["id"])
    assert job["figures"] == {**dict.fromkeys(FIGURES), "accuracy": 0.9, "accuracy_low": 0.8, "accuracy_high": 0.95} | {
        "log_loss": 0.25,
        "valid_accuracy": 0.88,
    }
    assert job["started"].startswith("1970-01-0")


def test_the_table_is_for_people(filled: Paths) -> None:
    done = run_command("runs", "--newest", "4", cwd=filled.root)
    header, *rows = done.stdout.splitlines()
    assert header.split() == ["run", "name", "started", "data", "accuracy", "macro", "F1", "log", "loss", "state"]
    assert len(rows) == 4
    assert "bears 3f2a  0.900 (0.800 to 0.950)" in rows[3]
    assert rows[3].split()[0] == json.loads(run_command("runs", "--json", cwd=filled.root).stdout)[3]["id"][:8]


def test_a_run_is_found_by_its_name_without_its_data(filled: Paths) -> None:
    assert find_run(Tracker(filled), "pad").info.run_name == "pad bears-3f2a"


def test_where_there_are_none_it_says_so_and_makes_nothing(checkout: Paths) -> None:
    before = set(checkout.root.rglob("*"))
    done = run_command("runs", cwd=checkout.root)
    assert (done.returncode, done.stdout, done.stderr) == (1, "", f"fieldguide: {NONE_YET}\n")
    assert run_command("runs", "--json", cwd=checkout.root).stdout == "[]\n"
    assert set(checkout.root.rglob("*")) == before


def test_a_server_out_of_reach_is_one_line(checkout: Paths, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:9")
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    done = run_command("runs", cwd=checkout.root)
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (1, "", 1)
    assert done.stderr.startswith("fieldguide: MLflow at http://127.0.0.1:9 does not answer")


def test_names_differ_when_data_differ(tmp_path: Path) -> None:
    choices = {"resize": "squish", "augment": "standard", "model": "tiny"}
    paths = Paths(tmp_path)
    names = {run_name(paths, {"choices": choices, "inputs": {"split": digit * 64}}) for digit in "ab"}
    assert names == {f"squish standard tiny {data_title(paths, digit * 64)}" for digit in "ab"}
    assert len(names) == 2
    assert {without_data(name) for name in names} == {"squish standard tiny"}
