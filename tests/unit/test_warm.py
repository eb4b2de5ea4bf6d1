"""Processes that start with the libraries imported are processes as any other."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from conftest import CHECKOUT, put, run_module, run_python
from warm import warm_programs

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform != "linux", reason="elsewhere they are those of any other process"),
]
SHOWS = b"""
import os, sys, threading, time
print(sys.argv[1:], os.getcwd(), os.environ["WORD"], sys.path[0], sys.stdin.read(), __name__)
print("beside", file=sys.stderr)
threading.Thread(target=lambda: (time.sleep(0.1), print("a thread"))).start()
sys.exit(5)
"""
SLEEPS = b"""
import os, pathlib, time
pathlib.Path("begun.partial").write_text(str(os.getpid()))
pathlib.Path("begun.partial").rename("begun")
time.sleep(600)
"""


def python() -> str:
    folder = warm_programs()
    assert folder
    return str(folder / "python")


def test_a_command_says_and_returns_what_it_does_elsewhere(tmp_path: Path) -> None:
    for arguments in (("--version",), ("config",), ("no", "command"), ("--help",)):
        warm, cold = (
            run(*words, *arguments, cwd=tmp_path)
            for run, words in ((run_module, ("fieldguide.cli",)), (run_python, ("-m", "fieldguide.cli")))
        )
        assert (warm.returncode, warm.stdout, warm.stderr) == (cold.returncode, cold.stdout, cold.stderr)


def test_it_has_its_own_arguments_folder_variables_and_streams(tmp_path: Path) -> None:
    put(tmp_path / "fieldguide_shows.py", SHOWS)
    shown = [
        subprocess.run(
            [program, "-m", "fieldguide_shows", "a", "b c"],
            cwd=tmp_path,
            env={**os.environ, "WORD": "熊", "PYTHONPATH": str(CHECKOUT / "src")},
            input="given",
            capture_output=True,
            text=True,
        )
        for program in (python(), sys.executable)
    ]
    assert [(done.returncode, done.stderr) for done in shown] == [(5, "beside\n")] * 2
    assert shown[0].stdout == shown[1].stdout
    assert shown[0].stdout.splitlines()[1:] == ["a thread"], "what has begun ends"


def test_how_it_is_killed_is_seen_and_who_kills_what_it_was_called_by_kills_it(tmp_path: Path) -> None:
    put(tmp_path / "fieldguide_ends.py", b"import os, signal; os.kill(os.getpid(), signal.SIGKILL)")
    assert run_module("fieldguide_ends", cwd=tmp_path).returncode == -signal.SIGKILL
    put(tmp_path / "fieldguide_sleeps.py", SLEEPS)
    with subprocess.Popen([python(), "-m", "fieldguide_sleeps"], cwd=tmp_path) as called:
        while not (tmp_path / "begun").exists():
            assert called.poll() is None
            time.sleep(0.01)
        called.kill()
    deadline = time.monotonic() + 30
    while psutil.pid_exists(int((tmp_path / "begun").read_text())):
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_any_other_program_of_python_is_pythons(tmp_path: Path) -> None:
    command = [python(), "-c", "import sys; print(sys.executable, 'torch' in sys.modules)"]
    done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, check=True)
    assert done.stdout.split() == [sys.executable, "False"]


def test_code_that_is_an_argument_can_have_the_libraries_too(tmp_path: Path) -> None:
    code = "import sys; print(sys.argv, __name__, 'torch' in sys.modules); sys.exit('the end')"
    command, environment = [python(), "-c", code, "a", "b c"], {**os.environ, "WARM_CODE": "1"}
    done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, env=environment, check=False)
    assert (done.returncode, done.stdout) == (1, "['-c', 'a', 'b c'] __main__ True\n")
    assert done.stderr == "the end\n"
