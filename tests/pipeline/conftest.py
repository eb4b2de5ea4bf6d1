"""Checkouts that several tests share; whoever changes one takes a copy."""

from dataclasses import dataclass
from pathlib import Path

import pytest

from pipeline.checkout import Checkout, free_port, ran, small_checkout


@dataclass(frozen=True)
class Reproduced:
    """A checkout after `dvc repro`, and what that printed."""

    checkout: Checkout
    stages: list[str]
    stdout: str
    stderr: str


@pytest.fixture(scope="session")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Reproduced:
    """A checkout after its first `dvc repro`. Not to be changed: `trained.checkout.copy(...)` is."""
    checkout = small_checkout(tmp_path_factory.mktemp("trained") / "checkout")
    done = checkout.dvc("repro")
    checkout.commit("reproduced")
    return Reproduced(checkout, ran(done.stdout), done.stdout, done.stderr)


@pytest.fixture(scope="session")
def padded(trained: Reproduced, tmp_path_factory: pytest.TempPathFactory) -> Reproduced:
    """Another resize, trained in a copy while the tracking server was away. Not to be changed either."""
    copy = trained.checkout.copy(tmp_path_factory.mktemp("padded") / "checkout")
    copy.set_params(resize="pad")
    address = f"http://me:secret@127.0.0.1:{free_port()}"
    away = copy.with_variables(MLFLOW_TRACKING_URI=address, MLFLOW_HTTP_REQUEST_MAX_RETRIES="1")
    done = away.dvc("repro")
    return Reproduced(copy, ran(done.stdout), done.stdout, done.stderr)


@pytest.fixture
def copy(trained: Reproduced, tmp_path: Path) -> Checkout:
    """A copy of the trained checkout that a test may change."""
    return trained.checkout.copy(tmp_path / "checkout")
