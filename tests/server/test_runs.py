"""What everybody sees of a team's runs, by a colleague who trained none of them."""

from pathlib import Path

import pytest

from pipeline.checkout import Checkout
from server.commands import begun, done, ended
from server.conftest import Person
from server.machines import Database, ObjectStore, TrackingServer
from server.stored import on_server, runs_of, undisturbed

pytestmark = pytest.mark.server

# Delivers a run, and kills itself when so many requests have been answered, before it learns of the last answer.
KILLED = """
import os, signal, sys
from pathlib import Path
import requests
from fieldguide.base.paths import Paths
from fieldguide.tracking.delivery import sync

send, left = requests.Session.send, int(sys.argv[1])

def last_one(*arguments, **options):
    global left
    answer = send(*arguments, **options)
    left -= 1
    if not left:
        os.kill(os.getpid(), signal.SIGKILL)
    return answer

requests.Session.send = last_one
print(sync(Paths(Path.cwd())))
"""
FIRST_KILL, MORE = 10, 2.5  # after so many requests the first, and each other after so many times as many


@pytest.fixture
def shown(ann: Person, server: TrackingServer, database: Database) -> str:
    """A run that `ann` has delivered, in an experiment of its own."""
    checkout = ann.checkout.with_variables(MLFLOW_EXPERIMENT_NAME="shown")
    done(checkout, "fieldguide", "sync")
    return runs_of(database.ask, "shown")[0]


def test_a_colleague_lists_and_compares_a_run(bob: Person, shown: str) -> None:
    elsewhere = bob.checkout.with_variables(MLFLOW_EXPERIMENT_NAME="shown")
    listed = done(elsewhere, "fieldguide", "runs")
    (line,) = [line for line in listed.splitlines() if shown[:8] in line]
    assert "finished" in line
    compared = done(elsewhere, "fieldguide", "compare", shown[:8], ".")
    page = bob.checkout.root / compared.splitlines()[-1].split()[-1]
    assert shown[:8] in page.read_text(encoding="utf-8")


def test_a_delivery_that_is_killed_after_any_request_is_completed(
    ann: Person, database: Database, store: ObjectStore, place: Path, tmp_path: Path
) -> None:
    checkout: Checkout = ann.checkout.copy(place / "killed").with_variables(MLFLOW_EXPERIMENT_NAME="killed")
    requests, kills = FIRST_KILL, 0
    while (end := ended(begun(checkout, "python", "-c", KILLED, str(requests)))).code != 0:
        assert end.code == -9, end
        requests, kills = int(MORE * requests), kills + 1
    assert kills > 1
    assert end.stdout.rstrip().endswith("logged")
    (run,) = runs_of(database.ask, "killed")
    assert on_server(database, store, run) == undisturbed(ann.checkout, tmp_path)
