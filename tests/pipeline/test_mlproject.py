"""`mlflow run`: the commands of the command line, and no run that stays open."""

import shlex
import sys

import pytest
from mlflow import MlflowClient

from fieldguide.base.errors import UserError
from fieldguide.mlproject import commands
from fieldguide.tracking import PARENT
from pipeline.checkout import Checkout

LAUNCH = ("mlflow", "run", ".", "--env-manager", "local")


@pytest.mark.parametrize(
    ("entry", "text", "expected"),
    [
        ("main", "", ["dvc repro", "fieldguide.cli sync", "fieldguide.cli summary"]),
        ("train", " ", ["dvc repro evaluate", "fieldguide.cli sync"]),
        ("main", "resize=pad", ["fieldguide.sweep resize=pad"]),
        ("train", "resize=pad train.lr=0.1", ["fieldguide.sweep resize=pad train.lr=0.1"]),
        (
            "sweep",
            "resize=crop,pad '+model.options={a: 1}'",
            ["fieldguide.sweep resize=crop,pad '+model.options={a: 1}'"],
        ),
        ("sweep", "", ["fieldguide.sweep"]),
        ("reproduce", "3f2a", ["fieldguide.cli reproduce 3f2a"]),
    ],
)
def test_an_entry_point_is_what_the_command_line_would_be(entry: str, text: str, expected: list[str]) -> None:
    assert commands(entry, text) == [[sys.executable, "-m", *shlex.split(line)] for line in expected]


def test_a_quote_that_does_not_close_is_one_line() -> None:
    with pytest.raises(UserError, match="overrides=a='b: no closing quotation"):
        commands("sweep", "a='b")


@pytest.mark.slow
def test_a_sweep_of_mlflow_run_is_that_of_the_command_line(copy: Checkout) -> None:
    copy.run(*LAUNCH, "-e", "sweep", "-P", "overrides=resize=crop,pad train.epochs=1")
    client = MlflowClient(f"sqlite:///{copy.root}/mlflow.db")
    (launcher,) = client.search_runs(["0"])
    parent, *jobs = sorted(client.search_runs(["1"]), key=lambda run: PARENT in run.data.tags)
    assert {run.info.status for run in (launcher, parent, *jobs)} == {"FINISHED"}
    assert {run.data.params["resize"] for run in jobs} == {"crop", "pad"}
    assert {run.data.tags[PARENT] for run in jobs} == {parent.info.run_id}
    note = launcher.data.tags["mlflow.note.content"]
    assert all(run.info.run_id in note for run in (parent, *jobs))
    again = copy.run(sys.executable, "-m", "fieldguide.sweep", "resize=crop,pad", "train.epochs=1")
    assert again.stdout.count("finished before") >= 2
    assert len(client.search_runs(["1"])) == 3


@pytest.mark.slow
def test_a_failure_leaves_no_open_run(copy: Checkout) -> None:
    copy.run(*LAUNCH, "-e", "reproduce", "-P", "run=never", code=1)
    (launcher,) = MlflowClient(f"sqlite:///{copy.root}/mlflow.db").search_runs(["0"])
    assert launcher.info.status == "FAILED"
    assert launcher.data.tags["mlflow.note.content"] == "No new run was made."
