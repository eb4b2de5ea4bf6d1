"""Jobs of a sweep as tasks of Ray: on a cluster of Ray's, or on this machine, where it ends with the sweep."""

import os
from collections.abc import Generator, Mapping, Sequence
from contextlib import ExitStack
from typing import Any

from fieldguide.base.cluster_address import reach
from fieldguide.base.clusters import RAY, check_installed, reached
from fieldguide.base.errors import UserError
from fieldguide.base.parallel import usable_cores
from fieldguide.base.progress import Progress
from fieldguide.base.ray_connection import check_ray_address, connect_to_ray, reason_of
from fieldguide.experiments.remote_jobs import RemoteJob

LAUNCHER = "hydra/launcher=ray"
MOMENT = 5.0  # seconds after which it is looked whether the cluster is still there
PROGRAMS = "PATH"  # where its workers look for those that a job calls


def run_on_ray(jobs: Sequence[RemoteJob], options: Mapping[str, Any]) -> Generator[tuple[int, str], None, None]:
    """An `Engine`: the jobs are tasks of Ray, which end if this ends before they do.

    Raises UserError if Ray is not installed, if nobody answers at the address or any more, or if no node has what a job
    needs.
    """
    _check_address(options["address"])
    check_installed(LAUNCHER, RAY)
    with ExitStack() as stack:
        ray = _connect(options["address"], stack)
        needs = {"num_cpus": options["cpus_per_task"], "num_gpus": options["gpus_per_task"]}
        _check_nodes(ray, needs)
        head = ray.get_runtime_context().gcs_address
        run = ray.remote(max_retries=0, **needs)(sweep_job)
        waiting = {run.remote(job): place for place, job in enumerate(jobs)}
        while waiting:
            ended, _ = ray.wait(list(waiting), timeout=MOMENT)
            for task in ended:
                yield waiting.pop(task), _reason(ray, task)
            if not ended:
                _check_head(head)


def sweep_job(job: RemoteJob) -> float:
    """The task; what Ray shows of it has its name."""
    return job()


def _check_address(address: str | None) -> None:
    try:
        if address is not None:
            check_ray_address(address)
    except ValueError as error:
        raise UserError(f"hydra.launcher.{error}") from None


def _connect(address: str | None, stack: ExitStack) -> Any:
    """Connected to a cluster, or to a Ray that is started on this machine, until the stack is closed."""
    variables = {PROGRAMS: os.environ[PROGRAMS]} if PROGRAMS in os.environ else {}
    own = {"num_cpus": usable_cores()}
    with reached(f"{LAUNCHER} ({address or 'on this machine'})", "leave it out"), Progress("connect to Ray"):
        return connect_to_ray(address, stack, own, variables)


def _check_head(address: str) -> None:
    """Raise UserError if the cluster is gone: Ray itself would wait for a minute, and then end this process."""
    try:
        reach(address)
    except OSError as error:
        raise UserError(f"{LAUNCHER}: the cluster went away ({error}): start it; the same command goes on") from None


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
        return f"Ray has lost it: {reason_of(error).partition('. ')[0]}"
    return ""
