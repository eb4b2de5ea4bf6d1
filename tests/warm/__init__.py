"""Commands in processes of their own that start with the libraries imported.

Importing PyTorch, MLflow, DVC and Great Expectations takes seconds, and a test that runs `dvc repro` starts a dozen
processes. Here a process imports these libraries, and forks for each command; a small one does so for DVC alone. A
command is a process as always: it has its own arguments, folder, environment, streams and exit code, and imports all of
fieldguide from the checkout in which it runs. What it is not is the child of who started it: tests that look for
processes, send signals, or ask which command a run is from use `Checkout.cold`.
"""

import fcntl
import os
import subprocess
import sys
from functools import cache
from pathlib import Path
from tempfile import gettempdir, mkdtemp
from typing import TextIO

from filelock import FileLock

from fieldguide.base.process import USAGE_REPORT_SWITCHES

HERE = Path(__file__).parent
PROGRAMS = ("python", "dvc", "fieldguide")
USERS = "users"  # a file that is locked by each process that uses them
FOREIGN = ("MLFLOW_", "DVC_", "GIT_", "PYTHON", "HYDRA_", "COVERAGE_")  # of whoever runs the tests


def own_environment() -> dict[str, str]:
    """The variables of this process, without those that would tell libraries of the commands something else."""
    return {name: value for name, value in os.environ.items() if not name.startswith(FOREIGN)}


@cache
def warm_programs() -> Path | None:
    """A folder of programs for the search path, which work until this process ends; None where none are possible.

    The test processes of one run share it.
    """
    if sys.platform != "linux":  # a process that has imported so much cannot be forked safely
        return None
    run = os.environ.get("PYTEST_XDIST_TESTRUNUID")
    folder = Path(gettempdir(), f"warm-{run}") if run else Path(mkdtemp(prefix="warm-"))
    folder.mkdir(mode=0o700, exist_ok=True)
    _used.append((folder / USERS).open("a"))
    fcntl.flock(_used[0], fcntl.LOCK_SH)  # until this process ends
    with FileLock(folder / "lock"):
        if not (folder / "dvc.socket").exists():
            _start(folder)
    return folder


def warm_python() -> str:
    """The program for `python -m` of fieldguide, DVC and MLflow; all else is done by Python as always.

    So is `python -c`, unless the variable WARM_CODE is set.
    """
    return str((warm_programs() or Path(sys.executable).parent) / "python")


_used: list[TextIO] = []


def _start(folder: Path) -> None:
    client = (HERE / "client.py").read_text(encoding="utf-8")
    for name in PROGRAMS:
        (folder / name).write_text(f"#!{sys.executable} -SE\n{client}", encoding="utf-8")
        (folder / name).chmod(0o755)
    command = [sys.executable, str(HERE / "server.py"), str(folder / USERS)]
    environment = {**own_environment(), **USAGE_REPORT_SWITCHES}
    nothing, pipe = subprocess.DEVNULL, subprocess.PIPE
    server = subprocess.Popen(command, env=environment, stdin=nothing, stdout=pipe, text=True, start_new_session=True)
    assert server.stdout
    with server.stdout as said:
        assert said.readline() == "ready\n"
