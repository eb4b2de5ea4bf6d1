"""Connecting to the cluster of an engine, or starting one on this machine for as long as it is needed.

joblib's backends for the same libraries are not used: with that of Ray no result comes before the last one
(`return_as`), and there and with loky a worker that dies ends the whole map.
"""

import logging
from collections.abc import Callable, Iterator
from concurrent.futures import CancelledError
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from importlib.util import find_spec
from tempfile import TemporaryDirectory
from typing import Annotated, Any

from pydantic import ConfigDict, Field

from fieldguide.base.cluster_address import PATIENCE, check_address, reach
from fieldguide.base.errors import UserError, first_line
from fieldguide.base.interruption import ctrl_c_waits
from fieldguide.base.parallel import MEMORY, usable_workers
from fieldguide.base.ray_connection import check_ray_address, connect_to_ray, reason_of

LOCAL, RAY, DASK = "local", "ray", "dask"
LIBRARY = {RAY: "ray", DASK: "distributed"}
RETRIES = 3  # of a task whose worker died
DASK_SETTINGS = {
    "distributed.scheduler.allowed-failures": RETRIES,
    "distributed.worker.profile.enabled": False,  # looks at the worker a hundred times a second
    "distributed.admin.tick.interval": "1s",
    "distributed.admin.system-monitor.interval": "10s",  # half a second took half of what idle processes take
    # A worker that died is started again, but Dask gives it up for good if it is away 15 seconds later: a start takes
    # that long on a busy machine, and an item may kill one worker after the other.
    "distributed.deploy.lost-worker-timeout": "1000 days",
    # Workers would give memory back after each picture and ask for it again: a tenth of a network's time.
    "distributed.nanny.pre-spawn-environ.MALLOC_TRIM_THRESHOLD_": None,
}


@dataclass
class EngineConfig:
    """Who works on pictures: processes of this machine (`local`), or the workers of a Ray or Dask cluster.

    `address` is that of a cluster that is running, as its library writes it. Without one, `workers` are started on this
    machine while they are needed; null: as many as its cores and its memory allow.
    """

    __pydantic_config__ = ConfigDict(extra="forbid")
    kind: Annotated[str, Field(pattern=f"^({LOCAL}|{RAY}|{DASK})$")] = LOCAL
    address: str | None = None
    workers: Annotated[int | None, Field(ge=1, le=1024)] = None

    def __post_init__(self) -> None:
        """Raise ValueError where one setting would be ignored, or the address is none."""
        if self.kind == LOCAL and (self.address is not None or self.workers is not None):
            raise ValueError(f"kind {LOCAL} uses the cores of this machine: it has neither address nor workers")
        if self.address is None:
            return
        if self.workers is not None:
            raise ValueError("a cluster with an address has the workers that it has: set either address or workers")
        if self.kind == RAY:
            check_ray_address(self.address)
        else:
            check_address(self.address, schemes=("tcp", "tls"))


@dataclass(frozen=True)
class Cluster:
    """A connected cluster, and what its errors mean."""

    name: str
    submit: Callable[..., Any]  # a function and its arguments; gives what has a `result(timeout)`
    workers: Callable[[], int]  # how many tasks are worked on at a time, now
    lost: tuple[type[Exception], ...]  # a task's worker died, and so did those of its retries
    gone: tuple[type[Exception], ...]  # the cluster is not there any more
    unfit: tuple[type[Exception], ...] = (ImportError, AttributeError, RuntimeError)  # a worker could not begin a task
    reason: Callable[[Exception], str] = first_line  # what an error says


def check_installed(name: str, kind: str) -> None:
    """Raise UserError, which begins with the name, if the library of a cluster is missing."""
    if kind in LIBRARY and find_spec(LIBRARY[kind]) is None:
        raise UserError(f"{name} is not installed: pip install 'fieldguide[{kind}]'")


@contextmanager
def reached(name: str, otherwise: str) -> Iterator[None]:
    """Raise UserError if the cluster that is connected to in the block cannot be reached, or does not start."""
    try:
        yield
    except (OSError, RuntimeError, ValueError) as error:
        raise UserError(f"{name} cannot be reached ({first_line(error)}): start it, or {otherwise}") from None


def connect(engine: EngineConfig, stack: ExitStack) -> Cluster:
    """The cluster of an engine other than `local`, until the stack is closed.

    Raises UserError if it cannot be reached, or has no worker.
    """
    check_installed(f"engine {engine.kind}", engine.kind)
    name = f"engine {engine.kind} ({engine.address or 'workers of its own'})"
    with reached(name, f"set `engine: {LOCAL}`"):
        cluster = (_ray if engine.kind == RAY else _dask)(name, engine, stack)
    if not cluster.workers():
        raise UserError(f"{name} has no worker with {MEMORY / 2**30:.0f} GB of memory: start one")
    return cluster


def _ray(name: str, engine: EngineConfig, stack: ExitStack) -> Cluster:
    """Ray does a lost worker's tasks again by itself; it gives a machine no more tasks than it has memory for."""
    workers = engine.workers or usable_workers()
    ray = connect_to_ray(engine.address, stack, own={"num_cpus": workers, "_memory": workers * MEMORY})
    head = ray.get_runtime_context().gcs_address
    tasks: dict[Any, Any] = {}

    def submit(function: Callable[..., Any], *arguments: Any) -> Any:
        task = tasks.setdefault(function, ray.remote(num_cpus=1, memory=MEMORY, max_retries=RETRIES)(function))
        return task.remote(*arguments).future()

    def workers_now() -> int:
        reach(head)  # without it Ray would wait for a minute, and then end this process
        found = ray.cluster_resources()
        return int(min(found.get("CPU", 0), found.get("memory", 0) // MEMORY))

    lost = (ray.exceptions.WorkerCrashedError, ray.exceptions.OutOfMemoryError, ray.exceptions.NodeDiedError)
    unfit, gone = (*Cluster.unfit, ray.exceptions.RayTaskError), (ray.exceptions.RayError, OSError)
    return Cluster(name, submit, workers_now, lost, gone, unfit, reason_of)


def _dask(name: str, engine: EngineConfig, stack: ExitStack) -> Cluster:
    """Dask does a lost worker's tasks again by itself; its workers started here talk to nobody else (TLS)."""
    import dask
    from distributed import Client, KilledWorker, LocalCluster
    from distributed.security import Security

    stack.enter_context(dask.config.set(DASK_SETTINGS))
    for logger in ("distributed", "distributed.client"):  # what matters of it is told as a UserError
        logging.getLogger(logger).setLevel(logging.CRITICAL)
    if engine.address is None:
        folder = stack.enter_context(TemporaryDirectory(prefix="fieldguide-", ignore_cleanup_errors=True))
        stack.enter_context(dask.config.set({"temporary-directory": folder}))  # of the scheduler too
        with ctrl_c_waits():
            started = LocalCluster(
                n_workers=engine.workers or usable_workers(),
                threads_per_worker=1,
                memory_limit=None,
                dashboard_address=None,
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
