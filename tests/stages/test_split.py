"""The stage split: every kept picture gets a place; too few of a label somewhere stop it."""

import re
from pathlib import Path
from random import Random

import numpy as np
import pandas as pd
import pytest

from conftest import Sample, few_daily
from fieldguide.base.config import SplitConfig
from fieldguide.base.errors import UserError
from fieldguide.base.files import sha256_of_file
from fieldguide.base.paths import Paths
from fieldguide.configuration.compose import compose
from fieldguide.data.add_params import MARK
from fieldguide.data.split_proposal import propose_split
from fieldguide.data.split_shortage import enough, side_counts
from fieldguide.data.status import Status
from fieldguide.data.table import FIELD_DATA, IMAGES, SPLIT, read_table, write_table
from fieldguide.stages import split


def given(paths: Paths, *rows: tuple[str, int, str]) -> Paths:
    """An image table of so many unlike pictures of a label with a status each."""
    pictures = []
    for label, count, status in rows:
        for number in range(count):
            bits = Random(f"{label} {status} {number}")
            pictures.append(
                dict.fromkeys(set(IMAGES.names) - {field.name for field in FIELD_DATA}, "")
                | dict.fromkeys(["width", "height", "short_side"], 100)
                | {"depth": 8}
                | dict.fromkeys(["aspect_ratio", "brightness", "saturation", "sharpness"], 0.5)
                | {"id": f"{bits.getrandbits(64):016x}", "perceptual_hash": f"{bits.getrandbits(256):064x}"}
                | {"label": label, "status": status, "path": f"{label}/{number}", "clean_path": f"{label}/{number}.jpg"}
            )
    write_table(pd.DataFrame(pictures, columns=IMAGES.names), paths.image_table, IMAGES)
    return paths


def test_every_kept_picture_and_no_other_gets_a_place(checkout: Paths) -> None:
    paths = given(checkout, ("cat", 60, "kept"), ("Bär", 50, "kept"), ("cat", 9, "duplicate"), ("Bär", 9, "conflict"))
    metrics = split.run(compose(paths), paths)
    table = read_table(paths.split_table, SPLIT)
    images = read_table(paths.image_table, IMAGES)
    assert set(table["id"]) == set(images.loc[images["status"] == "kept", "id"])
    assert table["id"].is_unique
    assert list(table["label"]) == ["Bär"] * 50 + ["cat"] * 60
    assert {side: metrics[side] for side in ("train", "valid", "test", "left_out")} == {
        side: int((table["split"] == side).sum()) for side in ("train", "valid", "test", "left_out")
    }
    cats = table[table["label"] == "cat"]
    assert metrics["test_share_cat"] == round(float((cats["split"] == "test").mean()), 4)


def test_the_same_rows_in_any_order_give_the_same_bytes(checkout: Paths) -> None:
    given(checkout, ("cat", 60, "kept"), ("dog", 50, "kept"))
    split.run(compose(checkout), checkout)
    before = sha256_of_file(checkout.split_table)
    images = read_table(checkout.image_table, IMAGES)
    write_table(images.sample(frac=1, random_state=0), checkout.image_table, IMAGES)
    split.run(compose(checkout), checkout)
    assert sha256_of_file(checkout.split_table) == before


def test_new_pictures_move_no_old_ones(checkout: Paths) -> None:
    def places(*rows: tuple[str, int, str]) -> dict[str, str]:
        given(checkout, *rows)
        split.run(compose(checkout), checkout)
        table = read_table(checkout.split_table, SPLIT)
        return dict(zip(table["id"], table["split"], strict=True))

    old = places(("cat", 40, "kept"), ("dog", 40, "kept"))
    new = places(("bird", 30, "kept"), ("cat", 90, "kept"), ("dog", 41, "kept"))
    assert len(new) > len(old)
    assert old.items() <= new.items()


@pytest.mark.parametrize(
    ("labels", "overrides", "message"),
    few_daily(
        [
            ([("cat", 40), ("dog", 1)], [], r"split: dog has 1 picture \(.*; add pictures .*, or leave out .*: dog$"),
            (
                [("cat", 40), ("dog", 40)],
                ["split.test=0.001"],
                r"cat has 40 pictures \(.* 0 test\), dog has 40 pictures \(.* 0 test\); .* or set split.valid: 0.2",
            ),
            (
                [("cat", 40), ("dog", 40)],
                ["split.min_per_label=30"],
                r"cat has 40 .*, dog has 40 .*; split.min_per_label: 30 asks for .* or set .*split.min_per_label: 1",
            ),
            ([("cat", 40)], [], r"only the label 'cat' has usable pictures: a classifier needs at least two labels"),
            ([], [], r"no label has usable pictures"),
        ],
        3,
    ),
)
def test_too_few_pictures_are_a_clear_error_and_leave_the_old_split(
    checkout: Paths, labels: list[tuple[str, int]], overrides: list[str], message: str
) -> None:
    given(checkout, ("cat", 60, "kept"), ("dog", 60, "kept"))
    split.run(compose(checkout), checkout)
    before = sha256_of_file(checkout.split_table)
    given(checkout, *[(label, count, "kept") for label, count in labels], ("cat", 1, "duplicate"))
    with pytest.raises(UserError, match=message) as error:
        split.run(compose(checkout, overrides), checkout)
    assert "\n" not in str(error.value)
    assert sha256_of_file(checkout.split_table) == before


@pytest.mark.parametrize("content", [None, b"", b"PAR1 no table"])
def test_a_table_that_is_missing_or_broken_says_what_to_do(checkout: Paths, content: bytes | None) -> None:
    if content is not None:
        checkout.image_table.parent.mkdir()
        checkout.image_table.write_bytes(content)
    with pytest.raises(UserError, match="run `dvc repro`"):
        split.run(compose(checkout), checkout)


def test_a_table_of_another_version_is_refused(checkout: Paths) -> None:
    Path(checkout.image_table.parent).mkdir()
    pd.DataFrame({"id": ["x"]}).to_parquet(checkout.image_table)
    with pytest.raises(UserError, match="written by another version"):
        split.run(compose(checkout), checkout)


def test_of_the_sample_the_shares_are_those_of_params_within_chance(sample: Sample) -> None:
    table = read_table(sample.paths.split_table, SPLIT)
    shares = table[table["split"] != "left_out"]["split"].value_counts(normalize=True)
    assert abs(shares["valid"] - sample.config.split.valid) < 0.04
    assert abs(shares["test"] - sample.config.split.test) < 0.04
    assert (table.groupby("group")["split"].apply(lambda side: set(side) - {"left_out"}).map(len) == 1).all()
    assert (table.groupby(["label", "split"]).size().drop("left_out", level="split", errors="ignore") >= 25).all()


def test_params_divide_the_sample_as_add_proposes(sample: Sample) -> None:
    images = read_table(sample.paths.image_table, IMAGES)
    proposal = propose_split(images[images["status"] == Status.KEPT], sample.config.split)
    assert proposal.split == sample.config.split
    assert f"# {MARK}: sample: {proposal.reason}\n" in sample.paths.params.read_text(encoding="utf-8")


SMALL_SETS = [
    {f"kind {number}": 10 + number for number in range(12)},
    {"many": 300, "few": 15},
    {"one": 3, "two": 3, "three": 40},
    {"all": 9, "alike": 9},
]


@pytest.mark.parametrize("labels", few_daily(SMALL_SETS, 4))
def test_the_settings_that_are_advised_suit_the_pictures(checkout: Paths, labels: dict[str, int]) -> None:
    given(checkout, *[(label, count, "kept") for label, count in labels.items()])
    with pytest.raises(UserError) as caught:
        split.run(compose(checkout, ["split.min_per_label=5", "split.valid=0.13", "split.test=0.24"]), checkout)
    message = str(caught.value)
    advised = re.findall(r"(split\.\w+): ([\d.]+)(?=[, ])", message.partition("or set ")[2])
    assert advised
    now = {"split.min_per_label": "5", "split.valid": "0.13", "split.test": "0.24"} | dict(advised)
    split.run(compose(checkout, [f"{name}={value}" for name, value in now.items()]), checkout)
    counts = side_counts(read_table(checkout.split_table, SPLIT))[["train", "valid", "test"]]
    assert counts.to_numpy().min() >= int(now["split.min_per_label"])


@pytest.mark.parametrize(("valid", "test", "least"), [(0.13, 0.24, 5), (0.2, 0.2, 1), (0.25, 0.25, 3)])
def test_so_many_pictures_are_enough_19_times_of_20(valid: float, test: float, least: int) -> None:
    cfg = SplitConfig(valid=valid, test=test, min_per_label=least)
    chance = np.random.default_rng(0)
    draws = chance.multinomial(enough(cfg), [1 - valid - test, valid, test], size=4000)
    assert 0.94 < (draws.min(axis=1) >= least).mean() < 0.985
