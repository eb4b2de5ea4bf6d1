"""`fieldguide backtest add`: past pictures are frozen, with git and DVC as a person has them."""

import datetime
import json
import shutil
import subprocess
from pathlib import Path

import pandas as pd
import pyarrow.parquet as pq
import pytest

from conftest import id_of, noise, put, run_command
from fieldguide.base.errors import UserError
from fieldguide.base.paths import Paths
from fieldguide.configuration.compose import compose
from fieldguide.release.gate.backtests import freeze
from fieldguide.release.gate.picture_sets import backtests
from warm import warm_python

pytestmark = pytest.mark.slow

DATE = datetime.date(2026, 2, 1)


@pytest.fixture
def repository(checkout: Paths) -> Paths:
    """A checkout with git and DVC."""
    for command in (["git", "init", "-q"], [warm_python(), "-m", "dvc", "init", "-q"]):
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
    assert set(table["id"]) == {id_of(noise(number)) for number in range(4)}
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


def at_sites(folder: Path) -> Path:
    """Two labels at three sites, in bursts of two frames in two months."""
    for site in range(3):
        for label in ("deer", "fox"):
            for frame in range(4):
                name = f"2024-0{5 + frame // 2}-10_12-00-{frame:02}.png"
                put(folder / f"S{site}" / label / name, noise(100 * site + 10 * frame + len(label)))
    return folder


@pytest.mark.slow
def test_a_set_for_each_site_or_month_counts_what_is_a_witness_there(repository: Paths, tmp_path: Path) -> None:
    pictures = str(at_sites(tmp_path / "cameras"))
    done = run_command("backtest", "add", "spring", pictures, "--by", "site", cwd=repository.root)
    assert done.returncode == 0, done.stderr
    assert "froze 8 pictures of 2 labels as data/backtests/spring-S1\n" in done.stdout
    done = run_command("backtest", "add", "spring", pictures, "--by", "month", cwd=repository.root)
    assert "as data/backtests/spring-2024-05\nfroze 12 pictures" in done.stdout, done.stderr
    found = {one.name: one for one in backtests(repository)}
    assert sorted(found) == ["spring-2024-05", "spring-2024-06", *(f"spring-S{site}" for site in range(3))]
    assert found["spring-S0"].witnesses == "8 pictures of 2 sequences"
    assert found["spring-2024-05"].witnesses == "12 pictures"  # the split of this checkout knows no groups
    table = pd.read_parquet(repository.backtests / "spring-S0" / "pictures.parquet")
    assert set(table["site"]) == {"S0"} and table["time"].notna().all()

    again = run_command("backtest", "add", "spring", pictures, "--by", "site", cwd=repository.root)
    assert again.returncode == 1 and "data/backtests/spring-S0 already exists" in again.stderr
    labelled(tmp_path / "somewhere")
    unknown = run_command("backtest", "add", "snow", str(tmp_path / "somewhere"), "--by", "site", cwd=repository.root)
    assert unknown.returncode == 1 and "no picture has a site: freeze one set, without --by" in unknown.stderr


def test_a_set_that_was_frozen_before_groups_were_known_still_serves(repository: Paths, tmp_path: Path) -> None:
    freeze(compose(repository), repository, "old", labelled(tmp_path / "somewhere"), DATE)
    file = repository.backtests / "old" / "pictures.parquet"
    columns = ["id", "label", "path", "sha256", "group", "perceptual_hash", "date"]
    pq.write_table(pq.read_table(file).select(columns), file)
    (found,) = backtests(repository)
    assert found.witnesses == "4 pictures"
    pq.write_table(pq.read_table(file).select(columns[:3]), file)
    with pytest.raises(UserError, match=r"data/backtests/old/pictures\.parquet is no table of a frozen set"):
        backtests(repository)


@pytest.mark.slow
def test_a_folder_is_cut_to_the_boxes_that_a_file_names(repository: Paths, tmp_path: Path) -> None:
    repository.params.write_text(
        repository.params.read_text("utf-8").replace("min_side: 32", "min_side: 8, crop: boxes")
    )
    pictures = labelled(tmp_path / "somewhere")
    refused = run_command("backtest", "add", "snow", str(pictures), cwd=repository.root)
    assert refused.returncode == 1 and "name a file that does with --boxes FILE" in refused.stderr
    boxes = [{"category": "1", "conf": 0.9, "bbox": [left, 0.25, 0.4, 0.5]} for left in (0.05, 0.55)]
    images = [{"file": f"{'bear' if number % 2 else 'teddy'}/{number}.png", "detections": boxes} for number in range(4)]
    found = {"images": images, "detection_categories": {"1": "animal"}, "info": {}}
    (tmp_path / "md.json").write_text(json.dumps(found), encoding="utf-8")
    done = run_command(
        "backtest", "add", "snow", str(pictures), "--boxes", str(tmp_path / "md.json"), cwd=repository.root
    )
    assert "froze 8 pictures of 2 labels as data/backtests/snow" in done.stdout, done.stderr
    (frozen,) = backtests(repository)
    assert frozen.witnesses == "8 pictures of 4 pictures with boxes", "boxes of one file are one witness"
