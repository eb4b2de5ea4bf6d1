"""The engine dask: `make test-dask`."""

import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from conftest import CHECKOUT, run_python
from engines import checks
from engines.checkout import choose, forget, stage

pytest.importorskip("distributed", reason="the extra `dask` is not installed: make test-dask installs it")
pytestmark = [pytest.mark.cluster, pytest.mark.slow]

PORT = 28786
ADDRESS = f"tcp://127.0.0.1:{PORT}"


class Running:
    """A scheduler and two workers, as a person starts them."""

    def __init__(self, folder: Path, source: Path = CHECKOUT / "src") -> None:
        self.folder, self.source = folder, source
        self.processes: list[subprocess.Popen[bytes]] = []

    def start(self) -> None:
        for command in (
            ["dask_scheduler", "--host", "127.0.0.1", "--port", str(PORT), "--no-dashboard"],
            ["dask_worker", ADDRESS, "--nworkers", "2", "--nthreads", "1", "--no-dashboard", "--memory-limit", "0"],
        ):
            self.processes.append(
                subprocess.Popen(
                    [sys.executable, "-m", f"distributed.cli.{command[0]}", *command[1:]],
                    cwd=self.folder,
                    env={
                        "PATH": "/usr/bin:/bin",
                        "PYTHONPATH": str(self.source),
                        **dict.fromkeys(("HOME", "TMPDIR"), str(self.folder)),
                    },
                    stdout=subprocess.DEVNULL,
                    stderr=subprocess.DEVNULL,
                )
            )
        checks.wait_until_somebody_listens(PORT)

    def end(self) -> None:
        """The scheduler first, as when its machine is lost."""
        for process in self.processes:
            children = psutil.Process(process.pid).children(recursive=True)
            process.kill()
            process.wait()
            for child in children:
                if child.is_running():
                    child.kill()
        self.processes.clear()


@pytest.fixture
def running(tmp_path: Path) -> Running:
    return Running(tmp_path)


def is_worker(process: psutil.Process) -> bool:
    return "spawn_main" in " ".join(process.cmdline())


def test_photos_give_the_same_bytes(photos: Path) -> None:
    checks.gives_the_same_bytes(photos, "dask")


def test_noise_gives_the_same_bytes(root: Path) -> None:
    checks.gives_the_same_bytes(root, "dask")


def test_a_killed_worker_costs_nothing(root: Path) -> None:
    checks.does_the_work_of_a_killed_worker_again(root, "dask", is_worker)


def test_what_kills_every_worker_is_lost_alone_and_nothing_stays_in_the_temporary_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Dask's own is 15 s, which is too short on a busy machine. No worker starts within this one anywhere.
    monkeypatch.setenv("DASK_DISTRIBUTED__DEPLOY__LOST_WORKER_TIMEOUT", "100ms")
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    checks.loses_one_item_alone("dask")
    assert not list(tmp_path.iterdir())


def test_no_scheduler_is_one_line(root: Path) -> None:
    checks.is_one_line_where_nobody_listens(root, "dask", ADDRESS)


def test_a_scheduler_that_goes_away_is_one_line(root: Path, running: Running) -> None:
    checks.is_one_line_where_it_goes_away(root, "dask", ADDRESS, running.start, running.end)


def test_workers_of_other_code_are_refused(root: Path, running: Running, tmp_path: Path) -> None:
    source = tmp_path / "src"
    subprocess.run(["cp", "-r", str(CHECKOUT / "src"), str(source)], check=True)
    (source / "fieldguide" / "base" / "errors.py").open("a").write("# other code\n")
    running.source = source
    choose(root, "dask", address=ADDRESS)
    forget(root)
    running.start()
    try:
        failed = stage(root, "clean")
    finally:
        running.end()
    assert failed.returncode == 1
    [line] = [line for line in failed.stderr.splitlines() if line.startswith("clean: ")]
    assert "has fieldguide's code" in line and "would not be the same bytes" in line


def test_predict_answers_the_same(root: Path, tmp_path: Path) -> None:
    pictures = root / "data" / "sources" / "own"
    command = ("-m", "fieldguide.cli", "predict", str(pictures), "--model", "models", "--all", "--format", "csv")
    here, there = run_python(*command, cwd=root), run_python(*command, "--engine", "dask", cwd=root)
    assert here.stdout.count("\n") > 180 and there.stdout == here.stdout
    assert there.returncode == here.returncode == 1  # hostile files are told
