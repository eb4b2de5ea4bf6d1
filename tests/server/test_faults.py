"""What a server, its database and its bucket refuse is one line without a secret in it, and the next call goes on."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from pipeline.checkout import Checkout
from server.commands import sync
from server.conftest import Person
from server.machines import RUNS, Database, ObjectStore, TrackingServer
from server.stored import on_server, runs_of, undisturbed

pytestmark = pytest.mark.server

AFTER = "then `fieldguide sync`"


@pytest.fixture
def checkout(ann: Person) -> Checkout:
    return ann.checkout.with_variables(MLFLOW_EXPERIMENT_NAME="faults")


def test_who_is_not_let_in_is_told_what_to_do(checkout: Checkout, server: TrackingServer) -> None:
    where = f"fieldguide: MLflow at {server.address}"
    wrong = checkout.with_variables(MLFLOW_TRACKING_PASSWORD="not-the-password")
    line = sync(wrong).line
    assert line.startswith(f"{where} fails: ")
    assert line.endswith(f"set MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD to a user of the server, {AFTER}")
    in_address = server.address.replace("://", "://ann:not-the-password@")
    assert "to a user of the server" in sync(checkout.with_variables(MLFLOW_TRACKING_URI=in_address)).line
    read_only = checkout.with_variables(**server.as_user("carl"), MLFLOW_EXPERIMENT_NAME="fieldguide")
    read_only = read_only.copy(checkout.root.with_name("carl"))
    (read_only.paths.classifier).write_bytes(b"another model")
    line = sync(read_only).line
    assert line.startswith(f"{where} fails: ")
    assert line.endswith(f"ask its administrator for the permission that carl lacks, {AFTER}")


def test_a_bucket_that_refuses_loses_nothing(
    checkout: Checkout, database: Database, store: ObjectStore, tmp_path: Path
) -> None:
    for allowed in (["s3:ListBucket"], ["s3:GetObject", "s3:ListBucket"]):
        store.allow("server", RUNS, *allowed)
        try:
            line = sync(checkout).line
        finally:
            store.allow("server", RUNS, "s3:*")
        assert line.startswith("fieldguide: MLflow at ")
        assert line.endswith("`fieldguide sync` logs the run later")
    assert sync(checkout).stdout.rstrip().endswith("logged")
    (run,) = runs_of(database.ask, "faults")
    assert on_server(database, store, run) == undisturbed(checkout, tmp_path)


@contextmanager
def away(stop: Callable[[], None], start: Callable[[], None]) -> Iterator[None]:
    stop()
    try:
        yield
    finally:
        start()


def test_a_database_that_is_away(checkout: Checkout, database: Database) -> None:
    with away(database.daemon.kill, database.daemon.start):
        line = sync(checkout).line
    assert line.endswith("`fieldguide sync` logs the run later")
    assert sync(checkout).stdout.rstrip().endswith("is complete")
