"""Making pictures square."""

import random

import numpy as np
import PIL
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageOps

from conftest import examples, noise
from fieldguide.base.operations import RESIZES
from fieldguide.data.resampling import resampled, shrunk
from fieldguide.data.resizing.pad import Pad, PadMode
from fieldguide.data.resizing.random_crop import RandomCrop

METHODS = list(RESIZES)
PADDED: tuple[PadMode, ...] = ("border", "reflection")


def to_square(picture: Image.Image, method: str, size: int) -> Image.Image:
    square: Image.Image = RESIZES[method](method).square(picture, size)
    return square


def three_parts(wide: bool) -> Image.Image:
    """Red, green, blue: from left to right, 300 x 100, or from top to bottom, 100 x 300."""
    pixels = np.zeros((100, 300, 3), np.uint8)
    for part in range(3):
        pixels[:, 100 * part : 100 * part + 100, part] = 255
    return Image.fromarray(pixels if wide else pixels.transpose(1, 0, 2))


@settings(max_examples=examples(80), derandomize=True, deadline=None)
@given(
    width=st.integers(1, 500), height=st.integers(1, 500), size=st.integers(16, 200), method=st.sampled_from(METHODS)
)
def test_any_shape_becomes_the_square_that_was_asked_for(width: int, height: int, size: int, method: str) -> None:
    square = to_square(Image.new("RGB", (width, height), "white"), method, size)
    assert (square.size, square.mode) == ((size, size), "RGB")


@pytest.mark.parametrize("wide", [True, False])
def test_squish_keeps_everything(wide: bool) -> None:
    square = np.asarray(to_square(three_parts(wide), "squish", 90)).astype(float) / 255
    assert np.allclose(square.mean(axis=(0, 1)), 1 / 3, atol=0.02)


@pytest.mark.parametrize(
    ("width", "height", "first"),
    [(50, 300, (50, 90)), (300, 50, (90, 50)), (150, 200, (90, 200)), (91, 200, (91, 90)), (60, 80, (90, 80))],
)
def test_which_side_comes_first_is_not_left_to_pillow(width: int, height: int, first: tuple[int, int]) -> None:
    """Versions 12 and 13 differ in that, and so in the last digits of some pixels: here it is that of 13."""
    picture = noise(1, width, height)
    bilinear = Image.Resampling.BILINEAR
    wanted = np.asarray(picture.resize(first, bilinear).resize((90, 90), bilinear))
    assert (np.asarray(to_square(picture, "squish", 90)) == wanted).all()


@pytest.mark.skipif(int(PIL.__version__.partition(".")[0]) < 13, reason="Pillow before 13 takes another order")
@settings(max_examples=examples(80), derandomize=True, deadline=None)
@given(width=st.integers(2, 400), height=st.integers(2, 900), to=st.tuples(st.integers(1, 200), st.integers(1, 200)))
def test_pixels_are_those_of_pillow_13(width: int, height: int, to: tuple[int, int]) -> None:
    picture, bilinear, lanczos = noise(1, width, height), Image.Resampling.BILINEAR, Image.Resampling.LANCZOS
    box = (width / 5, height / 7, width / 1.1, height / 1.3)
    pairs = (
        (resampled(picture, to, bilinear), picture.resize(to, bilinear)),
        (resampled(picture, to, bilinear, box), picture.resize(to, bilinear, box)),
        (shrunk(picture, to), picture.resize(to, lanczos, reducing_gap=2.0)),
        (to_square(picture, "crop", to[0]), ImageOps.fit(picture, (to[0], to[0]), bilinear)),
    )
    for mine, pillows in pairs:
        assert (np.asarray(mine) == np.asarray(pillows)).all()


@pytest.mark.parametrize("wide", [True, False])
@pytest.mark.parametrize("method", ["crop", "random_crop"])
def test_crop_keeps_the_middle_only(method: str, wide: bool) -> None:
    square = np.asarray(to_square(three_parts(wide), method, 90))
    assert (square[5:-5, 5:-5] == (0, 255, 0)).all()
    assert (square[:, :, 1] > 200).all()


@pytest.mark.parametrize("wide", [True, False])
def test_pad_keeps_proportions_between_black_bars(wide: bool) -> None:
    square = np.asarray(to_square(three_parts(wide), "pad", 90)).astype(int)
    square = square if wide else square.transpose(1, 0, 2)
    assert not square[:29].any()
    assert not square[61:].any()
    assert (square[35:55].sum(axis=2) > 200).all()
    assert (square[45, 5], square[45, 45], square[45, 85]) == pytest.approx(np.eye(3) * 255)


@pytest.mark.parametrize("shape", [(320, 1), (1, 320)])
@pytest.mark.parametrize("mode", ["zeros", "border", "reflection"])
def test_pad_leaves_something_of_the_longest_picture(mode: PadMode, shape: tuple[int, int]) -> None:
    square = Pad("pad", mode).square(Image.new("RGB", shape, "white"), 128)
    assert square.size == (128, 128)
    assert square.getextrema() == ((255 if mode != "zeros" else 0, 255),) * 3


@pytest.mark.parametrize("wide", [True, False])
def test_pad_draws_out_the_edge_or_mirrors_the_picture(wide: bool) -> None:
    gradient = np.tile(np.linspace(40, 220, 30, dtype=np.uint8)[:, None, None], (1, 90, 3))
    picture = Image.fromarray(gradient if wide else gradient.transpose(1, 0, 2))
    border, mirror = (np.asarray(Pad("pad", mode).square(picture, 90)).astype(int)[:, :, 0] for mode in PADDED)
    border, mirror = (border, mirror) if wide else (border.T, mirror.T)
    assert (border[:30] == border[30]).all()
    assert (border[60:] == border[59]).all()
    assert (mirror[2:30] == mirror[31:59][::-1]).all()
    assert (border[30:60] == mirror[30:60]).all()


@pytest.mark.parametrize("method", METHODS)
def test_a_square_of_the_right_size_stays_as_it_is(method: str) -> None:
    picture = noise(1, 64, 64)
    assert np.array_equal(np.asarray(to_square(picture, method, 64)), np.asarray(picture))


@settings(max_examples=examples(80), derandomize=True, deadline=None)
@given(
    width=st.integers(1, 400),
    height=st.integers(1, 400),
    scales=st.tuples(st.floats(0.05, 1), st.floats(0.05, 1)),
    seed=st.integers(0, 99),
)
def test_a_random_part_of_any_shape_is_square(width: int, height: int, scales: tuple[float, float], seed: int) -> None:
    picture = Image.new("RGB", (width, height), "white")
    random.seed(seed)
    first = RandomCrop("random_crop", min(scales), max(scales)).training_square(picture, 32)
    assert first.size == (32, 32)
    assert first.getextrema() == ((255, 255),) * 3  # nothing from outside


def test_random_parts_follow_the_seed_and_the_scale() -> None:
    rows, columns = np.indices((200, 200))
    position = Image.fromarray(np.stack([columns, rows, rows * 0], axis=2).astype(np.uint8))

    def area(scale: float, seed: int) -> float:
        random.seed(seed)
        part = np.asarray(RandomCrop("random_crop", scale, scale).training_square(position, 64)).astype(float)
        return float(np.ptp(part[:, :, 0]) * np.ptp(part[:, :, 1]) / 200**2)

    assert area(0.3, 1) == area(0.3, 1)
    assert len({area(0.3, seed) for seed in range(20)}) > 3
    for scale in (0.1, 0.3, 0.6):
        assert np.mean([area(scale, seed) for seed in range(20)]) == pytest.approx(scale, rel=0.15)
