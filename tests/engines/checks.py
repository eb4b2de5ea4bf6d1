"""What holds for every engine that is a cluster; the tests of each call these."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import psutil

from conftest import CHECKOUT
from engines.checkout import choose, forget, rebuilt, stage, started, written

HERE = Path(__file__).parent


def wait_until_somebody_listens(port: int) -> None:
    """At most a minute."""
    end = time.monotonic() + 60
    while time.monotonic() < end:
        with socket.socket() as trial:
            if trial.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.5)


def gives_the_same_bytes(root: Path, engine: str) -> None:
    """clean, frozen features and screen, with hostile files among the pictures."""
    choose(root, "local")
    expected = rebuilt(root, "clean", "screen")
    assert len(expected) > 150 and "data/screen.parquet" in expected
    choose(root, engine, workers=2)
    assert rebuilt(root, "clean", "screen") == expected


def does_the_work_of_a_killed_worker_again(
    root: Path, engine: str, is_worker: Callable[[psutil.Process], bool]
) -> None:
    """A worker is killed while `clean` is under way."""
    choose(root, "local")
    expected = rebuilt(root, "clean")
    choose(root, engine, workers=2)
    forget(root)
    process = started(root, "clean")
    victim = None
    while process.poll() is None and victim is None:
        time.sleep(0.2)
        if list((root / ".fieldguide").rglob("cleaned/*/*/*")):  # the first pictures are done
            victim = next((one for one in psutil.Process(process.pid).children(recursive=True) if is_worker(one)), None)
    assert victim is not None, process.communicate()[1]
    victim.send_signal(signal.SIGKILL)
    _, said = process.communicate(timeout=600)
    assert process.returncode == 0, said
    assert written(root) == expected


def loses_one_item_alone(engine: str) -> None:
    """The item that kills every worker is lost, no other; what is raised comes as it is."""
    environment = {**os.environ, "PYTHONPATH": str(CHECKOUT / "src")}
    command = [sys.executable, str(HERE / "work.py"), engine]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=600)
    assert done.stdout.splitlines() == ["[77] -77", "UserError: five is refused"], done.stderr


def is_one_line_where_nobody_listens(root: Path, engine: str, address: str) -> None:
    """The cluster is away; the next call goes on."""
    choose(root, "local")
    expected = rebuilt(root, "clean")
    choose(root, engine, address=address)
    forget(root)
    failed = stage(root, "clean")
    assert failed.returncode == 1
    told = [line for line in failed.stderr.splitlines() if line.startswith("clean: engine")]
    assert len(told) == 1, failed.stderr
    [line] = told
    assert line.startswith(f"clean: engine {engine} ({address}) cannot be reached") and "Traceback" not in failed.stderr
    assert (root / "data" / "clean.parquet").exists()  # the old results are there
    choose(root, "local")
    assert rebuilt(root, "clean") == expected


def is_one_line_where_it_goes_away(
    root: Path, engine: str, address: str, start: Callable[[], None], end: Callable[[], None]
) -> None:
    """The cluster ends while `clean` is under way, and is started again."""
    choose(root, "local")
    expected = rebuilt(root, "clean")
    choose(root, engine, address=address)
    start()
    try:
        forget(root)
        process = started(root, "clean")
        while process.poll() is None and not list((root / ".fieldguide").rglob("cleaned/*/*/*")):
            time.sleep(0.2)
        assert process.poll() is None, process.communicate()[1]
    finally:
        end()
    _, said = process.communicate(timeout=300)
    assert process.returncode == 1 and "Traceback" not in said
    assert len([line for line in said.splitlines() if line.startswith("clean: engine")]) == 1, said
    start()
    try:
        done = stage(root, "clean")
    finally:
        end()
    assert done.returncode == 0, done.stderr
    assert written(root) == expected
