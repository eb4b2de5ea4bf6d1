"""`fieldguide backtest add`: past pictures are frozen, with git and DVC as a person has them."""

import datetime
import shutil
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest

from conftest import noise, put, run_command
from fieldguide.base.errors import UserError
from fieldguide.base.paths import Paths
from fieldguide.configuration.compose import compose
from fieldguide.data.images import picture_id
from fieldguide.release.gate.backtests import freeze
from fieldguide.release.gate.picture_sets import backtests

DATE = datetime.date(2026, 2, 1)


@pytest.fixture
def repository(checkout: Paths) -> Paths:
    """A checkout with git and DVC."""
    for command in (["git", "init", "-q"], [sys.executable, "-m", "dvc", "init", "-q"]):
        subprocess.run(command, cwd=checkout.root, check=True, capture_output=True)
    return checkout


def labelled(folder: Path) -> Path:
    for number in range(4):
        put(folder / ("bear" if number % 2 else "teddy") / f"{number}.png", noise(number))
    put(folder / "bear" / "again.png", noise(1))
    put(folder / "bear" / "broken.jpg", b"\xff\xd8\xff no picture")
    return folder


def test_a_folder_is_frozen_cleaned_and_tracked_and_never_changed(repository: Paths, tmp_path: Path) -> None:
    pictures = labelled(tmp_path / "somewhere")
    command = ("backtest", "add", "snow", str(pictures), "--date", "2026-02-01")
    done = run_command(*command, cwd=repository.root)
    assert done.returncode == 0, done.stderr
    assert "froze 4 pictures of 2 labels as data/backtests/snow (left out: 1 duplicate, 1 unreadable)" in done.stdout
    assert (repository.backtests / "snow.dvc").is_file()
    table = pd.read_parquet(repository.backtests / "snow" / "pictures.parquet")
    assert set(table["id"]) == {picture_id(noise(number)) for number in range(4)}
    assert set(table["date"]) == {"2026-02-01"}
    (found,) = backtests(repository)
    assert found.name == "snow"
    assert all(file.is_file() for file in found.pictures["file"])

    again = run_command(*command, cwd=repository.root)
    assert again.returncode == 1
    assert "data/backtests/snow already exists, and a frozen set is never changed" in again.stderr
    shutil.rmtree(repository.backtests / "snow")
    assert run_command(*command, cwd=repository.root).returncode == 1


@pytest.mark.parametrize(
    ("name", "folder", "message"),
    [
        ("a/b", "somewhere", "'a/b' is not a valid name for a backtest set"),
        ("snow", "nowhere", "is not a folder with a folder of pictures for each label"),
        ("snow", "empty", "no usable pictures in"),
        ("snow", None, "run `dvc repro`"),
    ],
)
def test_what_cannot_be_frozen_changes_nothing(
    checkout: Paths, tmp_path: Path, name: str, folder: str | None, message: str
) -> None:
    labelled(tmp_path / "somewhere")
    put(tmp_path / "empty" / "bear" / "broken.jpg", b"no picture")
    with pytest.raises(UserError, match=message):
        freeze(compose(checkout), checkout, name, tmp_path / folder if folder else None, DATE)
    assert not checkout.backtests.exists() or not list(checkout.backtests.iterdir())
