"""The stage download: both kinds of data sets, the same bytes every time, the old ones after a failure."""

from pathlib import Path

import pandas as pd
import pytest

from conftest import OwnData, Sample, noise, put, run_python
from fieldguide.base.errors import UserError
from fieldguide.base.files import read_json, sha256_of_file
from fieldguide.base.paths import Paths
from fieldguide.configuration.compose import compose
from fieldguide.data.table import RAW, read_table
from fieldguide.stages import download


def outputs(paths: Paths) -> dict[str, str]:
    files = [path for path in (paths.root / "data").rglob("*") if path.is_file() and paths.sources not in path.parents]
    return {path.relative_to(paths.root).as_posix(): sha256_of_file(path) for path in files}


def test_a_folder_becomes_raw_pictures_and_a_table(own_data: OwnData) -> None:
    cfg, paths = own_data("{kitten: cat}")
    for place in ("cat/1.png", "kitten/1.png", "Bär/old/熊.png", "Bär/.DS_Store"):
        put(paths.sources / "own" / place, noise(len(place)))
    metrics = download.run(cfg, paths)
    assert metrics == {"sources": 4, "downloaded": 3, "refused": 1, "megabytes": metrics["megabytes"], "labels": 2}
    table = read_table(paths.raw_table, RAW)
    assert list(zip(table["source"], table["path"], table["label"], table["ok"], strict=True)) == [
        ("Bär/.DS_Store", "", "Bär", False),
        ("Bär/old/熊.png", "Bär/old/熊.png", "Bär", True),
        ("cat/1.png", "cat/1.png", "cat", True),
        ("kitten/1.png", "kitten/1.png", "cat", True),
    ]
    here = table[table["ok"]]
    assert list(here["file"]) == [f"data/sources/own/{path}" for path in here["path"]]
    assert all(sha256_of_file(paths.raw_file(str(row.file))) == row.sha256 for row in here.itertuples())
    (note,) = paths.raw.iterdir()  # no second copy of anything
    assert note.read_text() == (
        "The pictures are read where they are, in data/sources/own. data/raw.parquet lists them.\n"
    )


def test_pictures_that_went_from_the_source_go_from_the_table(own_data: OwnData) -> None:
    cfg, paths = own_data()
    for place in ("cat/1.png", "cat/2.png", "dog/1.png"):
        put(paths.sources / "own" / place, noise(len(place)))
    download.run(cfg, paths)
    (paths.sources / "own" / "cat" / "2.png").unlink()
    download.run(cfg, paths)
    assert set(read_table(paths.raw_table, RAW)["path"]) == {"cat/1.png", "dog/1.png"}


def test_a_failure_leaves_the_old_ones(own_data: OwnData) -> None:
    cfg, paths = own_data()
    for place in ("cat/1.png", "dog/1.png"):
        put(paths.sources / "own" / place, noise(len(place)))
    download.run(cfg, paths)
    before = outputs(paths)
    put(paths.sources / "own" / "cat" / "2.png", noise(2))
    wrong, _ = own_data("{bird: cat}")
    with pytest.raises(UserError, match="no folder 'bird'"):
        download.run(wrong, paths)
    assert outputs(paths) == before
    for path in (paths.sources / "own").rglob("*.png"):
        path.unlink()
    with pytest.raises(UserError, match="data/sources/own holds no files in the folders of labels"):
        download.run(cfg, paths)
    assert outputs(paths) == before


@pytest.mark.slow
def test_as_a_process_it_writes_metrics_or_says_in_one_line_what_is_wrong(own_data: OwnData) -> None:
    _, paths = own_data()
    missing = run_python("-m", "fieldguide.stages.download", cwd=paths.root)
    assert missing.returncode == 1
    assert missing.stderr == (
        "download: data/sources/own holds no folders: put the pictures of each label in one of its own\n"
    )
    put(paths.sources / "own" / "cat" / "1.png", noise(1))
    done = run_python("-m", "fieldguide.stages.download", cwd=paths.root)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("download: done in ")
    assert read_json(paths.metrics("download"))["downloaded"] == 1


@pytest.mark.slow
def test_the_sample_is_drawn_to_the_same_bytes_whatever_the_number_of_processes(
    checkout: Paths, monkeypatch: pytest.MonkeyPatch
) -> None:
    cfg = compose(checkout, ["data.pictures=30"])
    drawn = []
    for patience, cores in ((600, 1), (0, 2)):  # in this process, and in two others
        monkeypatch.setattr("fieldguide.base.parallel.PATIENCE", patience)
        monkeypatch.setattr("fieldguide.base.parallel.usable_cores", lambda cores=cores: cores)
        metrics = download.run(cfg, checkout)
        drawn.append(outputs(checkout))
    assert drawn[0] == drawn[1]
    assert metrics["labels"] == 3


def test_the_whole_sample_arrives_with_the_truth_beside_it(sample: Sample) -> None:
    assert sample.metrics["download"]["sources"] == sample.metrics["download"]["downloaded"] == 960
    table = read_table(sample.paths.raw_table, RAW)
    pd.testing.assert_frame_equal(table[["path", "label"]], sample.truth[["path", "label"]], check_dtype=False)
    assert table["ok"].all()
    arrived = {path.relative_to(sample.paths.raw).as_posix() for path in sample.paths.raw.rglob("*.*")}
    assert arrived == {*table["path"], "truth.csv"}
    assert not [path for path in table["source"] if Path(path).is_absolute()]
