"""Jobs of a sweep as tasks of Ray: on a cluster of Ray's, or on this machine, where it ends with the sweep."""

import logging
import os
import secrets
import socket
from collections.abc import Generator, Mapping, Sequence
from contextlib import ExitStack
from tempfile import TemporaryDirectory
from typing import Any

from fieldguide.base.errors import UserError, first_line
from fieldguide.base.parallel import usable_cores
from fieldguide.base.progress import Progress
from fieldguide.experiments.remote_jobs import RemoteJob

OBJECTS = 100_000_000  # bytes of memory for what tasks exchange: a few settings
PYTHON = ("PATH", "PYTHONPATH")  # how its workers find this project


def run_on_ray(jobs: Sequence[RemoteJob], options: Mapping[str, Any]) -> Generator[tuple[int, str], None, None]:
    """An `Engine`: the jobs are tasks of Ray, which end if this ends before they do.

    Raises UserError if Ray is not installed, if there is none at the address, or if no node has what a job needs.
    """
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # before it is imported; it would ask, and keep the answer
    try:
        import ray
    except ModuleNotFoundError:
        raise UserError("hydra/launcher=ray: it needs Ray: pip install 'fieldguide[ray]'") from None
    with ExitStack() as stack:
        _connect(ray, options["address"], stack)
        needs = {"num_cpus": options["cpus_per_task"], "num_gpus": options["gpus_per_task"]}
        _check_nodes(ray, needs)
        run = ray.remote(max_retries=0, **needs)(sweep_job)
        waiting = {run.remote(job): place for place, job in enumerate(jobs)}
        while waiting:
            (done,), _ = ray.wait(list(waiting))
            yield waiting.pop(done), _reason(ray, done)


def sweep_job(job: RemoteJob) -> float:
    """The task; what Ray shows of it has its name."""
    return job()


def _connect(ray: Any, address: str | None, stack: ExitStack) -> None:
    """Connect to a cluster, or start Ray on this machine in a folder that is deleted in the end."""
    variables = {name: os.environ[name] for name in PYTHON if name in os.environ}
    about: dict[str, Any] = {"log_to_driver": False, "logging_level": logging.ERROR}
    if address is None:
        os.environ.setdefault("RAY_AUTH_TOKEN", secrets.token_hex(32))  # else it keeps one in the user's home
        folder = stack.enter_context(TemporaryDirectory(prefix="ray-", ignore_cleanup_errors=True))
        own = {"num_cpus": usable_cores(), "object_store_memory": OBJECTS, "_temp_dir": folder}
        about |= {"address": "local", "include_dashboard": False, **own}
    else:
        _check_address(address)
        about["address"] = address
    stack.callback(ray.shutdown)
    try:
        with Progress("connect to Ray"):
            ray.init(runtime_env={"env_vars": variables}, **about)
    except (ConnectionError, ValueError, RuntimeError) as error:
        raise UserError(f"hydra/launcher=ray: no Ray at {address or 'this machine'}: {first_line(error)}") from None


def _check_address(address: str) -> None:
    """Ray itself tries for minutes."""
    host, _, port = address.rpartition("//")[2].rpartition(":")
    if port.isdecimal():
        try:
            socket.create_connection((host, int(port)), timeout=10).close()
        except OSError as error:
            raise UserError(f"hydra/launcher=ray: no Ray at {address}: {error.strerror or error}") from None


def _check_nodes(ray: Any, needs: Mapping[str, float]) -> None:
    """A task that no node can run would wait for one without a word."""
    nodes = [node["Resources"] for node in ray.nodes() if node["Alive"]]
    most = {"num_cpus": "CPU", "num_gpus": "GPU"}
    for need, resource in most.items():
        there = max((node.get(resource, 0) for node in nodes), default=0)
        if needs[need] > there:
            option = need.replace("num_", "") + "_per_task"
            raise UserError(
                f"hydra.launcher.{option}={needs[need]:g}: no node of the Ray cluster has so many (the most: {there:g})"
            )


def _reason(ray: Any, done: Any) -> str:
    """Why a task has ended without a result, in a line; "" if it has one."""
    try:
        ray.get(done)
    except ray.exceptions.WorkerCrashedError:
        return "the process of Ray that ran it was lost: it was killed, or the memory of its node was not enough"
    except ray.exceptions.RayError as error:
        return f"Ray has lost it: {first_line(error).partition('. ')[0]}"
    return ""
