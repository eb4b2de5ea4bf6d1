"""A server and two people who work with it, made once: what runs on a team's machines runs here for real."""

import os
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from pipeline.checkout import Checkout, small_checkout
from server.commands import done
from server.machines import (
    DATA,
    DOCS,
    Database,
    ObjectStore,
    TrackingServer,
    object_store,
    postgres,
    tracking_server,
)


@pytest.fixture(scope="session")
def place() -> Path:
    """The folder that run.sh made, with the server's programs in `venv`; it is deleted at the end."""
    if "FIELDGUIDE_TEST_SERVER" not in os.environ:
        pytest.skip("`make test-server` runs it")
    return Path(os.environ["FIELDGUIDE_TEST_SERVER"])


@pytest.fixture(scope="session")
def programs(place: Path) -> Path:
    return place / "venv" / "bin"


@pytest.fixture(scope="session")
def database(place: Path) -> Iterator[Database]:
    with postgres(place / "postgres") as started:
        yield started


@pytest.fixture(scope="session")
def store(place: Path, programs: Path) -> Iterator[ObjectStore]:
    with object_store(place / "bucket", programs) as started:
        yield started


def add_user(programs: Path, server: TrackingServer, *arguments: str) -> "subprocess.CompletedProcess[str]":
    """docs/server/add_user.py, by the administrator in the server's environment: people's own has no `mlflow[auth]`."""
    command = [str(programs / "python"), str(DOCS / "add_user.py"), *arguments]
    environment = {**os.environ, **server.as_user("admin")}
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)


@pytest.fixture(scope="session")
def server(place: Path, programs: Path, database: Database, store: ObjectStore) -> Iterator[TrackingServer]:
    with tracking_server(place / "mlflow", programs, database, store) as started:
        for name, options in (("ann", []), ("bob", []), ("carl", ["--read-only"])):
            added = add_user(programs, started, name, *options)
            assert added.returncode == 0, added.stderr
            started.passwords[name] = added.stdout.strip()
        yield started


@dataclass(frozen=True)
class Person:
    """Somebody with a clone of the team's repository, a DVC cache of their own, and access to server and remote."""

    checkout: Checkout
    origin: Path


def with_access(checkout: Checkout, name: str, server: TrackingServer, store: ObjectStore) -> Checkout:
    """The checkout of a user of the server, who may use the team's remote."""
    return replace(checkout, variables={**server.as_user(name), **store.keys["people"]})


@pytest.fixture(scope="session")
def ann(place: Path, server: TrackingServer, store: ObjectStore) -> Person:
    """Whoever made the repository: `dvc repro` with the server there, then everything pushed."""
    checkout = with_access(small_checkout(place / "ann"), "ann", server, store)
    checkout.dvc("remote", "add", "--default", "team", f"s3://{DATA}/dvc")
    checkout.dvc("remote", "modify", "team", "endpointurl", store.address)
    checkout.commit("the team's remote")
    done(checkout, "dvc", "repro")
    checkout.commit("reproduced")
    done(checkout, "dvc", "push")
    origin = place / "origin.git"
    checkout.run("git", "clone", "--quiet", "--bare", ".", str(origin))
    return Person(checkout, origin)


@pytest.fixture(scope="session")
def bob(place: Path, ann: Person, server: TrackingServer, store: ObjectStore) -> Person:
    """A fresh clone elsewhere, with what `dvc pull` brings."""
    ann.checkout.run("git", "clone", "--quiet", str(ann.origin), str(place / "bob"))
    checkout = with_access(Checkout(place / "bob"), "bob", server, store)
    checkout.run("git", "config", "user.name", "Bob")
    checkout.run("git", "config", "user.email", "bob@example.invalid")
    done(checkout, "dvc", "pull")
    return Person(checkout, ann.origin)
