"""`fieldguide migrate ids`: what a checkout has of the time when ids were hashes of pixels gets new ones."""

import datetime
import hashlib
import subprocess
from pathlib import Path

import pandas as pd
import pytest
from PIL import Image

from conftest import OwnData, encoded, id_of, noise, put, run_command
from fieldguide.base.config import Config
from fieldguide.base.errors import UserError
from fieldguide.base.paths import Paths
from fieldguide.data.choices import Choices
from fieldguide.data.reviews import COLUMNS, read_reviews
from fieldguide.data.table import IMAGES, read_table
from fieldguide.release.gate.backtests import freeze
from fieldguide.release.gate.picture_sets import BACKTEST_WITH_GROUPS, backtests
from fieldguide.stages import clean, download
from warm import warm_python


def old_id(picture: Image.Image) -> str:
    """The rule as it was, in other words: size and pixels of the upright picture."""
    return hashlib.sha256(f"{picture.width}x{picture.height}:".encode() + picture.tobytes()).hexdigest()[:16]


@pytest.fixture
def old(own_data: OwnData) -> tuple[Config, Paths]:
    """A checkout of two labels with git, DVC and the reviews of an older version."""
    cfg, paths = own_data("{}")
    for number in range(6):
        put(paths.sources / "own" / "ab"[number % 2] / f"{number}.png", noise(number))
    put(paths.sources / "own" / "a" / "0 again.bmp", encoded(noise(0), "BMP"))
    for command in (["git", "init", "-q"], [warm_python(), "-m", "dvc", "init", "-q"]):
        subprocess.run(command, cwd=paths.root, check=True, capture_output=True)
    download.run(cfg, paths)
    return cfg, paths


def write_reviews(paths: Paths, *rows: tuple[str, str, str, str]) -> None:
    lines = [",".join(COLUMNS), *(f"{a},{b},{c},Ann,2026-01-31,{note}" for a, b, c, note in rows)]
    paths.reviews.write_text("\n".join(lines) + "\n", encoding="utf-8")


def test_reviews_get_new_ids_and_clean_applies_them(old: tuple[Config, Paths]) -> None:
    cfg, paths = old
    gone = "0123456789abcdef"
    write_reviews(
        paths,
        (old_id(noise(1)), "relabel", "a", '"a, note"'),
        (old_id(noise(0)), "drop", "", "two files"),
        (old_id(noise(2)), "drop", "", ""),
        (old_id(noise(2)), "undo", "", ""),
    )
    with pytest.raises(UserError, match=r"line 2: .* run `fieldguide migrate ids`"):
        clean.run(cfg, paths)
    done = run_command("migrate", "ids", cwd=paths.root)
    assert (done.returncode, done.stdout) == (0, "data/reviews.csv: new ids for 4 of 4 decisions\n")
    reviews = read_reviews(paths.reviews)
    assert {review.id: review.words for review in reviews.values()} == {
        id_of(noise(1)): "relabel a",
        id_of(noise(0)): "drop",
        id_of(encoded(noise(0), "BMP")): "drop",
    }
    assert reviews[id_of(noise(1))].note == "a, note"
    clean.run(cfg, paths)
    table = read_table(paths.image_table, IMAGES).set_index("path")
    assert set(table.index[table["status"] == "dropped"]) == {"a/0.png", "a/0 again.bmp"}
    assert table.at["b/1.png", "label"] == "a"
    before = paths.reviews.read_bytes()
    again = run_command("migrate", "ids", cwd=paths.root)
    assert again.stdout == "data/reviews.csv: all 5 decisions have new ids already\n"
    assert paths.reviews.read_bytes() == before
    paths.reviews.write_bytes(before + f"{gone},keep,,Ann,2026-01-31,\n".encode())
    told = run_command("migrate", "ids", cwd=paths.root).stdout
    assert (
        told == f"data/reviews.csv: new ids for 0 of 6 decisions; 1 ids are of no picture at hand and stay ({gone})\n"
    )


@pytest.mark.slow
def test_frozen_sets_get_new_ids_from_the_data_set_and_folders_and_stay_tracked(
    old: tuple[Config, Paths], tmp_path: Path
) -> None:
    cfg, paths = old
    for number in (1, 70, 71):
        put(tmp_path / "snow" / "ab"[number % 2] / f"{number}.png", noise(number))
    by_folder = Choices(layout="{label}")
    freeze(cfg, paths, "snow", tmp_path / "snow", datetime.date(2026, 2, 1), choices=by_folder)
    file = paths.backtests / "snow" / "pictures.parquet"
    new = pd.read_parquet(file)
    ids = {id_of(noise(number)): old_id(noise(number)) for number in (1, 70, 71)}
    made_old = new.assign(id=new["id"].map(ids), group=new["group"].map(ids))
    made_old.to_parquet(file, schema=BACKTEST_WITH_GROUPS)
    subprocess.run([warm_python(), "-m", "dvc", "add", "data/backtests/snow"], cwd=paths.root, check=True)
    tracked = (paths.backtests / "snow.dvc").read_text()
    first = run_command("migrate", "ids", cwd=paths.root).stdout
    assert "new ids for 1 of 3 pictures; 2 ids are of no picture at hand and stay" in first
    second = run_command("migrate", "ids", str(tmp_path / "snow"), cwd=paths.root).stdout
    assert second.startswith("data/backtests/snow: new ids for 2 of 3 pictures; next: commit data/backtests/snow.dvc")
    assert set(pd.read_parquet(file)["id"]) == set(ids)
    assert list(pd.read_parquet(file)["group"]) == list(pd.read_parquet(file)["id"])
    assert (paths.backtests / "snow.dvc").read_text() != tracked
    status = subprocess.run(
        [warm_python(), "-m", "dvc", "status", "-q"], cwd=paths.root, check=False, capture_output=True
    )
    assert status.returncode == 0, "what DVC tracks is what is there"
    assert len(backtests(paths)[0].pictures) == 3
    assert run_command("migrate", "ids", "nowhere", cwd=paths.root).stderr.startswith(
        "fieldguide: nowhere is not a folder"
    )


def test_without_anything_old_it_says_so(old: tuple[Config, Paths]) -> None:
    done = run_command("migrate", "ids", cwd=old[1].root)
    assert (done.returncode, done.stdout) == (0, "no data/reviews.csv and no frozen sets: nothing to do\n")
