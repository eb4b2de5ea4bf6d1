"""The engine ray: `make test-ray`."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import psutil
import pytest

from conftest import CHECKOUT, put, run_python
from engines import checks

pytest.importorskip("ray", reason="the extra `ray` is not installed: make test-ray installs it")
pytestmark = [pytest.mark.cluster, pytest.mark.slow]

HERE = Path(__file__).parent
PORT = 6397
ADDRESS = f"127.0.0.1:{PORT}"
WITH_TOKEN = {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": "0123456789abcdef" * 4}


@pytest.fixture(autouse=True)
def folder(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Where Ray writes; the paths of its sockets have to be short."""
    with TemporaryDirectory(prefix="ray-", dir="/tmp", ignore_cleanup_errors=True) as made:
        monkeypatch.setenv("RAY_TMPDIR", made)
        yield Path(made)


class Running:
    """A cluster of one machine, as a person starts it: it does not know where a checkout has its modules."""

    process: "subprocess.Popen[bytes] | None" = None

    def __init__(self, folder: Path, **variables: str) -> None:
        self.folder, self.variables = folder, variables

    def start(self) -> None:
        command = ["start", "--head", "--block", "--port", str(PORT), "--num-cpus", "2", "--include-dashboard", "false"]
        self.process = subprocess.Popen(
            [sys.executable, "-m", "ray.scripts.scripts", *command, "--disable-usage-stats"],
            cwd=self.folder,
            env={
                "PATH": "/usr/bin:/bin",
                **dict.fromkeys(("HOME", "RAY_TMPDIR"), str(self.folder)),
                **WITH_TOKEN,
                **self.variables,
            },
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        checks.wait_until_somebody_listens(PORT)

    def end(self) -> None:
        """All at once, as when the machine is lost."""
        assert self.process is not None
        for one in [psutil.Process(self.process.pid), *psutil.Process(self.process.pid).children(recursive=True)]:
            if one.is_running():
                one.kill()
        self.process.wait()


def is_worker(process: psutil.Process) -> bool:
    return process.cmdline()[:1] != [] and process.cmdline()[0].startswith("ray::_work")


def test_photos_give_the_same_bytes(photos: Path) -> None:
    checks.gives_the_same_bytes(photos, "ray")


def test_noise_gives_the_same_bytes(root: Path) -> None:
    checks.gives_the_same_bytes(root, "ray")


def test_a_killed_worker_costs_nothing(root: Path) -> None:
    checks.does_the_work_of_a_killed_worker_again(root, "ray", is_worker)


def test_what_kills_every_worker_is_lost_alone() -> None:
    checks.loses_one_item_alone("ray")


def test_no_cluster_is_one_line(root: Path) -> None:
    checks.is_one_line_where_nobody_listens(root, "ray", ADDRESS)


def test_a_cluster_that_goes_away_is_one_line(root: Path, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in WITH_TOKEN.items():
        monkeypatch.setenv(name, value)
    running = Running(folder)
    checks.is_one_line_where_it_goes_away(root, "ray", ADDRESS, running.start, running.end)


@pytest.mark.parametrize("has_own", [True, False])
def test_a_machine_of_a_cluster_keeps_its_own_search_path(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, has_own: bool
) -> None:
    for name, value in WITH_TOKEN.items():
        monkeypatch.setenv(name, value)
    there = folder / "there"
    for module in (there / "of_the_machine.py", folder / "of_its_working_directory.py"):
        module.parent.mkdir(exist_ok=True)
        module.touch()
    running = Running(folder, **{"PYTHONPATH": str(there)} if has_own else {})
    names = ("of_the_machine", "of_its_working_directory", "fieldguide.base.engines")
    running.start()
    try:
        done = run_python(str(HERE / "modules.py"), "ray", ADDRESS, *names, cwd=tmp_path)
    finally:
        running.end()
    own = str(there / "of_the_machine.py") if has_own else "nowhere"
    assert done.stdout.splitlines() == [own, "nowhere", str(CHECKOUT / "src/fieldguide/base/engines.py")], done.stderr


@pytest.mark.parametrize("mode", ["token", "disabled"])
def test_a_token_in_the_home_folder_is_used_where_the_cluster_wants_one(
    folder: Path, tmp_path: Path, mode: str
) -> None:
    put(tmp_path / ".ray" / "auth_token", WITH_TOKEN["RAY_AUTH_TOKEN"].encode())
    running = Running(folder, RAY_AUTH_MODE=mode)
    running.start()
    try:
        done = run_python(str(HERE / "modules.py"), "ray", ADDRESS, "pytest", cwd=tmp_path, HOME=str(tmp_path))
    finally:
        running.end()
    assert done.stdout.splitlines() == [pytest.__file__], done.stderr


@pytest.mark.parametrize(
    ("kept", "given", "told"),
    [
        ("f" * 64, {}, "is this machine's token, ~/.ray/auth_token, that of the cluster?"),
        ("", {"RAY_AUTH_TOKEN": "f" * 64}, "is this machine's token, RAY_AUTH_TOKEN, that of the cluster?"),
        ("", {}, "if the cluster asks for a token, copy its ~/.ray/auth_token to this machine"),
    ],
)
def test_another_token_is_told(folder: Path, tmp_path: Path, kept: str, given: dict[str, str], told: str) -> None:
    if kept:
        put(tmp_path / ".ray" / "auth_token", kept.encode())
    running = Running(folder)
    running.start()
    try:
        done = run_python(str(HERE / "modules.py"), "ray", ADDRESS, "pytest", cwd=tmp_path, HOME=str(tmp_path), **given)
    finally:
        running.end()
    assert done.returncode == 1 and "Traceback" not in done.stderr
    assert told in done.stderr.splitlines()[-1]


def test_nothing_is_written_to_the_home_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    checks.loses_one_item_alone("ray")
    assert not list(tmp_path.iterdir())


def test_predict_answers_the_same(root: Path) -> None:
    pictures = root / "data" / "sources" / "own"
    command = ("-m", "fieldguide.cli", "predict", str(pictures), "--model", "models", "--all", "--format", "csv")
    here, there = run_python(*command, cwd=root), run_python(*command, "--engine", "ray", cwd=root)
    assert here.stdout.count("\n") > 180 and there.stdout == here.stdout
    assert there.returncode == here.returncode == 1  # hostile files are told
