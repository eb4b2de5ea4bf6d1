"""Mapping over processes."""

import os
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psutil
import pytest

from fieldguide.base.errors import UserError
from fieldguide.base.parallel import map_processes, usable_cores, usable_workers

CHECKOUT = Path(__file__).resolve().parents[2]  # not of conftest: every process that starts here imports this module


def slow_square(number: int) -> tuple[int, int]:
    time.sleep(0.02 * (number % 3 == 0))
    return number * number, os.getpid()


def refuse_seven(number: int) -> int:
    if number == 7:
        raise ValueError("seven")
    return number


@pytest.mark.slow
@pytest.mark.parametrize("processes", [1, 2])
def test_results_come_in_the_order_of_the_items(processes: int, capfd: pytest.CaptureFixture[str]) -> None:
    results = map_processes(slow_square, range(40), "test", processes)
    assert [square for square, _ in results] == [number * number for number in range(40)]
    assert len({worker for _, worker in results}) <= processes
    assert os.getpid() not in {worker for _, worker in results}
    assert capfd.readouterr() == ("", "")  # a progress bar is for terminals


def test_what_is_done_at_once_starts_no_process() -> None:
    results = map_processes(slow_square, range(6), "test")
    assert results == [(number * number, os.getpid()) for number in range(6)]


@pytest.mark.slow
def test_what_takes_longer_is_left_to_processes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("fieldguide.base.parallel.PATIENCE", 0.01)  # gone after the first item, which sleeps for longer
    squares, workers = zip(*map_processes(slow_square, range(20), "test"), strict=True)
    assert list(squares) == [number * number for number in range(20)]
    assert os.getpid() == workers[0] and os.getpid() not in workers[1:]


def test_on_one_core_no_process_is_started(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("fieldguide.base.parallel.PATIENCE", 0.01)
    monkeypatch.setattr("fieldguide.base.parallel.usable_cores", lambda: 1)
    assert map_processes(slow_square, range(20), "test") == [(number * number, os.getpid()) for number in range(20)]


@pytest.mark.slow
def test_on_one_core_a_process_is_started_where_its_end_costs_an_item_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("fieldguide.base.parallel.PATIENCE", 0.01)
    monkeypatch.setattr("fieldguide.base.parallel.usable_cores", lambda: 1)
    found = map_processes(sleep_then_die_at_seven, range(20), "test", lost=minus)
    assert found == [-number if number == 7 else number for number in range(20)]


PROGRAM = """
print("once")
import math
from fieldguide.base.parallel import map_processes
print(map_processes(math.sqrt, [4.0, 9.0], "test", 2))
"""


@pytest.mark.slow
@pytest.mark.parametrize("is_file", [True, False])
def test_processes_do_not_run_the_program_that_starts_them(tmp_path: Path, is_file: bool) -> None:
    program = tmp_path / "program.py"
    program.write_text(PROGRAM, encoding="utf-8")
    environment = {**os.environ, "PYTHONPATH": str(CHECKOUT / "src")}
    command = [sys.executable, str(program) if is_file else "-"]
    done = subprocess.run(
        command, input=PROGRAM, env=environment, cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert (done.stdout, done.stderr, done.returncode) == ("once\n[2.0, 3.0]\n", "", 0)


@pytest.mark.slow
def test_threads_that_start_processes_leave_the_program_as_it_is() -> None:
    program = sys.modules["__main__"]
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda _: map_processes(abs, [-1, -2], "test", 1), range(8)))
    assert found == [[1, 2]] * 8
    assert sys.modules["__main__"] is program


def test_nothing_to_do() -> None:
    assert map_processes(slow_square, [], "test") == []


def test_an_exception_in_a_worker_is_not_swallowed() -> None:
    with pytest.raises(ValueError, match="seven"):
        map_processes(refuse_seven, range(10), "test", 1)


def die_at_seven(number: int) -> int:
    if number == 7:
        os.kill(os.getpid(), signal.SIGKILL)
    return number


def sleep_then_die_at_seven(number: int) -> int:
    time.sleep(0.02)
    return die_at_seven(number)


def minus(number: int) -> int:
    return -number


@pytest.mark.slow
@pytest.mark.parametrize("processes", [1, 2])
def test_a_process_that_the_system_ends_costs_its_item_alone(processes: int) -> None:
    found = map_processes(die_at_seven, range(40), "test", processes, lost=minus)
    assert found == [-number if number == 7 else number for number in range(40)]


@pytest.mark.slow
def test_where_nothing_stands_for_a_loss_one_line_tells_it() -> None:
    with pytest.raises(UserError, match="process that worked on 7"):
        map_processes(die_at_seven, range(10), "test", 1)


def test_no_more_pictures_are_open_at_a_time_than_the_container_has_memory_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    limit = tmp_path / "memory.max"
    monkeypatch.setattr("fieldguide.base.parallel.CONTAINER_LIMITS", (limit,))
    monkeypatch.setattr("fieldguide.base.parallel.usable_cores", lambda: 1000)
    limit.write_text("max\n")
    assert usable_workers() <= 1 + psutil.virtual_memory().total // 2**31
    limit.write_text(f"{4 * 2**30}\n")
    assert usable_workers() == 2
    limit.write_text("1000\n")
    assert usable_workers() == 1


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="needs Linux")
def test_only_the_cores_that_this_process_may_use_are_counted() -> None:
    allowed = os.sched_getaffinity(0)
    try:
        os.sched_setaffinity(0, {min(allowed)})
        assert usable_cores() == 1
    finally:
        os.sched_setaffinity(0, allowed)
    assert usable_cores() == len(allowed)


SLEEPER = """
import time
from fieldguide.base.parallel import map_processes
if __name__ == "__main__":
    print("started", flush=True)
    map_processes(time.sleep, [60, 60], "test", 2)
"""


def alive(process: psutil.Process) -> bool:
    return process.is_running() and process.status() != psutil.STATUS_ZOMBIE


def test_workers_leave_with_a_killed_parent(tmp_path: Path) -> None:
    (tmp_path / "sleeper.py").write_text(SLEEPER)
    environment = {**os.environ, "PYTHONPATH": str(CHECKOUT / "src")}
    parent = subprocess.Popen([sys.executable, "sleeper.py"], cwd=tmp_path, env=environment)
    deadline = time.monotonic() + 30
    workers: list[psutil.Process] = []
    while time.monotonic() < deadline and sum("spawn_main" in " ".join(w.cmdline()) for w in workers) < 2:
        time.sleep(0.1)
        workers = psutil.Process(parent.pid).children(recursive=True)
    time.sleep(1)  # until they sleep
    workers = psutil.Process(parent.pid).children(recursive=True)
    assert len(workers) >= 2
    parent.send_signal(signal.SIGKILL)
    parent.wait()
    while time.monotonic() < deadline and any(alive(worker) for worker in workers):
        time.sleep(0.1)
    assert not [worker for worker in workers if alive(worker)]
