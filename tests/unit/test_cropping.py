"""Boxes cut out of pictures: which pixels, which row, which side of the split."""

import math
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from conftest import OwnData, encoded, examples, id_of, noise, put, run_command
from fieldguide.base.config import SplitConfig
from fieldguide.base.operations import RESIZES
from fieldguide.base.paths import Paths
from fieldguide.data.cropping import Box, cut
from fieldguide.data.decoding.identity import part_id
from fieldguide.data.field_data import FieldData
from fieldguide.data.images import Picture, PictureError, read_picture
from fieldguide.data.raw_table import raw_table
from fieldguide.data.sources.row import picture_row
from fieldguide.data.splits import split_pictures
from fieldguide.data.table import IMAGES, RAW, read_table, write_table
from fieldguide.model.architecture import Normalization
from fieldguide.model.description import preprocessing_of
from fieldguide.screening.near_duplicates import near_duplicates_of
from fieldguide.stages import clean, split
from stages.cleaned import check_folder

LEFT, RIGHT = (0.0, 0.0, 0.5, 1.0), (0.5, 0.0, 0.5, 1.0)


@settings(max_examples=examples(60), derandomize=True, deadline=None)
@given(st.integers(1, 90), st.integers(1, 90), st.data())
def test_a_box_is_the_pixels_it_was_drawn_around(width: int, height: int, data: st.DataObject) -> None:
    left, top = data.draw(st.integers(0, width - 1)), data.draw(st.integers(0, height - 1))
    right, bottom = data.draw(st.integers(left + 1, width)), data.draw(st.integers(top + 1, height))
    image = noise(width * height, width, height)
    box = (left / width, top / height, (right - left) / width, (bottom - top) / height)
    assert (
        cut(Picture(image, "0" * 16, image.size), box, 0).image.tobytes()
        == image.crop((left, top, right, bottom)).tobytes()
    )


@pytest.mark.parametrize(
    ("box", "margin", "pixels", "note"),
    [
        ((0.25, 0.25, 0.5, 0.5), 0.0, (25, 20, 75, 60), ""),
        ((0.25, 0.25, 0.5, 0.5), 0.1, (20, 16, 80, 64), ""),
        ((0.0, 0.0, 0.5, 0.5), 0.5, (0, 0, 75, 60), ""),  # a margin may end with the picture
        ((-0.2, 0.0, 0.5, 1.0), 0.0, (0, 0, 30, 80), "its box reaches beyond the picture"),
        ((0.5, 0.5, 0.501, 0.5), 0.0, (50, 40, 100, 80), ""),  # rounding
        ((-1e300, 0.0, 2e300, 1.0), 1.0, (0, 0, 100, 80), "its box reaches beyond the picture"),
        ((0.5, 1 - 1e-9, 1e-9, 1e-9), 0.0, (50, 79, 51, 80), ""),
    ],
)
def test_a_margin_is_a_share_of_the_box_and_ends_with_the_picture(
    box: Box, margin: float, pixels: tuple[int, int, int, int], note: str
) -> None:
    image = noise(1, 100, 80)
    found = cut(Picture(image, "0" * 16, image.size), box, margin)
    assert found.image.tobytes() == image.crop(pixels).tobytes()
    assert found.note == note


@pytest.mark.parametrize(
    ("box", "reason"),
    [
        ((0.1, 0.1, 0.0, 0.5), "no size"),
        ((0.1, 0.1, -0.5, 0.5), "no size"),
        ((0.1, math.nan, 0.5, 0.5), "no size"),
        ((0.1, 0.1, math.inf, 0.5), "no size"),
        ((1.0, 0.0, 0.5, 0.5), "outside the picture"),
        ((0.0, -0.5, 0.5, 0.5), "outside the picture"),
        ((120.0, 40.0, 60.0, 30.0), "outside the picture"),  # pixels
    ],
)
def test_a_box_that_holds_nothing_is_a_reason(box: Box, reason: str) -> None:
    with pytest.raises(PictureError, match=reason) as error:
        cut(Picture(noise(1), "0" * 16, noise(1).size), box, 0.1)
    assert error.value.status == "no_box"


def cleaned(
    own_data: OwnData, pictures: list[tuple[str, Image.Image | bytes, str, Box | None]], crop: str, *overrides: str
) -> tuple[Paths, pd.DataFrame]:
    """The image table of pictures: path below data/raw, content, label, box."""
    cfg, paths = own_data("{}", f"clean.crop={crop}", *overrides)
    for path, content, _, _ in pictures:
        put(paths.raw / path, content)
    rows = [
        picture_row(path, path, label, paths.raw / path, FieldData(site="S", box=box))
        for path, _, label, box in pictures
    ]
    write_table(raw_table(rows, paths.name_of_raw), paths.raw_table, RAW)
    clean.run(cfg, paths)
    table = read_table(paths.image_table, IMAGES)
    check_folder(paths, table)
    return paths, table


@pytest.mark.slow
def test_each_box_of_a_file_is_a_picture(own_data: OwnData, monkeypatch: pytest.MonkeyPatch) -> None:
    opened: list[str] = []
    read = read_picture

    def counted(file: Path, *arguments: Any) -> Picture:
        opened.append(file.name)
        return read(file, *arguments)

    monkeypatch.setattr("fieldguide.base.parallel.usable_cores", lambda: 1)
    monkeypatch.setattr("fieldguide.data.cleaning_file.read_picture", counted)
    two, one = noise(1, 120, 80), noise(2, 100, 80)
    pictures: list[tuple[str, Image.Image | bytes, str, Box | None]] = [
        ("cam/1.png", two, "cat", LEFT),
        ("cam/1.png", two, "dog", RIGHT),
        ("cam/1.png", two, "dog", RIGHT),
        ("cam/2.png", one, "cat", None),
        ("cam/3.png", one, "cat", (2.0, 0.0, 1.0, 1.0)),
        ("cam/4.png", one, "cat", (0.0, 0.0, 0.2, 0.2)),
        ("cam/5.png", b"no picture", "cat", LEFT),
    ]
    _, table = cleaned(own_data, pictures, "boxes", "clean.crop_margin=0")
    assert list(table["status"]) == ["kept", "kept", "duplicate", "no_box", "no_box", "too_small", "not_a_picture"]
    assert list(table["reason"])[2:6] == [
        "the same box twice",
        "it has no box, and `clean.crop: boxes` takes nothing else",
        "its box lies outside the picture: left 2, top 0, width 1, height 1",
        "20 x 16 pixels, the shorter side must have 32",
    ]
    assert list(table["id"])[:2] == [part_id(id_of(two), box) for box in ((0, 0, 60, 80), (60, 0, 120, 80))]
    assert list(table["cut_from"])[:2] == [id_of(two)] * 2
    assert list(table["width"])[:2] == [60, 60]
    assert list(table["path"]) == [path for path, *_ in pictures]
    assert opened == ["1.png", "3.png", "4.png", "5.png"]  # each once, 2.png not at all
    cleaned(own_data, pictures, "boxes", "clean.crop_margin=0")
    assert len(opened) == 4  # what was found is kept, refusals too
    _, with_margin = cleaned(own_data, pictures, "boxes", "clean.crop_margin=0.25")
    assert list(with_margin["width"])[:2] == [75, 75]


def test_without_cropping_a_file_is_one_picture(own_data: OwnData) -> None:
    two, one, own = noise(1), noise(2), noise(3)
    pictures: list[tuple[str, Image.Image | bytes, str, Box | None]] = [
        ("cam/1.png", two, "cat", LEFT),
        ("cam/1.png", two, "cat", RIGHT),
        ("cam/2.png", one, "cat", LEFT),
        ("cam/2.png", one, "dog", RIGHT),
        ("cam/3.png", own, "cat", None),
        ("cam/3.png", own, "dog", None),
    ]
    _, table = cleaned(own_data, pictures, "none")
    assert list(table["path"]) == [f"cam/{number}.png" for number in (1, 2, 2, 3, 3)]
    assert list(table["status"]) == ["kept", *["conflict"] * 4]
    assert table["cut_from"].isna().all()
    assert table.at[1, "reason"] == "it has several labels: cat, dog; with `clean.crop: boxes` each box keeps its own"
    assert table.at[3, "reason"] == "it has several labels: cat, dog"


def test_boxes_are_of_the_upright_picture(own_data: OwnData) -> None:
    turned = Image.Exif()
    turned[0x0112] = 6
    stored = noise(1, 120, 80)
    file = encoded(stored, "PNG", exif=turned)
    _, table = cleaned(own_data, [("cam/1.png", file, "cat", (0.0, 0.0, 1.0, 0.5))], "boxes", "clean.crop_margin=0")
    upright = stored.transpose(Image.Transpose.ROTATE_270)
    assert (upright.size, list(table["id"])) == ((80, 120), [part_id(id_of(file), (0, 0, 80, 60))])


def test_boxes_of_deep_pictures_have_an_id_whatever_the_depth(own_data: OwnData) -> None:
    values = np.random.default_rng(1).integers(0, 1000, (64, 96), dtype=np.uint16)
    dim, bright = (encoded(Image.fromarray(values * factor), "PNG") for factor in (1, 60))
    pictures: list[tuple[str, Image.Image | bytes, str, Box | None]] = [
        ("cam/dim.png", dim, "cat", LEFT),
        ("cam/dim.png", dim, "cat", RIGHT),
    ]
    _, alone = cleaned(own_data, pictures, "boxes")
    _, together = cleaned(own_data, [*pictures, ("cam/bright.png", bright, "cat", LEFT)], "boxes")
    assert list(alone["depth"]) == [10, 10]
    assert list(together["depth"]) == [16, 16, 16]
    assert list(alone["id"]) == list(together["id"])[:2]
    assert together["id"].is_unique


def boxes_of(files: dict[str, list[str | None]], seed: int) -> pd.DataFrame:
    """The image table of boxes: file, and the key `animal` of each of its boxes; of other files now and then alike."""
    chance = np.random.default_rng(seed)
    rows: list[dict[str, Any]] = []
    for file, animals in files.items():
        for number, animal in enumerate(animals):
            alike = chance.integers(0, 40)
            hashed = np.random.default_rng(alike).integers(0, 256, 32, dtype=np.uint8).tobytes().hex()
            rows.append({"id": f"{file}{number}", "cut_from": file, "perceptual_hash": hashed, "animal": animal})
    return pd.DataFrame(rows, dtype=object)


ANIMALS = st.lists(st.sampled_from(["x", "y", "z", None]), min_size=1, max_size=4)
FILES = st.dictionaries(st.text("abcdef", min_size=3, max_size=3), ANIMALS, min_size=1, max_size=25)


@settings(max_examples=examples(40), derandomize=True, deadline=None)
@given(FILES, st.integers(0, 5), st.sampled_from(["look_alike", "animal"]), st.floats(0.2, 1))
def test_boxes_of_one_file_are_on_one_side_and_newcomers_move_none(
    files: dict[str, list[str | None]], seed: int, key: str, share: float
) -> None:
    cfg = SplitConfig(valid=0.3, test=0.3, group_by=key)
    table = boxes_of(files, seed)
    if key == "animal" and table["animal"].isna().all():
        return
    sides = split_pictures(table, cfg).set_index("id")["split"]
    used = sides[sides != "left_out"]
    assert (used.groupby(table.set_index("id")["cut_from"]).nunique() <= 1).all()
    known = table.head(max(1, round(share * len(table))))
    if key == "animal" and known["animal"].isna().all():
        return
    before = split_pictures(known, cfg).set_index("id")["split"]
    after = sides.loc[before.index]
    assert ((after == before) | (after == "left_out") | (before == "left_out")).all()


@pytest.mark.slow
def test_boxes_that_nothing_else_keeps_together_are_kept_together_by_their_file(own_data: OwnData) -> None:
    pictures: list[tuple[str, Image.Image | bytes, str, Box | None]] = [
        (f"cam/{number}.png", noise(number, 160, 80), label, box)
        for number in range(40)
        for label, box in (("cat", LEFT), ("dog", RIGHT))
    ]
    paths, table = cleaned(own_data, pictures, "boxes")
    cfg, _ = own_data()
    split.run(cfg, paths)
    divided = pd.read_parquet(paths.split_table)
    assert set(divided["split"]) == {"train", "valid", "test"}  # none is left out
    assert set(divided["split_key"]) == set(table["cut_from"])
    assert (divided.groupby("split_key")["split"].nunique() == 1).all()
    again = run_command("explain", "cam/7.png", cwd=paths.root)
    assert "cam/7.png has 2 boxes: give the id of one" in again.stderr
    found = run_command("explain", str(table.at[14, "id"]), cwd=paths.root)
    assert "box         left 0, top 0, width 0.5, height 1, cut from" in found.stdout


def test_boxes_of_one_file_are_no_near_duplicates() -> None:
    pictures = pd.DataFrame(
        {"id": ["p", "q", "r"], "label": ["cat", "dog", "cat"], "group": ["p", "p", "r"], "path": ["1", "1", "2"]}
    )
    features = np.array([[1, 0], [1, 0.01], [1, 0.02]], np.float32)
    assert list(near_duplicates_of(features, pictures)["near_duplicate_of"]) == ["r", "r", "q"]


def test_a_classifier_remembers_that_it_was_trained_on_boxes() -> None:
    normalization = Normalization((0.5,) * 3, (0.5,) * 3)
    resize = RESIZES.validate({"method": "squish"})
    of_boxes = preprocessing_of(resize, 64, normalization, 150.0, 320, "boxes", 0.2)
    assert {"crop": "boxes", "crop_margin": 0.2}.items() <= of_boxes.as_dict().items()
    of_pictures = preprocessing_of(resize, 64, normalization, 150.0, 320, "none", 0.2)
    assert of_pictures == preprocessing_of(resize, 64, normalization, 150.0, 320)
    assert not {"crop", "crop_margin"} & of_pictures.as_dict().keys()  # as it was before there were boxes
