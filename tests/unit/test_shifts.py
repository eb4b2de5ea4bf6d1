"""The named shifts: RGB in, RGB of the same size out, the same for the same id, and each what its name says."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageOps

from conftest import noise
from fieldguide.data.images import measure
from fieldguide.evaluation.shifts import SHIFTS, shifted

PICTURE = noise(5, 120, 80)
RANDOM = {"night", "motion_blur", "rain", "partly_hidden", "strong_crop"}


def test_the_ten_are_there() -> None:
    assert len(SHIFTS) == 10


@pytest.mark.parametrize("shift", SHIFTS)
@settings(deadline=None)
@given(width=st.integers(1, 90), height=st.integers(1, 90), seed=st.integers(0, 99))
def test_size_and_mode_are_kept_and_the_picture_is_left_alone(shift: str, width: int, height: int, seed: int) -> None:
    picture = noise(seed, width, height)
    before = picture.tobytes()
    found = shifted(picture, shift, f"{seed:016x}")
    assert (found.size, found.mode) == (picture.size, "RGB")
    assert picture.tobytes() == before


@pytest.mark.parametrize("size", [(4000, 32), (32, 4000)])
@pytest.mark.parametrize("shift", SHIFTS)
def test_the_longest_picture_that_clean_keeps_is_no_trouble(shift: str, size: tuple[int, int]) -> None:
    assert shifted(Image.new("RGB", size, "grey"), shift, "0").size == size


@pytest.mark.parametrize("shift", SHIFTS)
def test_the_same_id_gives_the_same_picture(shift: str) -> None:
    found = shifted(PICTURE, shift, "a").tobytes()
    assert found == shifted(PICTURE.copy(), shift, "a").tobytes()
    assert found != PICTURE.tobytes()
    assert (found != shifted(PICTURE, shift, "b").tobytes()) == (shift in RANDOM)


@settings(deadline=None)
@given(st.integers(0, 1000))
def test_a_picture_by_night_is_dark_and_has_little_colour(seed: int) -> None:
    before, after = measure(noise(seed)), measure(shifted(noise(seed), "night", str(seed)))
    assert after["brightness"] < 0.7 * before["brightness"]
    assert after["saturation"] < 0.25


def test_black_and_white_has_no_colour_and_the_same_light() -> None:
    found = shifted(PICTURE, "black_and_white", "a")
    assert measure(found)["saturation"] == 0
    assert measure(found)["brightness"] == pytest.approx(measure(PICTURE)["brightness"], abs=0.01)


def test_a_drawing_is_strokes_on_bright_paper() -> None:
    square = Image.new("RGB", (100, 100), (220, 120, 60))
    square.paste((90, 60, 30), (30, 30, 70, 70))
    drawn = np.asarray(shifted(square, "hand_drawn", "a").convert("L"))
    assert drawn[50, 50] > 230  # inside, far from any edge, is paper
    assert drawn[5, 5] > 230
    assert drawn[48:52, 30:34].min() < 150  # at the edge is a stroke
    assert drawn.mean() > 200


def test_upside_down_twice_is_the_picture() -> None:
    once = shifted(PICTURE, "upside_down", "a")
    assert once.tobytes() == PICTURE.rotate(180).tobytes()
    assert shifted(once, "upside_down", "a").tobytes() == PICTURE.tobytes()


@pytest.mark.parametrize("shift", ["low_resolution", "motion_blur"])
def test_detail_is_lost_but_not_the_colours(shift: str) -> None:
    fine = Image.fromarray(np.random.default_rng(0).integers(0, 256, (96, 96, 3), np.uint8))
    found = shifted(fine, shift, "a")
    assert measure(found)["sharpness"] < 0.5 * measure(fine)["sharpness"]
    assert np.asarray(found).mean(axis=(0, 1)) == pytest.approx(np.asarray(fine).mean(axis=(0, 1)), abs=4)


def test_rain_greys_and_draws_streaks_that_stand_upright_more_than_they_lie() -> None:
    found = shifted(Image.new("RGB", (200, 200), (60, 120, 40)), "rain", "a")
    pixels = np.asarray(found.convert("L"), float)
    assert measure(found)["saturation"] < 0.25
    assert pixels.std() > 3
    assert np.abs(np.diff(pixels, axis=1)).mean() > 1.5 * np.abs(np.diff(pixels, axis=0)).mean()


def test_a_part_of_the_middle_is_hidden_and_the_sides_are_not() -> None:
    white = Image.new("RGB", (200, 100), "white")
    for name in "abcdefgh":
        hidden = np.asarray(shifted(white, "partly_hidden", name).convert("L")) < 200
        assert 0.2 < hidden.mean() < 0.45
        assert hidden[:, 60:140].mean() > 0.5
        assert not hidden[:, :10].any()
        assert not hidden[:, -10:].any()


def test_a_strong_crop_shows_a_quarter_of_the_picture() -> None:
    ramp = np.linspace(0, 255, 200).astype(np.uint8)
    picture = Image.fromarray(np.repeat(np.repeat(ramp[None, :, None], 200, axis=0), 3, axis=2))
    found = np.asarray(shifted(picture, "strong_crop", "a").convert("L"), float)
    assert found.max() - found.min() == pytest.approx(255 / 2, abs=4)


def test_jpeg_damage_makes_blocks() -> None:
    smooth = ImageOps.colorize(Image.linear_gradient("L"), "navy", "orange")
    pixels = np.asarray(shifted(smooth, "jpeg_damage", "a").convert("L"), float)
    steps = np.abs(np.diff(pixels, axis=0)).mean(axis=1)
    borders = np.arange(len(steps)) % 8 == 7
    assert steps[borders].mean() > 5 * steps[~borders].mean()
