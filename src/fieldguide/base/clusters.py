"""Connecting to the cluster of an engine, or starting one on this machine for as long as it is needed.

joblib's backends for the same libraries are not used: with that of Ray no result comes before the last one
(`return_as`), and there and with loky a worker that dies ends the whole map.
"""

import logging
import os
import secrets
import socket
import tempfile
from collections.abc import Callable
from concurrent.futures import CancelledError
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Annotated, Any

from pydantic import ConfigDict, Field

from fieldguide.base.errors import UserError, first_line
from fieldguide.base.interruption import ctrl_c_waits
from fieldguide.base.parallel import MEMORY, usable_workers

LOCAL, RAY, DASK = "local", "ray", "dask"
LIBRARY = {RAY: "ray", DASK: "distributed"}
PATIENCE = 30  # seconds to wait for a cluster, or for a worker where there is none
RETRIES = 3  # of a task whose worker died
DASK_SETTINGS = {
    "distributed.scheduler.allowed-failures": RETRIES,
    "distributed.worker.profile.enabled": False,  # looks at the worker a hundred times a second
    "distributed.admin.tick.interval": "1s",
}
OBJECTS = 2**28  # bytes that Ray sets aside for results


@dataclass
class EngineConfig:
    """Who works on pictures: processes of this machine (`local`), or the workers of a Ray or Dask cluster.

    `address` is that of a cluster that is running, as its library writes it. Without one, `workers` are started on this
    machine while they are needed; null: as many as its cores and its memory allow.
    """

    __pydantic_config__ = ConfigDict(extra="forbid")
    kind: Annotated[str, Field(pattern=f"^({LOCAL}|{RAY}|{DASK})$")] = LOCAL
    address: Annotated[str | None, Field(min_length=1)] = None
    workers: Annotated[int | None, Field(ge=1, le=1024)] = None


@dataclass(frozen=True)
class Cluster:
    """A connected cluster, and what its errors mean."""

    name: str
    submit: Callable[..., Any]  # a function and its arguments; gives what has a `result(timeout)`
    workers: Callable[[], int]  # how many tasks are worked on at a time, now
    lost: tuple[type[Exception], ...]  # a task's worker died, and so did those of its retries
    gone: tuple[type[Exception], ...]  # the cluster is not there any more


def check_installed(engine: EngineConfig) -> None:
    """Raise UserError if the engine's library is missing."""
    if engine.kind in LIBRARY and find_spec(LIBRARY[engine.kind]) is None:
        raise UserError(f"engine {engine.kind} is not installed: pip install 'fieldguide[{engine.kind}]'")


def connect(engine: EngineConfig, stack: ExitStack) -> Cluster:
    """The cluster of an engine other than `local`, until the stack is closed.

    Raises UserError if it cannot be reached, or has no worker.
    """
    check_installed(engine)
    name = f"engine {engine.kind} ({engine.address or 'workers of its own'})"
    try:
        cluster = (_ray if engine.kind == RAY else _dask)(name, engine, stack)
    except (OSError, RuntimeError, ValueError) as error:
        raise UserError(f"{name} cannot be reached ({first_line(error)}): start it, or set `engine: local`") from None
    if not cluster.workers():
        raise UserError(f"{name} has no worker with {MEMORY / 2**30:.0f} GB of memory: start one")
    return cluster


def _ray(name: str, engine: EngineConfig, stack: ExitStack) -> Cluster:
    """Ray does a lost worker's tasks again by itself; it gives a machine no more tasks than it has memory for."""
    if engine.address is None:  # else Ray would write a token to the home folder
        os.environ.setdefault("RAY_AUTH_TOKEN", secrets.token_hex(32))
    import ray
    from ray import exceptions
    from ray._private import worker

    settings: dict[str, Any] = {"log_to_driver": False, "logging_level": logging.CRITICAL}
    if engine.address is None:
        workers = engine.workers or usable_workers()
        settings |= {"num_cpus": workers, "_memory": workers * MEMORY, "object_store_memory": OBJECTS}
        settings |= {"_temp_dir": stack.enter_context(_folder(os.environ.get("RAY_TMPDIR", "/tmp")))}
        settings |= {"include_dashboard": False}
    elif not engine.address.startswith("auto"):
        _reach(engine.address)
    stack.callback(ray.shutdown)
    ray.init(engine.address or "local", **settings)
    worker._worker_logs_enabled = False  # else Ray tells of lost workers on stdout, among what a command prints
    head = ray.get_runtime_context().gcs_address
    tasks: dict[Any, Any] = {}

    def submit(function: Callable[..., Any], *arguments: Any) -> Any:
        task = tasks.setdefault(function, ray.remote(num_cpus=1, memory=MEMORY, max_retries=RETRIES)(function))
        return task.remote(*arguments).future()

    def workers_now() -> int:
        _reach(head)  # without it Ray would wait for a minute, and then end this process
        found = ray.cluster_resources()
        return int(min(found.get("CPU", 0), found.get("memory", 0) // MEMORY))

    lost = (exceptions.WorkerCrashedError, exceptions.OutOfMemoryError, exceptions.NodeDiedError)
    return Cluster(name, submit, workers_now, lost, (exceptions.RayError, OSError))


def _dask(name: str, engine: EngineConfig, stack: ExitStack) -> Cluster:
    """Dask does a lost worker's tasks again by itself; its workers started here talk to nobody else (TLS)."""
    import dask
    from distributed import Client, KilledWorker, LocalCluster
    from distributed.security import Security

    stack.enter_context(dask.config.set(DASK_SETTINGS))
    for logger in ("distributed", "distributed.client"):  # what matters of it is told as a UserError
        logging.getLogger(logger).setLevel(logging.CRITICAL)
    if engine.address is None:
        folder = stack.enter_context(_folder(None))
        with ctrl_c_waits():
            started = LocalCluster(
                n_workers=engine.workers or usable_workers(),
                threads_per_worker=1,
                memory_limit=None,
                dashboard_address=None,
                local_directory=folder,
                protocol="tls://",
                security=Security.temporary(),
                silence_logs=logging.CRITICAL,
            )
        client = stack.enter_context(Client(stack.enter_context(started)))
    else:
        client = stack.enter_context(Client(engine.address, timeout=PATIENCE))
        with suppress(TimeoutError):
            client.wait_for_workers(1, timeout=PATIENCE)

    def submit(function: Callable[..., Any], *arguments: Any) -> Any:
        return client.submit(function, *arguments, pure=False)

    return Cluster(name, submit, lambda: sum(client.nthreads().values()), (KilledWorker,), (CancelledError, OSError))


def _reach(address: str) -> None:
    """Raise OSError if nobody listens at HOST:PORT: Ray itself would try for minutes."""
    host, _, port = address.rpartition("/")[2].rpartition(":")
    socket.create_connection((host.strip("[]"), int(port)), timeout=PATIENCE).close()


def _folder(parent: str | None) -> tempfile.TemporaryDirectory[str]:
    """For logs and sockets, which have short paths; deleted with what is in it."""
    return tempfile.TemporaryDirectory(prefix="fieldguide-", dir=parent, ignore_cleanup_errors=True)
