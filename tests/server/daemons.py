"""Processes that serve for as long as a test needs them, and can be killed and started anew."""

import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import urlopen

PATIENCE = 300  # seconds: the first start of MLflow makes its tables, half a minute on a quiet machine


@dataclass
class Daemon:
    """A process with its children, which can be killed and started anew; its output goes to NAME.log.

    `folder/pids` names it for run.sh, which ends what a killed test run has left.
    """

    name: str
    command: list[str]
    folder: Path
    environment: Mapping[str, str]
    answers: Callable[[], bool]
    process: subprocess.Popen[bytes] | None = None

    @property
    def log(self) -> Path:
        return self.folder / f"{self.name}.log"

    @property
    def pid_file(self) -> Path:
        return self.folder / "pids" / self.name

    def start(self) -> None:
        """Start it, and wait until it answers."""
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                self.command, cwd=self.folder, env=self.environment, stdout=log, stderr=log, start_new_session=True
            )
        self.pid_file.parent.mkdir(exist_ok=True)
        self.pid_file.write_text(str(self.process.pid), encoding="ascii")
        until = time.monotonic() + PATIENCE
        while not self.answers():
            assert self.process.poll() is None, f"{self.name} ended: {self.log.read_text()[-2000:]}"
            assert time.monotonic() < until, f"{self.name} does not answer: {self.log.read_text()[-2000:]}"
            time.sleep(0.2)

    def stop(self) -> None:
        """Let it end by itself: PostgreSQL then gives its shared memory back, which `kill -9` leaves behind."""
        if self.process is not None:
            os.killpg(self.process.pid, signal.SIGTERM)
            with suppress(subprocess.TimeoutExpired):
                self.process.wait(timeout=30)
            self.kill()

    def kill(self) -> None:
        """`kill -9` of the process and all that it started."""
        if self.process is not None:
            with suppress(ProcessLookupError):
                os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()
            self.process = None
            self.pid_file.unlink()


@contextmanager
def running(daemon: Daemon) -> Iterator[Daemon]:
    """The daemon, started; it ends with the block, also in a failed test."""
    try:
        daemon.start()
        yield daemon
    finally:
        daemon.stop()


def answers_at(address: str) -> Callable[[], bool]:
    """Whether something answers there, whatever it says."""

    def answers() -> bool:
        try:
            with urlopen(address, timeout=5):
                return True
        except HTTPError:
            return True
        except OSError:
            return False

    return answers
