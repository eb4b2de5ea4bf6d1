"""Ctrl-C: one line that says what is kept, exit code 130, nothing half-written, no word from other processes."""

import os
import re
import shlex
import signal
import subprocess
import sys
import time
from itertools import chain
from pathlib import Path

import psutil
import pytest

from conftest import commands, run_command, run_python
from fieldguide.base import interruption, runner
from fieldguide.base.config import Config
from fieldguide.base.interruption import STOPPED, ctrl_c_waits, run_to_its_end
from fieldguide.base.paths import Paths
from fieldguide.data import track
from fieldguide.release.publish import command as publishing

pytestmark = pytest.mark.slow

MANY_PROCESSES = """
import sys, time
from fieldguide.base import parallel
from fieldguide.base.process import start_process
start_process()
parallel.PATIENCE = 0
try:
    parallel.map_processes(time.sleep, [0.03] * 10_000, "sleep", 2)
except KeyboardInterrupt:
    sys.exit(130)
"""
CLEANS_UP = """
import pathlib, sys, time
pathlib.Path("begun").touch()
try:
    time.sleep(60)
except KeyboardInterrupt:
    time.sleep(0.2)
    pathlib.Path("cleaned").touch()
"""


def examples(command: str) -> list[list[str]]:
    """The examples in a command's help, as words."""
    text = run_command(command, "--help", cwd=Path.cwd()).stdout.partition("examples:\n")[2].partition("\n\n")[0]
    lines = [re.split(r"  +| [|>] | && ", line.strip())[0] for line in text.splitlines() if "| fieldguide" not in line]
    return [shlex.split(line)[1:] for line in lines if line.startswith("fieldguide ") and "-help" not in line]


def test_every_command_says_in_one_line_what_is_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    every = {command: examples(command) for command in commands() if command != "completion"}  # which ends at once
    assert all(every.values())

    def interrupted(*_: object) -> Path:
        raise KeyboardInterrupt

    for words in chain.from_iterable(every.values()):
        with monkeypatch.context() as patch:
            patch.setattr(Path, "cwd", interrupted)
            patch.setattr(publishing, "check_space", interrupted)  # which needs no checkout
            done = run_command(*words, cwd=tmp_path)
        assert (done.returncode, done.stdout) == (STOPPED, ""), words
        assert re.fullmatch(r"(fieldguide|sweep): stopped; .+\n", done.stderr), words
    assert list(tmp_path.iterdir()) == []


def test_so_does_a_stage(checkout: Paths, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    def interrupted(cfg: Config, paths: Paths) -> runner.Metrics:
        raise KeyboardInterrupt

    monkeypatch.chdir(checkout.root)
    with pytest.raises(SystemExit) as end:
        runner.main(interrupted)
    assert end.value.code == STOPPED
    said = f"{Path(__file__).stem}: stopped; what is complete is kept, and `dvc repro` resumes\n"
    assert capsys.readouterr().err == said, "a stage is named as its file is"
    assert not (checkout.root / "reports").exists()


def test_so_does_what_is_stopped_while_libraries_are_imported(tmp_path: Path) -> None:
    done = run_python("-c", "import fieldguide.base.runner; raise KeyboardInterrupt", cwd=tmp_path)
    assert (done.returncode, done.stderr) == (-signal.SIGINT, "-c: stopped; it had not begun\n")


@pytest.mark.slow
def test_worker_processes_say_nothing_and_end(tmp_path: Path) -> None:
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    started = subprocess.Popen(
        [sys.executable, "-c", MANY_PROCESSES],
        cwd=tmp_path,
        env=environment,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    workers: list[psutil.Process] = []
    while len(workers) < 2:  # and the one that watches over shared memory
        assert started.poll() is None
        workers = [one for one in psutil.Process(started.pid).children() if "spawn_main" in " ".join(one.cmdline())]
        time.sleep(0.05)
    os.killpg(started.pid, signal.SIGINT)  # as a terminal does
    _, said = started.communicate(timeout=120)
    assert (started.returncode, said) == (STOPPED, "")
    psutil.wait_procs(workers, timeout=60)
    assert not any(one.is_running() and one.status() != psutil.STATUS_ZOMBIE for one in workers)


def test_a_program_that_was_started_cleans_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also where this process alone is told to stop."""
    monkeypatch.setattr(interruption, "TERMINAL_HAS_TOLD", 0.2)

    def stop() -> None:
        if (tmp_path / "begun").exists():
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run_to_its_end([sys.executable, "-c", CLEANS_UP], stop, cwd=tmp_path)
    assert (tmp_path / "cleaned").exists()


def test_what_belongs_together_is_written_before_it_stops(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt), ctrl_c_waits():
        (tmp_path / "first").touch()
        os.kill(os.getpid(), signal.SIGINT)
        time.sleep(0.01)
        (tmp_path / "second").touch()
    assert {path.name for path in tmp_path.iterdir()} == {"first", "second"}


def test_an_add_that_is_stopped_while_dvc_works_adds_nothing(checkout: Paths, monkeypatch: pytest.MonkeyPatch) -> None:
    for label in ("one", "two"):
        (checkout.root / "mine" / label).mkdir(parents=True)
        for name in ("a.png", "b.png"):
            (checkout.root / "mine" / label / name).write_bytes(b"picture")

    def interrupted(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(track, "run_to_its_end", interrupted)
    before = checkout.params.read_bytes()
    done = run_command("add", "mine", "mine", cwd=checkout.root)
    assert done.returncode == STOPPED
    assert done.stderr.startswith("fieldguide: stopped; the data set was not added")
    assert checkout.params.read_bytes() == before
    assert [path for path in checkout.sources.rglob("*") if path.is_file()] == []
    assert not checkout.option("data", "mine").exists()
