"""The stage clean replays data/reviews.csv: exactly the decisions, and nothing else."""

import re
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest
from PIL import Image

from conftest import OwnData, Sample, id_of, noise, put
from fieldguide.base.errors import UserError
from fieldguide.base.files import sha256_of_file
from fieldguide.base.paths import Paths
from fieldguide.data.table import IMAGES, RAW, SPLIT, read_table, write_table
from fieldguide.stages import clean, download, split
from stages.cleaned import check_folder

HEADER = "id,decision,label,reviewer,date,note\n"
Changes = dict[str, tuple[dict[str, object], dict[str, object]]]


@pytest.fixture(autouse=True)
def one_core(monkeypatch: pytest.MonkeyPatch) -> None:
    """Starting a second process takes longer than cleaning these few pictures."""
    monkeypatch.setattr("fieldguide.base.parallel.usable_cores", lambda: 1)


def cleaned(own_data: OwnData, files: dict[str, Image.Image], *reviews: str) -> tuple[Paths, pd.DataFrame]:
    """The image table by source after these reviews, each `id,decision,label,note`."""
    cfg, paths = own_data("{}")
    for place, picture in files.items():
        put(paths.sources / "own" / place, picture)
    download.run(cfg, paths)
    lines = [re.sub(",([^,]*)$", r",Ada,2026-11-22,\1\n", review) for review in reviews]
    paths.reviews.write_text(HEADER + "".join(lines), encoding="utf-8")
    clean.run(cfg, paths)
    table = read_table(paths.image_table, IMAGES).set_index("source")
    check_folder(paths, table)
    assert list(table["raw_label"]) == [source.partition("/")[0] for source in table.index]
    return paths, table


def test_dropped_is_gone_relabelled_moves_and_kept_stays(own_data: OwnData) -> None:
    files = {f"{label}/{number}.png": noise(number) for number, label in enumerate("aaabbb")}
    ids = [id_of(picture) for picture in files.values()]
    reviews = (f"{ids[0]},drop,,a lamp", f"{ids[1]},relabel,b,has stripes", f"{ids[3]},keep,,", f"{ids[4]},drop,,")
    _, table = cleaned(own_data, files, *reviews)
    assert list(table["status"]) == ["dropped", "kept", "kept", "kept", "dropped", "kept"]
    assert list(table["reason"]) == ["dropped by Ada: a lamp", "", "", "", "dropped by Ada: no note", ""]
    assert list(table["review"]) == ["drop", "relabel", "", "keep", "drop", ""]
    assert list(table["label"]) == ["a", "b", "a", "b", "b", "b"]


def test_one_decision_concerns_all_copies_of_a_picture(own_data: OwnData) -> None:
    files = {"a/1.png": noise(1), "a/2.png": noise(1), "a/3.png": noise(2), "a/4.png": noise(2), "b/5.png": noise(3)}
    first, second = id_of(noise(1)), id_of(noise(2))
    _, table = cleaned(own_data, files, f"{first},drop,,", f"{second},relabel,b,")
    assert list(table["status"]) == ["dropped", "dropped", "kept", "duplicate", "kept"]
    assert list(table["label"]) == ["a", "a", "b", "b", "b"]


def test_relabel_settles_a_conflict_and_keep_cannot(own_data: OwnData) -> None:
    files = {"a/both.png": noise(1), "b/both.png": noise(1), "a/other.png": noise(2)}
    both = id_of(noise(1))
    _, table = cleaned(own_data, files, f"{both},relabel,b,")
    assert dict(table["status"]) == {"a/both.png": "kept", "b/both.png": "duplicate", "a/other.png": "kept"}
    assert table.at["a/both.png", "clean_path"] == f"b/{both}.jpg"
    with pytest.raises(
        UserError, match=r"reviews.csv line 2: .*several labels \(a/both.png, b/both.png\): relabel or drop it"
    ):
        cleaned(own_data, files, f"{both},keep,,")


def test_a_picture_that_is_too_small_is_kept_if_a_person_says_so(own_data: OwnData) -> None:
    files = {"a/1.png": noise(1, 20, 20), "a/2.png": noise(2, 20, 20), "b/3.png": noise(3, 20, 20)}
    ids = [id_of(picture) for picture in files.values()]
    paths, table = cleaned(own_data, files, f"{ids[0]},keep,,", f"{ids[1]},relabel,b,")
    assert list(table["status"]) == ["kept", "kept", "too_small"]
    with Image.open(paths.clean / str(table.at["a/1.png", "clean_path"])) as picture:
        assert picture.size == (20, 20)


@pytest.mark.parametrize(
    ("review", "message"),
    [
        ("00112233445566aa,drop,,", "line 2: no picture of this data set has the id 00112233445566aa"),
        (f"{id_of(noise(1))},relabel,c,", "line 2: no picture has the label 'c': choose one of a, b"),
        (f"{id_of(noise(1))},remove,,", "line 2: the decision must be one of"),
    ],
)
def test_a_fault_stops_clean_and_leaves_what_was_there(own_data: OwnData, review: str, message: str) -> None:
    files = {"a/1.png": noise(1), "b/2.png": noise(2)}
    paths, _ = cleaned(own_data, files)
    before = digests(paths)
    with pytest.raises(UserError, match=message):
        cleaned(own_data, files, review)
    assert digests(paths) == before


def digests(paths: Paths) -> dict[str, str]:
    files = [paths.image_table, *paths.clean.rglob("*.jpg")]
    return {path.relative_to(paths.root).as_posix(): sha256_of_file(path) for path in files}


def changed_rows(before: pd.DataFrame, after: pd.DataFrame, key: str) -> set[str]:
    both = [table.set_index(key).astype(object).where(table.set_index(key).notna(), None) for table in (before, after)]
    shared = both[0].index.intersection(both[1].index)
    one, other = (table.loc[shared] for table in both)
    differ = (one != other) & ~(one.isna() & other.isna())
    return {*shared[differ.any(axis=1)], *both[0].index.symmetric_difference(both[1].index)}


def test_twenty_decisions_change_exactly_their_pictures_and_without_them_all_is_as_before(
    sample: Sample, tmp_path: Path
) -> None:
    paths = Paths(tmp_path)
    (tmp_path / "data").mkdir()
    paths.raw.symlink_to(sample.paths.raw)
    write_table(read_table(sample.paths.raw_table, RAW)[::6], paths.raw_table, RAW)  # a sixth, for speed
    cfg = replace(sample.config, split=replace(sample.config.split, min_per_label=1))

    def made(reviews: str) -> tuple[pd.DataFrame, pd.DataFrame, dict[str, str]]:
        paths.reviews.write_text(HEADER + reviews, encoding="utf-8")
        clean.run(cfg, paths)
        split.run(cfg, paths)
        files = {**digests(paths), "split": sha256_of_file(paths.split_table)}
        return read_table(paths.image_table, IMAGES), read_table(paths.split_table, SPLIT), files

    images, places, files = made("")
    alone = places[~places["group"].duplicated(keep=False)]
    drop, relabel = list(alone["id"][::10])[:10], list(alone["id"][5::10])[:10]
    lines = [f"{identity},drop,,Ada,2026-11-22,\n" for identity in drop]
    label = dict(zip(alone["id"], alone["label"], strict=True))
    other = {"black": "teddy", "teddy": "grizzly", "grizzly": "black"}
    lines += [f"{identity},relabel,{other[label[identity]]},Ada,2026-11-22,\n" for identity in relabel]
    new_images, new_places, new_files = made("".join(lines))

    concerned = {*drop, *relabel}
    assert len(concerned) == 20
    paths_of = dict(zip(images["path"], images["id"], strict=True))
    assert {paths_of[path] for path in changed_rows(images, new_images, "path")} == concerned
    assert changed_rows(places, new_places, "id") == concerned
    gone = {f"data/clean/{label[identity]}/{identity}.jpg" for identity in concerned}
    come = {f"data/clean/{other[label[identity]]}/{identity}.jpg" for identity in relabel}
    pictures = {path: digest for path, digest in files.items() if path.endswith(".jpg")}
    wanted = {path: digest for path, digest in pictures.items() if path not in gone}
    assert {path: digest for path, digest in new_files.items() if path.endswith(".jpg") and path not in come} == wanted
    assert {path for path in new_files if path.endswith(".jpg")} - set(wanted) == come

    assert made("")[2] == files
