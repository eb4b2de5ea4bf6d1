"""Doubts about the labels of a delivery, without any champion: by models that have not seen the picture."""

import shutil
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image

from conftest import CHECKOUT, PARAMS, encoded, examples, few_daily, put
from fieldguide.base.compose import compose
from fieldguide.base.config import RetrainConfig
from fieldguide.base.paths import Paths
from fieldguide.retraining.data_set import Told
from fieldguide.retraining.label_checks import answers_out_of_fold, check_labels, find_doubts
from fieldguide.retraining.shown import Shown, known_pictures, shown_known, shown_new
from fieldguide.retraining.triggers import Facts, decide
from videos import video

WRONG = 6  # of 40


def striped(seed: int, across: bool) -> bytes:
    """Stripes in any two colours, across or down."""
    chance = np.random.default_rng([seed, across])
    one, other = chance.integers(0, 256, (2, 3))
    bright = (np.arange(64) / 64 * chance.integers(3, 7) + chance.random()) % 1 < 0.5
    row = np.where(bright[:, None], one, other).astype(np.uint8)
    picture = np.broadcast_to(row[:, None] if across else row[None], (64, 64, 3))
    return encoded(Image.fromarray(picture.copy()), "PNG")


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Paths:
    """A data set of 160 pictures with two labels, and nothing trained yet."""
    root = tmp_path_factory.mktemp("home")
    shutil.copytree(CHECKOUT / "conf", root / "conf")
    (root / "params.yaml").write_text(PARAMS.replace("checks: few", "checks: standard"), encoding="utf-8")
    for number in range(80):
        put(root / "data" / "sources" / "own" / "across" / f"{number}.png", striped(number, across=True))
        put(root / "data" / "sources" / "own" / "down" / f"{number}.png", striped(number, across=False))
    return Paths(root)


def shown(folder: Path, names: Sequence[str] | None = None) -> list[Shown]:
    """Pictures in folders of labels."""
    names = names or sorted(path.relative_to(folder).as_posix() for path in folder.glob("*/*"))
    return [Shown(folder / name, name.partition("/")[0], name) for name in names]


@pytest.mark.slow
@pytest.mark.parametrize("wrong", [0, WRONG])
def test_wrong_labels_hold_a_delivery_back_and_right_ones_do_not(home: Paths, tmp_path: Path, wrong: int) -> None:
    """15 % wrong; the disputed pictures are named with both labels, and a broken picture of the data set is no harm."""
    put(home.sources / "own" / "down" / "broken.png", b"no picture")
    names = []
    for number in range(40):
        names.append(f"{'down' if number < wrong else 'across'}/{number}.png")
        put(tmp_path / names[-1], striped(1000 + number, across=True))
    cfg = compose(home)
    new = shown(tmp_path, names)
    found, unchecked = check_labels(partial(answers_out_of_fold, cfg, home), shown(home.sources / "own"), new)
    assert found is not None and found.pictures == 40 and not unchecked
    assert decide(Facts(doubts=found), RetrainConfig()).hold == bool(wrong)
    told = {(one.file, one.label, one.suggested) for one in found.which}
    assert {(name, "down", "across") for name in names[:wrong]} <= told


@pytest.mark.slow
def test_frames_of_videos_are_checked_beside_those_of_the_data_set(home: Paths, tmp_path: Path) -> None:
    cfg = compose(home)
    files = {f"{label}/{number}.avi": tmp_path / f"{label}{number}.avi" for label in ("fox", "owl") for number in "ab"}
    for file in files.values():
        video(file, "mjpeg", count=40, gop=1)
    data = files["owl/b.avi"].read_bytes()
    files["owl/b.avi"].write_bytes(data[: len(data) // 2])
    files["owl/c.avi"] = put(tmp_path / "c.avi", b"RIFF no video")
    files["fox/1.png"] = put(tmp_path / "1.png", striped(1, across=True))

    def tell(path: str) -> list[Told]:
        label = path.partition("/")[0]
        return [Told(label, label)]

    (tmp_path / "work").mkdir()
    pictures = known_pictures(sorted(files), tell)
    known = shown_known(files, pictures, cfg, tmp_path / "work")
    assert Counter(one.source for one in known) == {
        "fox/1.png": 1, "fox/a.avi": 4, "fox/b.avi": 4, "owl/a.avi": 4, "owl/b.avi": 2,
    }  # fmt: skip
    assert all(one.label == one.source.partition("/")[0] for one in known)
    assert len({one.file.read_bytes() for one in known if one.source == "fox/a.avi"}) == 4, "each its own frame"
    arrived = pd.DataFrame({"file": ["fox1.avi"], "target": ["fox/1.avi"]})
    put(tmp_path / "fox1.avi", data[: len(data) // 2])
    new, unread = shown_new(tmp_path, arrived, tell, cfg, tmp_path / "work")
    assert [one.source for one in new] == ["fox1.avi"] * 2 and not unread, "what comes before the damage"


def test_a_box_that_cannot_be_cut_out_costs_no_other_of_its_picture(home: Paths, tmp_path: Path) -> None:
    cfg, bad, good = compose(home), (2.0, 2.0, 0.1, 0.1), (0.0, 0.0, 0.5, 0.5)
    file = put(tmp_path / "1.png", striped(1, across=True))
    boxes = {"1.png": [bad, good], "2.png": [bad, bad]}
    (tmp_path / "work").mkdir()

    def tell(path: str) -> list[Told]:
        return [Told("fox", "fox", box=box) for box in boxes[path]]

    pictures = known_pictures(sorted(boxes), tell)
    [known] = shown_known(dict.fromkeys(boxes, file), pictures, cfg, tmp_path / "work")
    assert known.source == "1.png" and Image.open(known.file).size[0] < 64
    put(tmp_path / "2.png", striped(2, across=True))
    arrived = pd.DataFrame({"file": sorted(boxes), "target": sorted(boxes)})
    [new], unread = shown_new(tmp_path, arrived, tell, cfg, tmp_path / "work")
    assert new.source == "1.png" and Image.open(new.file).size[0] < 64
    assert list(unread) == ["2.png"] and "outside the picture" in unread["2.png"]


def test_doubts_are_counted_beside_the_usual_ones() -> None:
    """A tenth of the right labels is disputed, nine tenths of wrong ones would be, and a half of the new ones is."""
    labels = ["a"] * 100 + ["b"] * 20
    answers = np.eye(2)[[1] * 10 + [0] * 90 + [0] * 10 + [1] * 10]
    new = np.arange(120) >= 100
    names = [str(number) for number in range(120)]
    found = find_doubts(answers, labels, new, names)
    assert (found.disputed, found.pictures) == (10, 20)
    assert found.usual == pytest.approx(0.1) and found.excess == pytest.approx(0.5)
    assert found.p_value < 0.002 and {one.suggested for one in found.which} == {"a"}


@pytest.mark.parametrize("wrong", [0, 9])
def test_a_delivery_of_one_hard_label_is_compared_with_known_pictures_of_it(wrong: int) -> None:
    """A quarter of label b is always disputed, and none of label a: 60 of b with 15 disputed are as good as usual."""
    truth = np.array([0] * 200 + [1] * 200 + [1] * 60)
    new = np.arange(460) >= 400
    given = truth.copy()
    given[400 : 400 + wrong] = 0
    sure = np.where(truth == 0, 0.02, np.where(np.arange(460) % 4 == 0, 0.4, 0.95))
    probabilities = np.stack([1 - sure, sure], axis=1)
    found = find_doubts(probabilities, ["ab"[one] for one in given], new, [""] * 460)
    assert decide(Facts(doubts=found), RetrainConfig()).hold == bool(wrong)
    if not wrong:
        assert found.usual == pytest.approx(0.25) and abs(found.excess) < 0.01 and found.p_value > 0.3


@pytest.mark.parametrize(("labels", "sureness"), few_daily([(2, 0.2), (6, 0.25), (6, 0.6), (20, 0.15)], 4))
def test_the_share_of_wrong_labels_is_estimated_also_where_probabilities_are_diffuse(
    labels: int, sureness: float
) -> None:
    """The right label has 1 / labels + `sureness`, the rest is shared out by chance; 9 of 60 new labels are wrong."""
    held, shares = [], []
    for seed in range(20):
        chance = np.random.default_rng([seed, labels])
        truth, new = chance.permutation(np.arange(300) % labels), np.arange(300) >= 240
        probabilities = chance.dirichlet(np.full(labels, 5.0), 300) * (1 - 1 / labels - sureness)
        probabilities[np.arange(300), truth] += 1 / labels + sureness
        for wrong in (0, 9):
            given = truth.copy()
            given[240 : 240 + wrong] = (given[240 : 240 + wrong] + 1) % labels
            found = find_doubts(probabilities, [f"{one:02}" for one in given], new, [""] * 300)
            held.append((wrong, decide(Facts(doubts=found), RetrainConfig()).hold))
            shares.append((wrong, found.excess))
    assert np.mean([share for wrong, share in shares if wrong]) == pytest.approx(0.15, abs=0.02)
    assert np.mean([share for wrong, share in shares if not wrong]) == pytest.approx(0, abs=0.02)
    assert held.count((9, True)) == 20 and held.count((0, True)) == 0


@given(seed=st.integers(0, 10_000), known=st.integers(2, 60), arrived=st.integers(1, 40))
@settings(max_examples=examples(40), deadline=None)
def test_shares_and_p_values_stay_in_their_ranges(seed: int, known: int, arrived: int) -> None:
    """Whatever the number of pictures, labels and mistakes."""
    chance = np.random.default_rng(seed)
    count = known + arrived
    labels = ["label 0", "label 1", *(f"label {chance.integers(3)}" for _ in range(count - 2))]
    vocabulary = sorted(set(labels))
    probabilities = chance.dirichlet(np.ones(len(vocabulary)), count)
    found = find_doubts(probabilities, labels, np.arange(count) >= known, [""] * count)
    assert 0 < found.p_value <= 1 and 0 <= found.usual <= 1 and -1 <= found.excess <= 1
    assert found.disputed == len(found.which) <= found.pictures == arrived


def test_a_small_or_uniform_data_set_is_told_to_be_no_measure(tmp_path: Path) -> None:
    def never(*_: object) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
        raise AssertionError("nobody is asked")

    new = shown(tmp_path, ["a/new.png"])
    known = shown(tmp_path, [f"{'ab'[number % 2]}/{number}.png" for number in range(20)])
    assert check_labels(never, known[:19], new) == (None, "the data set has 19 files, 20 are needed")
    single = [replace(one, label="a") for one in known]
    assert check_labels(never, single, new) == (None, "the data set has a single label")
    assert check_labels(never, known, []) == (None, "")


def test_frames_of_one_video_are_one_witness(tmp_path: Path) -> None:
    """All eight frames of one new video are disputed: that is one label in doubt, of four."""

    def answer(pictures: Sequence[Shown], taught: NDArray[np.bool_]) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
        targets = [int((one.label == "b") != one.source.startswith("wrong")) for one in pictures]
        return np.eye(2)[targets], np.ones(len(pictures), bool)

    known = shown(tmp_path, [f"{'ab'[number % 2]}/{number}.png" for number in range(40)])
    new = shown(tmp_path, ["a/new.png", "b/new.png", "b/other.png"])
    new += [replace(new[0], source="wrong.avi", file=tmp_path / f"frame{number}.png") for number in range(8)]
    found, unchecked = check_labels(answer, known, new)
    assert found is not None and not unchecked
    assert (found.disputed, found.pictures) == (1, 4) and [one.file for one in found.which] == ["wrong.avi"]
    assert found.p_value > 0.05


def test_a_label_that_few_known_pictures_have_is_learned_from_the_delivery_too(tmp_path: Path) -> None:
    """A new label cannot be known, so it is not disputed for that; two folders of one label count together."""
    asked: list[tuple[list[str], list[bool]]] = []

    def answer(pictures: Sequence[Shown], taught: NDArray[np.bool_]) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
        labels = [one.label for one in pictures]
        asked.append((labels, taught.tolist()))
        right = np.eye(len(set(labels)))[np.searchsorted(sorted(set(labels)), list(labels))]
        return right, np.ones(len(pictures), bool)

    def learned(names: Sequence[str]) -> list[Shown]:
        return [replace(one, label=one.label.replace("cub", "bear")) for one in shown(tmp_path, names)]

    known = learned([f"{('bear', 'cub', 'owl')[number % 3]}/{number}.png" for number in range(30)])
    found, unchecked = check_labels(answer, known, learned(["bear/1.png", "cub/2.png", "lynx/3.png"]))
    assert found is not None and found.disputed == 0 and not unchecked
    ((labels, taught),) = asked
    assert labels[-3:] == ["bear", "bear", "lynx"] and set(labels) == {"bear", "owl", "lynx"}
    assert taught == [True] * 30 + [False, False, True]
