"""What takes long says how far it is: a bar on a terminal, lines elsewhere, nothing for what is done at once."""

import io
import os
import re
import subprocess
import sys
import termios
import threading
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fieldguide.base import progress as module
from fieldguide.base.progress import LINE, Progress, duration, progress, relay

CODE = """
import time
from fieldguide.base import progress
progress.DELAY, progress.REDRAWN_EVERY, progress.LINE_EVERY = {delay}, 0.05, 0.05
with progress.Progress("outer"):
    for _ in progress.progress(range(4), "inner", unit="rounds"):
        time.sleep(0.1)
print("result")
"""


def on_a_terminal(code: str) -> str:
    """What a program writes to a terminal that is its stderr."""
    ours, theirs = os.openpty()
    termios.tcsetwinsize(theirs, (24, 100))
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), "TQDM_DISABLE": ""}
    process = subprocess.Popen([sys.executable, "-c", code], stderr=theirs, stdout=subprocess.PIPE, env=environment)
    os.close(theirs)
    shown = b""
    try:
        while piece := os.read(ours, 4096):
            shown += piece
    except OSError:  # Linux: the other end is closed
        pass
    os.close(ours)
    assert process.communicate()[0] == b"result\n"
    return shown.decode()


def test_a_terminal_shows_a_bar_with_the_time_left() -> None:
    shown = on_a_terminal(CODE.format(delay=0.01))
    assert re.search(r"inner: +\d+%.*\d/4 \[\d+:\d+<", shown)
    assert "4/4" in shown


def test_a_terminal_shows_nothing_of_what_is_done_at_once() -> None:
    assert on_a_terminal(CODE.format(delay=60)).strip() == ""


@contextmanager
def often() -> Iterator[io.StringIO]:
    """A stderr that is no terminal, on which lines come at once. In the test itself: pytest sets its own before it."""
    with pytest.MonkeyPatch.context() as patch, redirect_stderr(io.StringIO()) as stream:
        patch.setattr(module, "LINE_EVERY", 0.01)
        patch.delenv("TQDM_DISABLE", raising=False)
        yield stream


def wait_for(stream: io.StringIO, text: str) -> None:
    for _ in range(1000):
        if text in stream.getvalue():
            return
        threading.Event().wait(0.01)
    raise AssertionError(stream.getvalue())


def test_elsewhere_a_line_says_how_far_it_is_and_how_long_it_will_take() -> None:
    with often() as stream:
        for number in progress(range(8), "count", unit="rounds"):
            if number == 2:
                wait_for(stream, "count: 2 of 8 rounds, about ")
    assert all(LINE.fullmatch(line) for line in stream.getvalue().splitlines())


def test_a_slow_start_does_not_count_for_the_rest(monkeypatch: pytest.MonkeyPatch) -> None:
    """The first of 1,000 took a minute, since processes had to start; each other takes a tenth of a second."""
    now = [0.0]
    monkeypatch.setattr("fieldguide.base.progress.time.monotonic", lambda: now[0])
    monkeypatch.setenv("TQDM_DISABLE", "1")
    with Progress("look", 1000) as shown:
        assert shown.line() == "look: 0 of 1000 pictures, about an unknown time left"
        now[0] = 60.0
        shown.update()
        assert shown.line() == "look: 1 of 1000 pictures, about an unknown time left"
        for _ in range(10):
            now[0] += 0.1
            shown.update()
        assert shown.line() == f"look: 11 of 1000 pictures, about {duration(98.9)} left"


def test_the_innermost_task_is_shown_also_while_nothing_moves() -> None:
    with often() as stream, Progress("outer"):
        with Progress("inner", 3, "folds"):
            wait_for(stream, "inner: 0 of 3 folds, about an unknown time left")
            before = stream.getvalue().count("outer")
            wait_for(stream, "inner")
        assert stream.getvalue().count("outer") == before
        wait_for(stream, "outer: working for ")


def test_an_error_ends_it() -> None:
    """And what it left open within: fastai ends no bar of a training that fails."""
    before = list(module._shown)  # what other tests of this process have left open
    with pytest.raises(ZeroDivisionError), Progress("fails"):
        Progress("left open", 3)
        raise ZeroDivisionError
    assert module._shown == before


@given(st.floats(0, 1e6))
def test_durations_are_read_as_what_they_are(seconds: float) -> None:
    found = {unit: int(number) for number, unit in re.findall(r"(\d+) (s|min|h)", duration(seconds))}
    read = found.get("h", 0) * 3600 + found.get("min", 0) * 60 + found.get("s", 0)
    assert abs(read - seconds) <= max(0.5, 30)


def test_a_log_passes_on_the_stages_and_their_progress_alone(tmp_path: Path) -> None:
    log = tmp_path / "log.txt"
    log.write_text("train: 1 of 2 batches, about 3 s left\n")
    pass_on = relay(log, log.stat().st_size, "retrain")
    with often() as stream, log.open("a") as file:
        pass_on()
        assert stream.getvalue() == ""
        file.write("Running stage 'train':\n> python -m x\ntrain: 2 of 9 batches, about 7 min left\ntrain: 3 of 9 ba")
        file.flush()
        pass_on()
        file.write("tches, about 6 min left\nepoch 1/3: done\n")
        file.flush()
        pass_on()
    assert stream.getvalue().splitlines() == [
        "retrain: stage train",
        "retrain: train: 2 of 9 batches, about 7 min left",
        "retrain: train: 3 of 9 batches, about 6 min left",
    ]
