"""Two people deliver their runs, the server dies in the middle and comes back: nothing is lost, nothing is doubled."""

from pathlib import Path

import pytest

from pipeline.checkout import Checkout
from server.commands import at_once, begun, ended, sync, wait_until
from server.conftest import Person
from server.machines import Database, ObjectStore, TrackingServer
from server.stored import on_server, runs_of, undisturbed

pytestmark = pytest.mark.server

LATER = "`fieldguide sync` logs the run later"


def test_both_train_while_the_server_is_killed(
    ann: Person,
    bob: Person,
    server: TrackingServer,
    database: Database,
    store: ObjectStore,
    place: Path,
    tmp_path: Path,
) -> None:
    """In copies: other tests go on from what both had."""
    people = [person.checkout.copy(place / f"training-{name}") for name, person in (("ann", ann), ("bob", bob))]
    people[0].set_params(resize="pad", epochs=4)
    people[1].set_params(lr="0.001", epochs=4)
    training = [begun(person, "dvc", "repro") for person in people]
    wait_until(lambda: len(runs_of(database.ask, "fieldguide")) == 3, training[0])
    server.daemon.kill()
    for end in [ended(one) for one in training]:
        assert end.code == 0, end
        said = [line for line in end.stderr.splitlines() if "MLflow" in line]
        assert said and all(line.endswith(LATER) for line in said), end.stderr
        assert "Traceback" not in end.stderr
    server.daemon.start()
    assert all(end.stdout.rstrip().endswith("logged") for end in at_once(*((one, "sync") for one in people)))
    runs = runs_of(database.ask, "fieldguide")
    assert len(runs) == 3
    expected = [undisturbed(one, tmp_path / one.root.name) for one in people]
    found = [on_server(database, store, run) for run in runs[1:]]
    for one in expected:
        assert one in found
    for person in people:
        assert sync(person).stdout.rstrip().endswith("is complete")
    assert runs_of(database.ask, "fieldguide") == runs


def test_the_same_model_from_two_checkouts_at_once_is_one_run(
    ann: Person, server: TrackingServer, database: Database, store: ObjectStore, place: Path, tmp_path: Path
) -> None:
    one = ann.checkout.with_variables(MLFLOW_EXPERIMENT_NAME="twice")  # which neither of them has made yet
    other: Checkout = one.copy(place / "other").with_variables(**server.as_user("bob"))
    done = at_once((one, "sync"), (other, "sync"))
    assert [end.code for end in done] == [0, 0], done
    (run,) = runs_of(database.ask, "twice")
    assert all(run in end.stdout for end in done)
    assert on_server(database, store, run) == undisturbed(ann.checkout, tmp_path)
    for end in at_once((one, "sync"), (other, "sync")):
        assert end.stdout.rstrip().endswith("is complete")
