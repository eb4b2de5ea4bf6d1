"""Mapping a function over pictures on all cores, in order, with progress."""

import multiprocessing
import os
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor, ThreadPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path
from types import ModuleType
from typing import TypeVar

import psutil

from fieldguide.base.errors import UserError
from fieldguide.base.interruption import ctrl_c_waits
from fieldguide.base.progress import progress

Item = TypeVar("Item")
Result = TypeVar("Result")
PATIENCE = 1.0  # seconds that a process takes to start and to warm up: none is started to save less than twice as much
MEMORY = 2 * 2**30  # bytes of the machine for each worker: what the largest picture takes, and room for the rest
CONTAINER_LIMITS = (Path("/sys/fs/cgroup/memory.max"), Path("/sys/fs/cgroup/memory/memory.limit_in_bytes"))

_one_core: ContextVar[bool] = ContextVar("one_core", default=False)
_starting = threading.Lock()  # two threads would put back what the other has taken away


@contextmanager
def on_one_core() -> Iterator[None]:
    """Within it this thread's work takes one core, since others of its kind run beside it."""
    before = _one_core.set(True)
    try:
        yield
    finally:
        _one_core.reset(before)


def usable_cores() -> int:
    """The number of cores that this process may use (a container may allow fewer than the machine has)."""
    if _one_core.get():
        return 1
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def usable_workers() -> int:
    """How many pictures may be open at a time: one per usable core, as far as the memory (or the container's) goes."""
    memory = psutil.virtual_memory().total
    for file in CONTAINER_LIMITS:
        if file.is_file() and (limit := file.read_text(encoding="ascii").strip()).isdigit():
            memory = min(memory, int(limit))
    return max(1, min(usable_cores(), memory // MEMORY))


def map_threads(
    function: Callable[[Item], Result], items: Iterable[Item], threads: int | None = None
) -> Iterator[Result]:
    """The results of `function` on every item, in the items' order, whatever the number of threads.

    For work that leaves Python to others meanwhile: decoding, resizing, networks. Items are taken, and worked on, only
    a few ahead of the results that are asked for. By default there are as many threads as usable cores.
    """
    threads = threads or usable_cores()
    if threads == 1:
        yield from map(function, items)
        return
    waiting: deque[Future[Result]] = deque()
    with ThreadPoolExecutor(threads) as pool:
        try:
            for item in items:
                waiting.append(pool.submit(function, item))
                if len(waiting) > 2 * threads:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            for future in waiting:
                future.cancel()


def _leave_with_parent() -> None:
    """Pool workers outlive a parent that was killed, and would go on writing: watch it and leave at once."""
    parent = multiprocessing.parent_process()

    def watch() -> None:
        if parent is not None:
            parent.join()
            os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


def map_processes(
    function: Callable[[Item], Result],
    items: Sequence[Item],
    description: str,
    processes: int | None = None,
    lost: Callable[[Item], Result] | None = None,
) -> list[Result]:
    """Call `function` on every item and return the results in the items' order, whatever the number of processes.

    Parameters
    ----------
    function
        A module-level function; it must return its failures, since an exception ends the whole map.
    items
        What to call it on; items and results must be picklable.
    description
        What is being done, for the progress.
    processes
        At most this many processes. By default `usable_workers`, but only for what is left after a quarter of
        `PATIENCE`, and if they save twice that. One alone saves nothing: it is started only where something is said of
        what is `lost`.
    lost
        What to return for an item whose process ends (the system kills what takes too much memory), also when the item
        is tried once more and alone.

    Raises
    ------
    UserError
        If a process ends and nothing is said of what is `lost`.
    """
    results = _results(function, items, processes, lost)
    return list(progress(results, description, len(items)))


def _results(
    function: Callable[[Item], Result],
    items: Sequence[Item],
    processes: int | None,
    lost: Callable[[Item], Result] | None,
) -> Iterator[Result]:
    start, workers = time.monotonic(), processes or usable_workers()
    useful = workers > 1 or lost is not None
    warm, done = start, 0  # `warm`: since the second; for the first much may have been imported
    while done < len(items) and processes is None:
        now, left = time.monotonic(), len(items) - done
        saved = (now - warm) / max(done - 1, 1) * left * (1 - 1 / max(workers, 2))
        if useful and now - start >= PATIENCE / 4 and saved >= 2 * PATIENCE:
            break
        warm = now if done == 1 else warm
        yield function(items[done])
        done += 1
    if rest := items[done:]:
        yield from _in_processes(function, rest, min(workers, len(rest)), lost)


def _in_processes(
    function: Callable[[Item], Result], items: Sequence[Item], processes: int, lost: Callable[[Item], Result] | None
) -> Iterator[Result]:
    """All at a time; where a process ends, it is not known over which item, and those next in turn go one by one."""
    chunk = max(1, min(16, len(items) // (processes * 32)))  # small enough that they end together
    done = 0
    while done < len(items):
        try:
            with _pool(processes) as pool:
                with ctrl_c_waits(), _alone():  # the processes start here
                    results = pool.map(function, items[done:], chunksize=chunk)
                for result in results:
                    yield result
                    done += 1
        except BrokenProcessPool:
            suspects = items[done : done + processes * chunk]
            yield from _one_by_one(function, suspects, lost)
            done += len(suspects)


def _one_by_one(
    function: Callable[[Item], Result], items: Sequence[Item], lost: Callable[[Item], Result] | None
) -> Iterator[Result]:
    done = 0
    while done < len(items):
        try:
            with _pool(1) as pool:
                while done < len(items):
                    with ctrl_c_waits(), _alone():
                        future = pool.submit(function, items[done])
                    yield future.result()
                    done += 1
        except BrokenProcessPool:
            if lost is None:
                raise UserError(
                    f"the system ended the process that worked on {items[done]}, also when it was tried alone: "
                    "there may be too little memory"
                ) from None
            yield lost(items[done])
            done += 1


@contextmanager
def _alone() -> Iterator[None]:
    """Processes that are started within it import what they call, and not the program that calls it.

    Python would run that program's own lines in each of them, but for what stands below `if __name__ == "__main__"`:
    imports of a second, or a person's whole script again; and one that is read from a pipe is not there to be run.
    """
    with _starting:
        program = sys.modules["__main__"]
        sys.modules["__main__"] = ModuleType("__main__")
        try:
            yield
        finally:
            sys.modules["__main__"] = program


def _pool(processes: int) -> ProcessPoolExecutor:
    return ProcessPoolExecutor(
        processes, mp_context=multiprocessing.get_context("spawn"), initializer=_leave_with_parent
    )
