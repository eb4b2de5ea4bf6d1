"""Decisions in data/reviews.csv: `dvc repro` replays exactly them, and without them all is as it was."""

from hashlib import sha256

import pandas as pd
import pytest

from fieldguide.base.files import write_text
from fieldguide.data.table import IMAGES, SPLIT, read_table
from pipeline.checkout import Checkout

pytestmark = pytest.mark.slow

HEADER = "id,decision,label,reviewer,date,note\n"
MADE = ("data/clean", "data/clean.parquet", "data/split.parquet")


def split_anew(checkout: Checkout, *decisions: str) -> tuple[pd.DataFrame, pd.DataFrame, dict[str, str]]:
    """The image table by source, the split by id, and the sha256 of every file made, after these decisions."""
    lines = "".join(f"{decision},Ada,2026-11-22,seen\n" for decision in decisions)
    write_text(checkout.paths.reviews, HEADER + lines)
    # Without the run cache: the old bytes have to be made again, not only found again.
    assert checkout.repro("--no-run-cache", "split") == ["clean", "validate", "split"]
    paths = checkout.paths
    files = [file for name in MADE for file in [checkout.root / name, *(checkout.root / name).rglob("*.jpg")]]
    digests = {
        file.relative_to(checkout.root).as_posix(): sha256(file.read_bytes()).hexdigest()
        for file in files
        if file.is_file()
    }
    images = read_table(paths.image_table, IMAGES).set_index("source")
    return images, read_table(paths.split_table, SPLIT).set_index("id"), digests


def test_decisions_change_exactly_their_pictures_and_without_them_the_old_bytes_come_back(copy: Checkout) -> None:
    places = read_table(copy.paths.split_table, SPLIT)
    before = copy.digests("data/clean.parquet", "data/split.parquet")
    alone = places[~places["group"].duplicated(keep=False)].sort_values("id")
    dropped, relabelled, kept = (alone[alone["label"] == label].iloc[0] for label in ("black", "grizzly", "teddy"))
    decisions = [f"{dropped['id']},drop,", f"{relabelled['id']},relabel,teddy", f"{kept['id']},keep,"]

    images, split, files = split_anew(copy, *decisions)
    plain_images, plain_split, plain_files = split_anew(copy)
    assert {name: plain_files[name] for name in before} == before

    # The image table: the three rows, and in them only what was decided.
    was, now = (table.astype(object).fillna("") for table in (plain_images, images))
    changed = {(was.loc[source, "id"], column) for column in was for source in was.index[was[column] != now[column]]}
    assert changed == {
        *((dropped["id"], column) for column in ("status", "reason", "review", "clean_path", "clean_sha256")),
        *((relabelled["id"], column) for column in ("label", "review", "clean_path")),
        (kept["id"], "review"),
    }
    # The split: one picture less, one with another label in the same place.
    assert set(plain_split.index) - set(split.index) == {dropped["id"]}
    rest, other = (table.astype(object).fillna("") for table in (plain_split.drop(dropped["id"]), split))
    differ = (rest != other.loc[rest.index]).any(axis=1)
    assert set(differ[differ].index) == {relabelled["id"]}
    assert split.loc[relabelled["id"], "split"] == relabelled["split"]
    # The pictures: one gone, one moved, all others byte for byte.
    pictures, plain = (
        {name: digest for name, digest in each.items() if name.endswith(".jpg")} for each in (files, plain_files)
    )
    old, new = (f"data/clean/{label}/{relabelled['id']}.jpg" for label in ("grizzly", "teddy"))
    assert set(plain) - set(pictures) == {f"data/clean/black/{dropped['id']}.jpg", old}
    assert set(pictures) - set(plain) == {new}
    assert pictures[new] == plain[old]
    assert all(digest == plain[name] for name, digest in pictures.items() if name != new)
