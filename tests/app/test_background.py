"""Work in a thread: done again when its files have changed, and not while one is away."""

from pathlib import Path

import pytest

from fieldguide.app.background import Background
from fieldguide.app.reloading import NotYet, Reloaded
from fieldguide.base.errors import UserError


def test_a_file_that_changed_is_worked_on_again(tmp_path: Path) -> None:
    file = tmp_path / "model"
    file.write_text("one", encoding="utf-8")
    work = Background(lambda _: file.read_text(encoding="utf-8"), [file])
    assert work.wait() == "one"
    file.unlink()
    assert work.wait() == "one", "a stage removes what it writes anew"
    file.write_text("another", encoding="utf-8")
    assert work.wait() == "another" and work.previous == "one"


def test_what_was_loaded_stays_while_a_file_is_away(tmp_path: Path) -> None:
    file = tmp_path / "table"

    def load() -> str:
        if not file.is_file():
            raise UserError("it is missing: run `dvc repro`")
        return file.read_text(encoding="utf-8")

    loaded = Reloaded(load, [file])
    with pytest.raises(NotYet, match="run `dvc repro`"):
        loaded.now()
    file.write_text("one", encoding="utf-8")
    assert loaded.now() == "one"
    file.unlink()
    assert loaded.now() == "one"
    file.write_text("another", encoding="utf-8")
    assert loaded.now() == "another"
