"""What a killed process leaves beside its outputs, found and removed also where the same work is never done again.

A run that DVC restores from its cache starts no stage, so the stage that was killed does not tidy up after itself.
"""

import os
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from fieldguide.base.paths import Paths

try:
    import fcntl
except ImportError:  # Windows: only the age tells
    fcntl = None  # type: ignore[assignment]

OLD = 3600  # seconds without a change: nothing takes so long to write one file


@contextmanager
def in_use(folder: Path) -> Iterator[None]:
    """Say that a process writes this folder, until the block ends or the process does."""
    if fcntl is None:
        yield
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        with suppress(OSError):  # a network drive without locks
            fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


def remove_leftovers(paths: Paths) -> None:
    """Delete half-written files and folders among the results of a root that no process writes any more.

    What cannot be deleted stays. A data set that `fieldguide add` was fetching waits in data/sources for the next call.
    """
    data, reports = paths.raw.parent, paths.overview.parent
    places = [data, paths.classifier.parent, paths.backtests, paths.versions, paths.state, reports]
    places += [report for report in reports.glob("*") if report.is_dir()]
    for place in dict.fromkeys(places):
        for partial in place.glob(".*.partial"):
            if _is_abandoned(partial):
                _delete(partial)
        for old in place.glob(".*.old"):
            if (old.parent / old.name[1:].removesuffix(".old")).exists() and _is_abandoned(old):
                _delete(old)  # else it is the only one there is: the next writer puts it back


def _is_abandoned(path: Path) -> bool:
    with suppress(OSError):
        if fcntl is not None and path.is_dir():
            handle = os.open(path, os.O_RDONLY)
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            finally:
                os.close(handle)
            return True
        return time.time() - path.stat().st_mtime > OLD
    return False  # somebody writes it, or has just renamed it


def _delete(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        with suppress(OSError):
            path.unlink()
