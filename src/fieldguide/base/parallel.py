"""Mapping a function over pictures on all cores, in order, with progress."""

import multiprocessing
import os
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from typing import TypeVar

from tqdm import tqdm

Item = TypeVar("Item")
Result = TypeVar("Result")
PATIENCE = 1.0  # seconds of work for which no other process is started


def usable_cores() -> int:
    """The number of cores that this process may use (a container may allow fewer than the machine has)."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _leave_with_parent() -> None:
    """Pool workers outlive a parent that was killed, and would go on writing: watch it and leave at once."""
    parent = multiprocessing.parent_process()

    def watch() -> None:
        if parent is not None:
            parent.join()
            os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


def map_processes(
    function: Callable[[Item], Result], items: Sequence[Item], description: str, processes: int | None = None
) -> list[Result]:
    """Call `function` on every item and return the results in the items' order, whatever the number of processes.

    Parameters
    ----------
    function
        A module-level function; it must return its failures, since an exception ends the whole map.
    items
        What to call it on; items and results must be picklable.
    description
        The word before the progress bar, which is shown on a terminal only.
    processes
        At most this many processes. By default one per usable core, but only for what is left after the first
        `PATIENCE` seconds, since a process takes about as long to start.
    """
    results = _results(function, items, processes)
    return list(tqdm(results, total=len(items), desc=description, unit="picture", disable=None))


def _results(function: Callable[[Item], Result], items: Sequence[Item], processes: int | None) -> Iterator[Result]:
    end = time.monotonic() + (PATIENCE if processes is None else 0)
    done = 0
    while done < len(items) and time.monotonic() < end:
        yield function(items[done])
        done += 1
    if rest := items[done:]:
        yield from _in_processes(function, rest, min(processes or usable_cores(), len(rest)))


def _in_processes(function: Callable[[Item], Result], items: Sequence[Item], processes: int) -> Iterator[Result]:
    with ProcessPoolExecutor(
        processes, mp_context=multiprocessing.get_context("spawn"), initializer=_leave_with_parent
    ) as pool:
        yield from pool.map(function, items, chunksize=max(1, min(16, len(items) // (processes * 4))))
