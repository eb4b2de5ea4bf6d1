"""A remote in S3: a fresh clone has all, a worker what it needs, and a colleague's run is made again."""

from pathlib import Path

import pytest

from pipeline.checkout import Checkout, ran
from server.commands import done
from server.conftest import Person
from server.machines import Database
from server.stored import runs_of

pytestmark = pytest.mark.server


def clone(person: Person, target: Path) -> Checkout:
    person.checkout.run("git", "clone", "--quiet", str(person.origin), str(target))
    return Checkout(target, person.checkout.variables)


def test_a_fresh_clone_has_nothing_left_to_do(ann: Person, bob: Person) -> None:
    """What `bob` pulled is what `ann` made; the first commit of both is the same."""
    assert ran(done(bob.checkout, "dvc", "repro")) == []
    assert bob.checkout.run("git", "status", "--porcelain").stdout == ""
    assert done(bob.checkout, "fieldguide", "sync").rstrip().endswith("is complete"), "ann delivered it"


def test_a_colleagues_run_is_made_again_from_the_remote(
    ann: Person, bob: Person, database: Database, place: Path
) -> None:
    """In a clone whose cache is empty."""
    fresh = Checkout(clone(ann, place / "fresh").root, bob.checkout.variables)
    assert not (fresh.root / ".dvc" / "cache").exists()
    said = done(fresh, "fieldguide", "reproduce", runs_of(database.ask, "fieldguide")[0])
    assert "data/clean, data/clean.parquet from DVC, by hash" in said
    assert said.splitlines()[-1].startswith("identical: ")


def test_a_worker_trains_without_the_original_pictures(ann: Person, place: Path) -> None:
    worker = clone(ann, place / "worker").with_variables(MLFLOW_EXPERIMENT_NAME="worker")
    done(worker, "dvc", "pull", "data/clean", "data/clean.parquet", "data/split.parquet", "weights")
    assert not worker.paths.raw.exists()
    said = done(worker, "fieldguide", "sweep", "train.epochs=1", "train.lr=0.001,0.003")
    assert "train.lr=0.001" in said
    assert not worker.paths.raw.exists()
