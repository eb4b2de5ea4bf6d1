"""Ctrl-C: one line that says what is kept, exit code 130, and no word from the processes that were started."""

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from types import TracebackType
from typing import Any

STOPPED = 128 + signal.SIGINT  # exit code, as shells give it
TERMINAL_HAS_TOLD = 2.0  # seconds after which a program that still runs is told to stop
LONG_ENOUGH = 30.0  # seconds in which it then cleans up


def stop_line(who: str, kept: str) -> str:
    """What a command or a stage says when it was stopped, in one line."""
    return f"{who}: stopped; {kept}"


def tell_in_one_line() -> None:
    """Let Ctrl-C be one line also where nobody catches it: while libraries are imported, before the work begins."""
    before = sys.excepthook

    def tell(kind: type[BaseException], error: BaseException, traceback: TracebackType | None) -> None:
        if issubclass(kind, KeyboardInterrupt):
            print(stop_line(Path(sys.argv[0]).stem, "it had not begun"), file=sys.stderr)
        else:
            before(kind, error, traceback)

    sys.excepthook = tell


@contextmanager
def ctrl_c_waits() -> Iterator[None]:
    """Ctrl-C waits until the block ends: for writes that belong together.

    Processes that are started in the block never see it: a terminal sends it to all processes at once, and each would
    print a traceback; the one that started them ends them.
    """
    came: list[int] = []
    handles = threading.current_thread() is threading.main_thread()  # no other thread is ever interrupted
    handler = signal.signal(signal.SIGINT, lambda number, _: came.append(number)) if handles else None
    inherited = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, inherited)
        if handles:
            signal.signal(signal.SIGINT, handler or signal.SIG_DFL)
    if came:
        raise KeyboardInterrupt


def run_to_its_end(
    command: Sequence[str], meanwhile: Callable[[], None] = lambda: None, **settings: Any
) -> "subprocess.CompletedProcess[Any]":
    """`subprocess.run(command, check=False)`, in which Ctrl-C stops the program and waits until it has cleaned up.

    Python's own kills it after a quarter of a second: DVC and git would leave locks and half of what they write.
    `meanwhile` is called every second, and once at the end.
    """
    with subprocess.Popen(command, **settings) as process:
        try:
            stdout, stderr = _communicate(process, meanwhile)
        except KeyboardInterrupt:
            try:
                _stop(process)
            except KeyboardInterrupt:
                process.kill()
            raise
    return subprocess.CompletedProcess(command, process.returncode, stdout, stderr)


def _communicate(process: "subprocess.Popen[Any]", meanwhile: Callable[[], None]) -> tuple[Any, Any]:
    while True:
        try:
            said = process.communicate(timeout=1)
        except subprocess.TimeoutExpired:
            meanwhile()
        else:
            meanwhile()
            return said


def _stop(process: "subprocess.Popen[Any]") -> None:
    """Wait until a program has ended; where a terminal has not told it to stop, it is told here, and its children."""
    import psutil

    with suppress(subprocess.TimeoutExpired):
        process.wait(TERMINAL_HAS_TOLD)
        return
    group = os.getpgrp()
    for each in [psutil.Process(process.pid), *psutil.Process(process.pid).children(recursive=True)]:
        with suppress(psutil.Error, ProcessLookupError):
            if os.getpgid(each.pid) == group:  # what has a session of its own ends by itself
                each.send_signal(signal.SIGINT)
    with suppress(subprocess.TimeoutExpired):
        process.wait(LONG_ENOUGH)
        return
    process.kill()
