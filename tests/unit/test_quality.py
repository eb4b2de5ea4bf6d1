"""Picture quality is what cleanvision says, on cleaned copies."""

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pandas as pd
import pytest
from cleanvision import Imagelab
from PIL import Image, ImageFilter

from conftest import noise
from fieldguide.base.files import sha256_of_file
from fieldguide.data.table import QUALITY_ISSUES
from fieldguide.screening.quality import picture_quality

LANDSCAPE = noise(1, 320, 240)
PICTURES = {
    "dark": LANDSCAPE.point(lambda value: value // 12),
    "light": LANDSCAPE.point(lambda value: 247 + value // 32),
    "blurry": LANDSCAPE.filter(ImageFilter.GaussianBlur(40)),
    "low_information": Image.new("RGB", (320, 240), (120, 80, 40)),
    "grayscale": LANDSCAPE.convert("L").convert("RGB"),
    "odd_aspect_ratio": noise(2, 320, 80),
}


@pytest.fixture(autouse=True)
def one_core(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("fieldguide.base.parallel.usable_cores", lambda: 1)


@pytest.fixture
def files(tmp_path: Path) -> list[Path]:
    """A good picture, then one with each fault, in the order of QUALITY_ISSUES."""
    found = []
    for name, picture in {"good": grainy(LANDSCAPE), **{issue: PICTURES[issue] for issue in QUALITY_ISSUES}}.items():
        found.append(tmp_path / f"{name}.jpg")
        picture.save(found[-1], quality=92)
    return found


def grainy(picture: Image.Image) -> Image.Image:
    grain = np.random.default_rng(0).integers(-30, 30, (picture.height, picture.width, 1))
    return Image.fromarray((np.asarray(picture).astype(int) + grain).clip(0, 255).astype(np.uint8))


def judged(files: list[Path]) -> pd.DataFrame:
    with TemporaryDirectory() as kept:
        return picture_quality([(sha256_of_file(file), file) for file in files], Path(kept))


def test_every_fault_is_named_and_a_good_picture_has_none(files: list[Path]) -> None:
    quality = judged(files)
    assert list(quality.columns) == [
        name for issue in QUALITY_ISSUES for name in (f"{issue}_score", f"is_{issue}_issue")
    ]
    assert not quality.loc[0, [f"is_{issue}_issue" for issue in QUALITY_ISSUES]].any()
    for row, issue in enumerate(QUALITY_ISSUES, start=1):
        assert quality.at[row, f"is_{issue}_issue"], issue
    scores = quality[[f"{issue}_score" for issue in QUALITY_ISSUES]]
    assert ((scores >= 0) & (scores <= 1)).all(axis=None)


def test_the_scores_are_those_of_cleanvision_in_the_order_of_the_files(files: list[Path]) -> None:
    lab = Imagelab(filepaths=[str(file) for file in files])
    lab.find_issues({issue: {} for issue in QUALITY_ISSUES if issue != "grayscale"}, n_jobs=1, verbose=False)
    theirs = lab.issues.loc[[str(file) for file in reversed(files)]].reset_index(drop=True)
    ours = judged(files[::-1])
    coloured = ours["grayscale_score"] == 1  # cleanvision judges a grey picture by other rules if it knows that it is
    assert coloured.sum() == len(files) - 1
    columns = [column for column in theirs.columns if column in ours.columns]
    assert len(columns) == 10
    pd.testing.assert_frame_equal(ours.loc[coloured, columns], theirs.loc[coloured, columns], check_dtype=False)


def test_what_was_measured_is_not_opened_again_and_what_is_damaged_is_measured_anew(
    files: list[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened: list[Path] = []

    def counted(file: Path) -> Any:
        opened.append(file)
        return file.open("rb")

    monkeypatch.setattr("fieldguide.screening.quality.open_file", counted)
    pictures, kept = [(sha256_of_file(file), file) for file in files], tmp_path / "kept"
    first = picture_quality(pictures[:-1], kept)
    assert len(opened) == len(files) - 1
    both = picture_quality(pictures, kept)
    assert opened[len(files) - 1 :] == [files[-1]]
    pd.testing.assert_frame_equal(both.iloc[:-1], first)
    pd.testing.assert_frame_equal(both, judged(files))
    [made] = kept.glob("*.json")
    made.write_bytes(made.read_bytes()[:-9])
    opened.clear()
    pd.testing.assert_frame_equal(picture_quality(pictures, kept), both)
    assert opened == files
