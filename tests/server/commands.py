"""Commands of several people at a time, and what they print."""

import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass

from pipeline.checkout import Checkout

PRINTED: list[str] = []  # all that any command printed: no secret may be in it


@dataclass(frozen=True)
class Ended:
    """How a command ended."""

    code: int
    stdout: str
    stderr: str

    @property
    def line(self) -> str:
        """The one line on stderr, of a command that failed."""
        assert self.code == 1, (self.code, self.stdout, self.stderr)
        (line,) = self.stderr.splitlines()
        return line


def begun(checkout: Checkout, *command: str) -> subprocess.Popen[str]:
    """A command that runs on by itself."""
    pipe = subprocess.PIPE
    return subprocess.Popen(
        command,
        cwd=checkout.root,
        env={**checkout.environment, "TQDM_DISABLE": "1"},
        stdout=pipe,
        stderr=pipe,
        text=True,
    )


def ended(process: subprocess.Popen[str]) -> Ended:
    """Wait for a command that was begun."""
    stdout, stderr = process.communicate(timeout=1800)
    PRINTED.extend([stdout, stderr])
    return Ended(process.returncode, stdout, stderr)


def done(checkout: Checkout, *command: str) -> str:
    """Run a command that succeeds, however long it takes on a busy machine; what it prints."""
    end = ended(begun(checkout, *command))
    assert end.code == 0, (command, end)
    return end.stdout


def at_once(*commands: tuple[Checkout, str]) -> list[Ended]:
    """`fieldguide WORD` in several checkouts at the same time."""
    return [ended(one) for one in [begun(checkout, "fieldguide", word) for checkout, word in commands]]


def sync(checkout: Checkout) -> Ended:
    """`fieldguide sync`."""
    return ended(begun(checkout, "fieldguide", "sync"))


def wait_until(true: Callable[[], bool], process: subprocess.Popen[str] | None = None) -> None:
    """Wait for something to be true while a command runs; fails if the command ends before."""
    for _ in range(6000):
        if true():
            return
        if process is not None:
            assert process.poll() is None, ended(process)
        time.sleep(0.05)
    raise AssertionError("it did not come to that")
