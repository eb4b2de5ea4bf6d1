"""Strangers' pictures: what is opened, what is refused and why, and what is measured."""

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image, ImageFilter

from conftest import encoded, examples, noise, png_header, put
from fieldguide.data.images import PictureError, bounded, measure, open_picture, perceptual_hash
from fieldguide.data.status import Status

ORIENTATION = 0x0112
GPS = 0x8825
Pixels = NDArray[Any]


def opened(data: bytes, max_megapixels: float = 10) -> Image.Image:
    return open_picture(io.BytesIO(data), max_megapixels)


def refused(file: Path | bytes, max_megapixels: float = 10) -> PictureError:
    with pytest.raises(PictureError) as error:
        open_picture(io.BytesIO(file) if isinstance(file, bytes) else file, max_megapixels)
    assert "\n" not in str(error.value)
    return error.value


def exif_of(orientation: int) -> Image.Exif:
    exif = Image.Exif()
    exif[ORIENTATION] = orientation
    exif[0x010F] = "camera"
    exif.get_ifd(GPS)[1] = "N"
    return exif


# What the standard says about the first stored row and column, in the words of numpy.
UPRIGHT: dict[int, Callable[[Pixels], Pixels]] = {
    1: lambda stored: stored,
    2: lambda stored: stored[:, ::-1],
    3: lambda stored: stored[::-1, ::-1],
    4: lambda stored: stored[::-1],
    5: lambda stored: stored.transpose(1, 0, 2),
    6: lambda stored: stored.transpose(1, 0, 2)[:, ::-1],
    7: lambda stored: stored.transpose(1, 0, 2)[::-1, ::-1],
    8: lambda stored: stored.transpose(1, 0, 2)[::-1],
    9: lambda stored: stored,
}


@pytest.mark.parametrize("orientation", UPRIGHT)
@pytest.mark.parametrize("kind", ["PNG", "TIFF"])
def test_pictures_come_upright(kind: str, orientation: int) -> None:
    stored = noise(1, 40, 24)
    picture = opened(encoded(stored, kind, exif=exif_of(orientation)))
    assert np.array_equal(np.asarray(picture), UPRIGHT[orientation](np.asarray(stored)))


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "TIFF", "AVIF"])
def test_no_metadata_is_left_to_be_written_again(kind: str) -> None:
    options: dict[str, Any] = {"comment": b"my address"} if kind == "JPEG" else {}
    data = encoded(noise(1), kind, exif=exif_of(6), icc_profile=b"a profile" * 20, dpi=(300, 300), **options)
    picture = opened(data)
    for form in ("JPEG", "PNG", "WEBP"):
        copy = encoded(picture, form)
        again = Image.open(io.BytesIO(copy))
        assert not {"exif", "icc_profile", "comment", "xmp"} & set(again.info)
        assert not again.getexif()
        assert b"address" not in copy
        assert b"camera" not in copy


MODES = {
    "black and white": lambda: encoded(noise(1).convert("1"), "PNG"),
    "grey": lambda: encoded(noise(1).convert("L"), "PNG"),
    "grey with transparency": lambda: encoded(noise(1).convert("LA"), "PNG"),
    "palette": lambda: encoded(noise(1).quantize(16), "PNG"),
    "palette with transparency": lambda: encoded(noise(1).quantize(16), "PNG", transparency=bytes(8)),
    "transparency": lambda: encoded(noise(1).convert("RGBA"), "PNG"),
    "one transparent colour": lambda: encoded(noise(1), "PNG", transparency=(1, 2, 3)),
    "CMYK JPEG": lambda: encoded(noise(1).convert("CMYK"), "JPEG"),
    "CMYK TIFF": lambda: encoded(noise(1).convert("CMYK"), "TIFF"),
    "YCbCr": lambda: encoded(noise(1).convert("YCbCr"), "TIFF"),
    "LAB": lambda: encoded(Image.new("LAB", (64, 48)), "TIFF"),
    "16-bit PNG": lambda: encoded(Image.new("I;16", (64, 48), 40000), "PNG"),
    "16-bit TIFF": lambda: encoded(Image.new("I;16", (64, 48), 40000), "TIFF"),
    "32-bit TIFF": lambda: encoded(Image.new("I", (64, 48), 40000), "TIFF"),
    "GIF": lambda: encoded(noise(1), "GIF"),
    "BMP": lambda: encoded(noise(1), "BMP"),
    "AVIF": lambda: encoded(noise(1), "AVIF"),
    "two pictures in a JPEG": lambda: encoded(noise(1), "MPO", save_all=True, append_images=[noise(2)]),
}


@pytest.mark.parametrize("mode", MODES)
def test_any_mode_becomes_rgb(mode: str) -> None:
    picture = opened(MODES[mode]())
    assert (picture.mode, picture.size) == ("RGB", (64, 48))


def test_colours_survive_the_way_to_rgb() -> None:
    """JPEG for printing, 16-bit grey and a palette look as the picture that they were made from."""
    colour = np.asarray(noise(1), dtype=float)
    printed = np.asarray(opened(encoded(noise(1).convert("CMYK"), "JPEG", quality=98)), dtype=float)
    assert np.abs(printed - colour).mean() < 6
    sixteen = Image.fromarray((np.asarray(noise(1).convert("L"), dtype=np.uint16) * 257).astype(np.uint16))
    assert np.array_equal(np.asarray(opened(encoded(sixteen, "PNG")))[:, :, 0], np.asarray(noise(1).convert("L")))


def test_what_is_transparent_becomes_white() -> None:
    hole = noise(1).convert("RGBA")
    hole.putalpha(Image.linear_gradient("L").resize(hole.size).point(lambda level: 255 * (level > 200)))
    through = noise(1).quantize(4)
    for data in (encoded(hole, "PNG"), encoded(through, "PNG", transparency=bytes([0, 0, 0, 255]))):
        pixels = np.asarray(opened(data))
        assert (pixels == 255).all(axis=2).any() and not (pixels == 255).all()


@pytest.mark.parametrize("kind", ["GIF", "WEBP", "PNG"])
def test_of_an_animation_the_first_picture_counts(kind: str) -> None:
    first, then = Image.new("RGB", (40, 40), (250, 0, 0)), Image.new("RGB", (40, 40), (0, 0, 250))
    red, _, blue = np.asarray(opened(encoded(first, kind, save_all=True, append_images=[then, then]))).mean(axis=(0, 1))
    assert red > 200 > 50 > blue


@pytest.mark.parametrize("size", [(60_000, 60_000), (2**31 - 1, 2**31 - 1), (2**31 - 1, 1)])
def test_a_bomb_is_refused_before_it_is_decoded(size: tuple[int, int]) -> None:
    error = refused(png_header(*size), 150)
    assert error.status == Status.TOO_LARGE
    assert "megapixels, allowed are 150" in str(error)


def test_the_bound_on_megapixels_is_the_caller_s() -> None:
    data = encoded(noise(1, 1000, 500), "JPEG")
    assert opened(data, 0.5).size == (1000, 500)
    assert refused(data, 0.49).status == Status.TOO_LARGE


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "GIF", "WEBP", "TIFF", "BMP"])
def test_a_truncated_file_is_unreadable(kind: str) -> None:
    data = encoded(noise(1, 200, 150), kind)
    assert refused(data[: len(data) * 2 // 3]).status == Status.UNREADABLE


@pytest.mark.parametrize(
    ("content", "status", "reason"),
    [
        (b"", Status.UNREADABLE, "empty"),
        (b"\n<!DOCTYPE html><title>404</title>", Status.NOT_A_PICTURE, "web page"),
        (b"<html>", Status.NOT_A_PICTURE, "web page"),
        (b"%PDF-1.4", Status.NOT_A_PICTURE, "PDF"),
        (b"PK\x03\x04abc", Status.NOT_A_PICTURE, "zip"),
        (b"<svg xmlns='x'/>", Status.NOT_A_PICTURE, "SVG"),
        (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n", Status.NOT_A_PICTURE, "JPEG, PNG"),
        (b"\x00\x01\x02\xff", Status.NOT_A_PICTURE, "JPEG, PNG"),
        (encoded(Image.new("F", (40, 40)), "TIFF"), Status.UNREADABLE, "floating point"),
    ],
)
def test_what_is_no_picture_is_called_by_its_name(tmp_path: Path, content: bytes, status: Status, reason: str) -> None:
    for file in (content, put(tmp_path / "picture.jpg", content)):
        error = refused(file)
        assert error.status == status
        assert reason in str(error)


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
@pytest.mark.parametrize(
    "garbage", [b"Exif\0\0rubbish", b"Exif\0\0II*\0\xff\xff\xff\xff", b"Exif\0\0MM\0*\0\0\0\x08\xff\xff" + bytes(90)]
)
def test_garbage_in_exif_does_not_cost_the_picture(kind: str, garbage: bytes) -> None:
    assert opened(encoded(noise(1), kind, exif=garbage)).size == (64, 48)


@pytest.mark.parametrize("name", ["plain.jpg", "new\nline.jpg", 'quote\'s "two".jpg', "медведь.jpg", "%s {0}.jpg"])
def test_reasons_hold_no_path(tmp_path: Path, name: str) -> None:
    broken = put(tmp_path / "b" / name, encoded(noise(1, 200, 150), "JPEG")[:2000])
    assert "/" not in str(refused(broken))
    assert "/" not in str(refused(broken.parent))  # a folder
    broken.unlink()
    assert "/" not in str(refused(broken))  # gone


@settings(max_examples=examples(150), derandomize=True, deadline=None)
@given(
    kind=st.sampled_from(["JPEG", "PNG", "GIF", "WEBP", "TIFF", "BMP", "AVIF"]),
    places=st.lists(st.tuples(st.floats(0, 1, exclude_max=True), st.integers(0, 255)), min_size=1, max_size=8),
    end=st.floats(0.02, 1),
)
def test_damaged_bytes_give_a_picture_or_a_reason_and_nothing_else(
    kind: str, places: list[tuple[float, int]], end: float
) -> None:
    data = bytearray(encoded(noise(1), kind))
    for place, value in places:
        data[int(place * len(data))] = value
    try:
        picture = opened(bytes(data[: int(end * len(data))]), 1)
    except PictureError as error:
        assert error.status in {Status.UNREADABLE, Status.NOT_A_PICTURE, Status.TOO_LARGE, Status.DAMAGED}
        assert str(error)
    else:
        assert picture.mode == "RGB"
        assert picture.width * picture.height <= 1e6


@settings(max_examples=examples(40), derandomize=True, deadline=None)
@given(st.integers(1, 700), st.integers(1, 700), st.sampled_from([32, 100, 320]))
@example(1, 700, 32)
@example(700, 1, 32)
def test_bounded_is_the_thumbnail_of_pillow(width: int, height: int, max_side: int) -> None:
    picture = noise(1, width, height)
    wanted = picture.copy()
    wanted.thumbnail((max_side, max_side), Image.Resampling.LANCZOS, reducing_gap=2.0)
    small = bounded(picture, max_side)
    assert (small.size, small.tobytes()) == (wanted.size, wanted.tobytes())


@settings(max_examples=examples(60), derandomize=True, deadline=None)
@given(width=st.integers(1, 700), height=st.integers(1, 700), max_side=st.integers(32, 400))
def test_bounded_pictures_keep_their_shape_and_are_not_enlarged(width: int, height: int, max_side: int) -> None:
    picture = Image.new("RGB", (width, height))
    small = bounded(picture, max_side)
    assert picture.size == (width, height)
    if max(width, height) <= max_side:
        assert small.size == picture.size
        return
    scale = max_side / max(width, height)
    assert max(small.size) == max_side
    assert abs(small.width - width * scale) <= 1
    assert abs(small.height - height * scale) <= 1


def test_measurements_mean_what_they_say() -> None:
    black, white, red = (measure(Image.new("RGB", (40, 30), name)) for name in ("black", "white", "red"))
    assert (black["brightness"], white["brightness"]) == (0, 1)
    assert (black["saturation"], white["saturation"], red["saturation"]) == (0, 0, 1)
    assert black["sharpness"] == 0
    edges = Image.fromarray((np.indices((48, 64)).sum(axis=0) // 4 % 2 * 255).astype(np.uint8)).convert("RGB")
    assert measure(edges)["sharpness"] > 3 * measure(edges.filter(ImageFilter.GaussianBlur(3)))["sharpness"]


@settings(max_examples=examples(20), derandomize=True, deadline=None)
@given(seed=st.integers(0, 1000), width=st.integers(1, 80), height=st.integers(1, 80))
def test_measurements_stay_in_their_range_for_any_shape(seed: int, width: int, height: int) -> None:
    picture = noise(seed, width, height)
    assert all(0 <= value <= 4 for value in measure(picture).values())
    assert len(perceptual_hash(picture)) == 64


def test_the_perceptual_hash_sees_through_small_changes_only() -> None:
    def bits(one: Image.Image, other: Image.Image) -> int:
        return (int(perceptual_hash(one), 16) ^ int(perceptual_hash(other), 16)).bit_count()

    picture = noise(1, 320, 240)
    assert bits(picture, opened(encoded(picture, "JPEG", quality=60))) <= 40
    assert bits(picture, picture.resize((200, 150))) <= 40
    assert all(bits(picture, noise(seed, 320, 240)) > 60 for seed in range(2, 8))
