"""Doubts about the labels of a delivery, without any champion: by models that have not seen the picture."""

import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from conftest import CHECKOUT, PARAMS, encoded, put
from fieldguide.base.compose import compose
from fieldguide.base.config import RetrainConfig
from fieldguide.base.paths import Paths
from fieldguide.retraining.label_checks import answers_out_of_fold, check_labels, find_doubts
from fieldguide.retraining.triggers import Facts, decide

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


@pytest.mark.slow
@pytest.mark.parametrize("wrong", [0, WRONG])
def test_wrong_labels_hold_a_delivery_back_and_right_ones_do_not(home: Paths, tmp_path: Path, wrong: int) -> None:
    """15 % wrong; the disputed pictures are named with both labels, and a broken picture of the data set is no harm."""
    put(home.sources / "own" / "down" / "broken.png", b"no picture")
    names = []
    for number in range(40):
        names.append(f"{'down' if number < wrong else 'across'}/{number}.png")
        put(tmp_path / names[-1], striped(1000 + number, across=True))
    new = pd.DataFrame({"file": names, "target": names})
    cfg = compose(home)
    found = check_labels(
        lambda files, labels: answers_out_of_fold(cfg, home, files, labels), home.sources / "own", tmp_path, new
    )
    assert found is not None and found.pictures == 40
    assert decide(Facts(doubts=found), RetrainConfig()).hold == bool(wrong)
    told = {(one.file, one.label, one.suggested) for one in found.which}
    assert len({(name, "down", "across") for name in names[:wrong]} & told) >= wrong - 1


def test_doubts_are_counted_beside_the_usual_ones() -> None:
    """A tenth of the known labels is disputed, and a half of the new ones; nothing is said of too few known ones."""
    labels = ["a"] * 100 + ["b"] * 20
    answers = np.eye(2)[[1] * 10 + [0] * 90 + [0] * 10 + [1] * 10]
    new = np.arange(120) >= 100
    names = [str(number) for number in range(120)]
    found = find_doubts(answers, labels, new, names)
    assert found is not None and (found.disputed, found.pictures, found.usual) == (10, 20, 0.1)
    assert found.p_value < 0.001 and {one.suggested for one in found.which} == {"a"}
    assert find_doubts(answers[90:], labels[90:], new[90:], names[90:]) is None
