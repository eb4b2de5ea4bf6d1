"""The lock that allows one job at a time in a checkout."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from fieldguide.base.errors import UserError

BUSY = os.EX_TEMPFAIL  # the exit code 75 of sysexits.h: try again later


class AnotherJob(UserError):
    """A job is already running; the command exits with the code BUSY."""


@contextmanager
def job_lock(folder: Path, wait: bool) -> Iterator[None]:
    """Hold the lock of a checkout's jobs, kept in `folder`; raise AnotherJob if it is taken, unless `wait`.

    It is a lock of the operating system (flock), which goes with the process that holds it, however that ends.
    """
    folder.mkdir(parents=True, exist_ok=True)
    try:
        with FileLock(folder / "lock", timeout=-1 if wait else 0):
            yield
    except Timeout:
        raise AnotherJob("another retraining is running in this checkout: try again later, or use `--wait`") from None
