"""Checkouts that several tests share; whoever changes one takes a copy."""

from dataclasses import dataclass
from pathlib import Path
from subprocess import CompletedProcess

import pytest

from conftest import made_once
from fieldguide.base.files import read_json, write_json
from pipeline.checkout import Checkout, free_port, ran, small_checkout


@dataclass(frozen=True)
class Reproduced:
    """A checkout after `dvc repro`, and what that printed."""

    checkout: Checkout
    stages: list[str]
    stdout: str
    stderr: str


def keep(folder: Path, *done: CompletedProcess[str]) -> None:
    printed = {"stdout": "".join(each.stdout for each in done), "stderr": "".join(each.stderr for each in done)}
    write_json(folder / "printed.json", printed)


def kept(folder: Path) -> Reproduced:
    printed = read_json(folder / "printed.json")
    return Reproduced(Checkout(folder / "checkout"), ran(printed["stdout"]), **printed)


@pytest.fixture(scope="session")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Reproduced:
    """A checkout after its first `dvc repro`. All test processes share it, so nothing may be run in it.

    What runs in a checkout needs `trained.checkout.copy(...)`. Beside it is `begun`, a copy from half-way, from which
    on all processes are cold; so are those of the stages before it in test_retraining.py.
    """

    def make(folder: Path) -> None:
        checkout = small_checkout(folder / "checkout")
        done = checkout.dvc("repro", "weights", "split")
        checkout.copy(folder / "begun")
        keep(folder, done, checkout.cold.dvc("repro"))
        checkout.commit("reproduced")

    return kept(made_once(tmp_path_factory, "trained", make))


@pytest.fixture(scope="session")
def padded(trained: Reproduced, tmp_path_factory: pytest.TempPathFactory) -> Reproduced:
    """Another resize, trained in a copy while the tracking server was away. It is shared in the same way."""

    def make(folder: Path) -> None:
        copy = trained.checkout.copy(folder / "checkout")
        copy.set_params(resize="pad")
        address = f"http://me:secret@127.0.0.1:{free_port()}"
        away = copy.with_variables(MLFLOW_TRACKING_URI=address, MLFLOW_HTTP_REQUEST_MAX_RETRIES="1")
        keep(folder, away.cold.dvc("repro", "train"), away.dvc("repro"))  # what started a training is recorded

    return kept(made_once(tmp_path_factory, "padded", make))


@pytest.fixture(scope="session")
def begun(trained: Reproduced) -> Checkout:
    """What became the trained checkout, when it had its split and first weights. It is shared in the same way."""
    return Checkout(trained.checkout.root.with_name("begun"))


@pytest.fixture(scope="session")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Checkout:
    """A checkout with its split and first weights, from which sweeps start. It is shared in the same way."""

    def make(folder: Path) -> None:
        checkout = small_checkout(folder / "checkout")
        checkout.dvc("repro", "split", "weights")
        checkout.commit("prepared")

    return Checkout(made_once(tmp_path_factory, "prepared", make) / "checkout")


@pytest.fixture
def copy(trained: Reproduced, tmp_path: Path) -> Checkout:
    """A copy of the trained checkout that a test may change."""
    return trained.checkout.copy(tmp_path / "checkout")
