"""`mlflow run`: the commands of the command line, and no run that stays open."""

import shlex
import sys

import pytest

from fieldguide.base.errors import UserError
from fieldguide.cli.mlproject import commands
from fieldguide.tracking.store import database_address
from pipeline.checkout import Checkout


@pytest.mark.parametrize(
    ("entry", "text", "expected"),
    [
        ("main", "", ["dvc repro", "fieldguide.cli sync", "fieldguide.cli summary"]),
        ("train", " ", ["dvc repro evaluate", "fieldguide.cli sync"]),
        ("main", "resize=pad", ["fieldguide.experiments.sweep resize=pad"]),
        ("train", "resize=pad train.lr=0.1", ["fieldguide.experiments.sweep resize=pad train.lr=0.1"]),
        (
            "sweep",
            "resize=crop,pad '+model.options={a: 1}'",
            ["fieldguide.experiments.sweep resize=crop,pad '+model.options={a: 1}'"],
        ),
        ("sweep", "", ["fieldguide.experiments.sweep"]),
        ("reproduce", "3f2a", ["fieldguide.cli reproduce 3f2a"]),
    ],
)
def test_an_entry_point_is_what_the_command_line_would_be(entry: str, text: str, expected: list[str]) -> None:
    assert commands(entry, text) == [[sys.executable, "-m", *shlex.split(line)] for line in expected]


def test_a_quote_that_does_not_close_is_one_line() -> None:
    with pytest.raises(UserError, match="overrides=a='b: no closing quotation"):
        commands("sweep", "a='b")


@pytest.mark.slow
def test_a_failure_leaves_no_open_run(copy: Checkout) -> None:
    from mlflow import MlflowClient

    launch = ["python", "-m", "mlflow", "run", ".", "--env-manager", "local"]
    copy.run(*launch, "-e", "reproduce", "-P", "run=never", code=1)
    (launcher,) = MlflowClient(database_address(copy.root / "mlflow.db")).search_runs(["0"])
    assert launcher.info.status == "FAILED"
    assert launcher.data.tags["mlflow.note.content"] == "No new run was made."
