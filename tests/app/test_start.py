"""How the app is started: its port, its folders, and what it opens."""

from typing import Any

import pytest

from app.conftest import DataSet
from conftest import run_command
from fieldguide.app import start


@pytest.mark.parametrize("port", ["99999", "-1", "x", "1.5", "9" * 5000])
def test_what_is_no_port_is_said_in_words(data_set: DataSet, port: str) -> None:
    done = run_command("app", f"--port={port}", cwd=data_set.paths.root)
    assert done.returncode == 2 and "is no port: give a number from 0 to 65535" in done.stderr


def test_folders_are_taken_without_detours(data_set: DataSet, monkeypatch: pytest.MonkeyPatch) -> None:
    (data_set.paths.root / "card").mkdir()
    given: list[Any] = []
    monkeypatch.setattr(start, "create_app", lambda *arguments: given.append(arguments[-1]))
    monkeypatch.setattr(start._Server, "run", lambda *_: None)
    start.start_app(data_set.paths, 0, False, [data_set.paths.root / "card" / ".." / "card"])
    assert given == [[(data_set.paths.root / "card").resolve()]]
