"""Passwords and keys are in no output, log, page or file, also where things fail; the last of these tests."""

from pathlib import Path

import pytest

from pipeline.checkout import Checkout, free_port
from server.commands import PRINTED, begun, done, ended
from server.conftest import Person
from server.machines import Database, ObjectStore, TrackingServer
from server.stored import runs_of

pytestmark = pytest.mark.server

REMOTE = "remote-s3cret"  # the password in the address of a remote of DVC


@pytest.fixture
def careless(ann: Person, server: TrackingServer, place: Path) -> Checkout:
    """A checkout whose addresses have passwords in them: that of the server, and that of a remote that is away."""
    address = server.address.replace("://", f"://ann:{server.passwords['ann']}@")
    variables = {name: value for name, value in ann.checkout.variables.items() if not name.startswith("MLFLOW_")}
    copy = Checkout(ann.checkout.copy(place / "careless").root, variables).with_variables(
        MLFLOW_TRACKING_URI=address, MLFLOW_EXPERIMENT_NAME="careless", MLFLOW_HTTP_REQUEST_MAX_RETRIES="0"
    )
    copy.dvc("remote", "add", "--local", "--default", "away", f"http://me:{REMOTE}@127.0.0.1:{free_port()}/dvc")
    return copy


def test_no_password_or_key_is_seen_anywhere(
    careless: Checkout, server: TrackingServer, database: Database, store: ObjectStore, place: Path, programs: Path
) -> None:
    done(careless, "fieldguide", "sync")
    run = runs_of(database.ask, "careless")[0]
    evaluate_again = ["dvc", "repro", "--force", "--single-item", "evaluate"]
    commands = [["fieldguide", "runs"], ["fieldguide", "compare", run, "."], ["fieldguide", "adopt", run, "--dry-run"]]
    for command in [*commands, evaluate_again, ["dvc", "push"], ["dvc", "pull", "--force"], ["dvc", "status", "-c"]]:
        ended(begun(careless, *command))
    careless.dvc("remote", "remove", "--local", "away")
    server.daemon.kill()
    try:
        for command in [*commands, evaluate_again, ["fieldguide", "sync"], ["fieldguide", "reproduce", run]]:
            ended(begun(careless, *command))
    finally:
        server.daemon.start()
    keys = [keys["AWS_SECRET_ACCESS_KEY"] for keys in store.keys.values()]
    secrets = [*server.passwords.values(), server.admin, database.password, database.superuser, *keys, REMOTE]
    assert all(len(secret) > 10 for secret in secrets)
    texts = {"what commands printed": "\n".join(PRINTED), "the database of runs": database.run("pg_dump", "mlflow")}
    files = [path for path in place.rglob("*") if path.is_file() and not path.is_relative_to(programs.parent)]
    own = [path for path in files if not path.is_relative_to(place / "postgres" / "cluster")]
    texts |= {str(path): path.read_bytes().decode("latin-1") for path in own}
    assert any(path.endswith("reports/index.html") for path in texts) and any(
        path.endswith("mlflow.log") for path in texts
    )
    assert [name for name, text in texts.items() if any(secret in text for secret in secrets)] == []
