"""What is said of a cluster that cannot be there, before any work; clusters themselves are in tests/engines/."""

import socket
import time
from contextlib import ExitStack
from typing import Any

import pytest

from conftest import CHECKOUT
from fieldguide.base import clusters
from fieldguide.base.cluster_address import reach
from fieldguide.base.clusters import DASK, LOCAL, RAY, EngineConfig, connect
from fieldguide.base.errors import UserError
from fieldguide.base.paths import Paths
from fieldguide.cli import main
from fieldguide.configuration.compose import compose
from fieldguide.experiments.ray_tasks import run_on_ray
from fieldguide.experiments.remote_jobs import RemoteJob, launch

NO_ADDRESSES = ["10.0.0.1", "10.0.0.1:", "10.0.0.1:head", "10.0.0.1:99999", ":6379", "::1:6379", "[::1]", "a b:1", ""]
FORMS = {RAY: "HOST:PORT, an IPv6 host in brackets, or auto", DASK: "tcp://HOST:PORT, an IPv6 host in brackets"}


@pytest.fixture
def installed(monkeypatch: pytest.MonkeyPatch) -> None:
    """As if the libraries were there: nothing of them is needed before somebody listens at the address."""
    monkeypatch.setattr(clusters, "find_spec", lambda name: object())


@pytest.fixture
def closed_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


def composed(kind: str, **values: Any) -> str:
    """What is said of an engine in params.yaml with these values."""
    with pytest.raises(UserError) as refused:
        compose(Paths(CHECKOUT), [f"engine={kind}", *(f"++engine.{key}={value}" for key, value in values.items())])
    return str(refused.value)


@pytest.mark.parametrize("kind", FORMS)
@pytest.mark.parametrize("address", [*NO_ADDRESSES, "http://10.0.0.1:6379", "ann:secret@10.0.0.1:6379"])
def test_what_is_no_address_is_refused(kind: str, address: str) -> None:
    with pytest.raises(ValueError, match="address must be ") as refused:
        EngineConfig(kind, address)
    assert str(refused.value) == f"address must be {FORMS[kind]} (given: {address!r})"


@pytest.mark.parametrize(
    ("kind", "address"),
    [
        *((RAY, address) for address in ("auto", "10.0.0.1:6379", "head.example.org:1", "[fe80::1%eth0]:65535")),
        *((DASK, address) for address in ("tcp://10.0.0.1:8786", "tls://[::1]:8786", "scheduler:8786")),
    ],
)
def test_addresses_as_the_libraries_write_them(kind: str, address: str) -> None:
    assert EngineConfig(kind, address).address == address


@pytest.mark.slow
def test_settings_that_would_be_ignored_are_refused_where_they_are_written() -> None:
    said = composed("ray", address="auto", workers=4)
    assert said.endswith("engine: a cluster with an address has the workers that it has: set either address or workers")
    said = composed("dask", address="nowhere")
    assert said.startswith("override ++engine.address=nowhere: engine: address must be tcp://HOST:PORT")
    for setting in ({"workers": 4}, {"address": "10.0.0.1:1"}):
        assert "engine: kind local uses the cores of this machine: it has neither" in composed(LOCAL, **setting)


def test_an_address_on_the_command_line() -> None:
    with pytest.raises(SystemExit) as end:
        main(["predict", "x.jpg", "--engine", "ray", "--engine-address", "10.0.0.1"])
    assert end.value.code == f"fieldguide: --engine-address must be {FORMS[RAY]} (given: '10.0.0.1')"


def test_where_nobody_listens_the_engine_says_so_at_once(installed: None, closed_port: int) -> None:
    began = time.monotonic()
    for host in ("127.0.0.1", "[::1]"):
        address = f"{host}:{closed_port}"
        with ExitStack() as stack, pytest.raises(UserError) as refused:
            connect(EngineConfig(RAY, address), stack)
        assert str(refused.value).startswith(f"engine ray ({address}) cannot be reached (")
        assert str(refused.value).endswith("): start it, or set `engine: local`")
    assert time.monotonic() - began < 30, "Ray itself would try for minutes"


def test_a_host_without_a_name_is_an_os_error() -> None:
    with pytest.raises(OSError, match=r"^[^\[]+$"):  # its words without its number
        reach("nobody.invalid:6379")


def test_a_sweep_says_the_same(installed: None, closed_port: int) -> None:
    jobs: list[RemoteJob] = []
    with pytest.raises(SystemExit) as end:
        launch(run_on_ray, jobs, {"address": "10.0.0.1", "cpus_per_task": 1, "gpus_per_task": 0})
    assert end.value.code == f"sweep: hydra.launcher.address must be {FORMS[RAY]} (given: '10.0.0.1')"
    address = f"127.0.0.1:{closed_port}"
    with pytest.raises(SystemExit) as end:
        launch(run_on_ray, jobs, {"address": address, "cpus_per_task": 1, "gpus_per_task": 0})
    reason = "cannot be reached (Connection refused): start it, or leave it out"
    assert end.value.code == f"sweep: hydra/launcher=ray ({address}) {reason}"


def test_a_library_that_is_missing_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clusters, "find_spec", lambda name: None)
    with pytest.raises(SystemExit) as end:
        launch(run_on_ray, [], {"address": None, "cpus_per_task": 1, "gpus_per_task": 0})
    assert end.value.code == "sweep: hydra/launcher=ray is not installed: pip install 'fieldguide[ray]'"
