"""The id of a picture: it survives what changes nothing, follows what does, and is never that of another picture."""

import io
import struct
import zlib
from contextlib import suppress
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from conftest import encoded, examples, few_daily, id_of, noise
from fieldguide.data.decoding.bounds import MAX_SEGMENTS
from fieldguide.data.images import PictureError, bounded_picture, identify, read_picture
from picture_bytes import P3, chunk, png, png_file

KINDS = ("JPEG", "PNG", "WEBP", "TIFF", "AVIF", "GIF", "BMP")
JPEGS = {
    "baseline": encoded(noise(1), "JPEG", quality=90),
    "grey": encoded(noise(1).convert("L"), "JPEG", quality=90),
    "progressive": encoded(noise(1), "JPEG", quality=90, progressive=True),
    "restarts": encoded(noise(1), "JPEG", quality=90, restart_marker_rows=1),
    "CMYK": encoded(noise(1).convert("CMYK"), "JPEG", quality=90),
}


def segment(marker: int, content: bytes) -> bytes:
    return bytes([0xFF, marker]) + struct.pack(">H", len(content) + 2) + content


def with_segment(data: bytes, marker: int, content: bytes) -> bytes:
    return data[:2] + segment(marker, content) + data[2:]


def exif(orientation: int | None, maker: str = "") -> bytes:
    made = Image.Exif()
    made[0x010F] = maker
    made.get_ifd(0x8825)[1] = "N"
    if orientation is not None:
        made[0x0112] = orientation
    return made.tobytes()


metadata = st.one_of(
    st.tuples(st.just(0xFE), st.binary(max_size=80)),
    st.tuples(st.sampled_from([0xE1, 0xE3, 0xE4, 0xE5, 0xEC, 0xED]), st.binary(max_size=80)),
    st.tuples(st.just(0xE0), st.binary(max_size=40).map(lambda rest: b"JFXX\0" + rest)),
    st.tuples(st.just(0xE1), st.text("abc", max_size=20).map(lambda maker: exif(None, maker))),
    st.tuples(st.just(0xE2), st.binary(max_size=40).map(lambda rest: b"FPXR\0" + rest)),
)


@settings(max_examples=examples(80), derandomize=True, deadline=None)
@given(st.sampled_from(sorted(JPEGS)), st.lists(metadata, max_size=4), st.binary(max_size=30), st.integers(0, 3))
def test_a_jpeg_keeps_its_id_whatever_stands_beside_its_picture(
    kind: str, beside: list[tuple[int, bytes]], behind: bytes, padding: int
) -> None:
    data = changed = JPEGS[kind]
    for marker, content in beside:
        changed = with_segment(changed, marker, content)
    changed = changed[:2] + b"\xff" * padding + changed[2:] + behind
    assert id_of(changed) == id_of(data)


@settings(max_examples=examples(60), derandomize=True, deadline=None)
@given(
    st.lists(
        st.tuples(st.sampled_from([b"tEXt", b"tIME", b"pHYs", b"zzZz", b"gAMA"]), st.binary(max_size=40)), max_size=4
    )
)
def test_a_png_keeps_its_id_whatever_stands_beside_its_picture(chunks: list[tuple[bytes, bytes]]) -> None:
    data = encoded(noise(1), "PNG")
    beside = b"".join(chunk(*one) for one in chunks)
    assert id_of(data[:33] + beside + data[33:]) == id_of(data[:-12] + beside + data[-12:]) == id_of(data)


@settings(max_examples=examples(60), derandomize=True, deadline=None)
@given(st.integers(1, 40), st.sampled_from(["plain", "deep", "chunks"]))
def test_cut_short_pngs_of_different_pictures_never_share_an_id(lost: int, kind: str) -> None:
    """Whether this process decodes them, or one of its own does ("deep": 16 bits)."""
    files = []
    for seed in (1, 2):
        values = np.asarray(noise(1), np.uint16).copy()
        values[-1, -1] += seed  # the last bytes tell them apart
        data = encoded(Image.fromarray(values.astype(np.uint8)), "PNG") if kind == "plain" else png(values, 2)
        if kind == "chunks":
            rows = zlib.compress(b"".join(b"\0" + row.astype(np.uint8).tobytes() for row in values))
            parts = [chunk(b"IDAT", rows[place : place + 1000]) for place in range(0, len(rows), 1000)]
            data = png_file((64, 48, 8, 2, 0, 0, 0), *parts)
        files.append(data[:-lost])
    ids = []
    for data in files:
        with suppress(PictureError):
            ids.append(id_of(data))
            assert read_picture(io.BytesIO(data), 10).id == ids[-1]
    assert len(set(ids)) == len(ids) or files[0] == files[1]


def test_edits_of_metadata_keep_the_id_and_what_changes_the_picture_changes_it() -> None:
    for kind in ("JPEG", "PNG"):
        plain = id_of(encoded(noise(1), kind))
        assert id_of(encoded(noise(1), kind, exif=exif(1, "camera"))) == plain
        assert id_of(encoded(noise(1), kind, exif=exif(None, "camera"), dpi=(300, 300))) == plain
        other = [
            encoded(noise(1), kind, exif=exif(6)),
            encoded(noise(1), kind, exif=exif(3)),
            encoded(noise(1), kind, icc_profile=P3),
            encoded(noise(2), kind),
            encoded(noise(1, 48, 64), kind),
        ]
        assert len({plain, *map(id_of, other)}) == 1 + len(other)


def test_an_orientation_that_only_xmp_tells_counts() -> None:
    packet = b"http://ns.adobe.com/xap/1.0/\0" + b'<x tiff:Orientation="6"/>'
    turned = with_segment(JPEGS["baseline"], 0xE1, packet)
    assert read_picture(io.BytesIO(turned), 10).size == (48, 64)
    assert id_of(turned) != id_of(JPEGS["baseline"])


def test_how_colours_are_stored_counts_and_a_note_about_it_that_says_nothing_new_does_not() -> None:
    """Components without usual names are red, green and blue if no segment says otherwise."""
    data = JPEGS["baseline"]
    start = data.index(b"\xff\xe0")
    without = data[:start] + data[start + 2 + int.from_bytes(data[start + 2 : start + 4], "big") :]
    assert id_of(without) == id_of(data)
    named = {}
    for name, file in (("with", data), ("without", without)):
        changed = bytearray(file)
        frame, scan = file.index(b"\xff\xc0"), file.index(b"\xff\xda")
        for number, letter in enumerate(b"RGB"):
            changed[frame + 10 + 3 * number] = changed[scan + 5 + 2 * number] = letter
        named[name] = bytes(changed)
    shown = {name: np.asarray(read_picture(io.BytesIO(file), 10).image) for name, file in named.items()}
    assert not np.array_equal(shown["with"], shown["without"])
    assert id_of(named["with"]) != id_of(named["without"])
    ink = JPEGS["CMYK"]
    start = ink.index(b"\xff\xee")
    assert id_of(ink[:start] + ink[start + 2 + int.from_bytes(ink[start + 2 : start + 4], "big") :]) != id_of(ink)


@settings(max_examples=examples(120), derandomize=True, deadline=None)
@given(
    kind=st.sampled_from(KINDS),
    places=st.lists(st.tuples(st.floats(0, 1, exclude_max=True), st.integers(0, 255)), max_size=6),
    end=st.floats(0.02, 1),
)
def test_files_with_one_id_are_decoded_to_the_same_pixels(
    kind: str, places: list[tuple[float, int]], end: float
) -> None:
    """Whatever is changed in a file: if its id stays, so does the picture. And nothing crashes."""
    data = encoded(noise(1), kind, **({"exif": exif(6, "camera")} if kind != "GIF" and kind != "BMP" else {}))
    changed = bytearray(data)
    for place, value in places:
        changed[int(place * len(data))] = value
    try:
        picture = read_picture(io.BytesIO(bytes(changed[: int(end * len(data))])), 1)
    except PictureError:
        return
    assert picture.id == id_of(bytes(changed[: int(end * len(data))]))
    if picture.id == id_of(data):
        assert np.array_equal(np.asarray(picture.image), np.asarray(read_picture(io.BytesIO(data), 1).image))


@settings(max_examples=examples(150), derandomize=True, deadline=None)
@given(
    st.lists(
        st.one_of(
            st.binary(max_size=12),
            st.sampled_from(
                [
                    b"\xff",
                    b"\xff\xff",
                    b"\xff\xda",
                    b"\xff\xd9",
                    b"\xff\xd8",
                    b"\xff\x00",
                    b"\xff\xd0",
                    b"\xff\xe1\x00\x04ab",
                    JPEGS["grey"][2:60],
                ]
            ),
        ),
        max_size=12,
    )
)
def test_any_bytes_have_an_id_or_a_reason(parts: list[bytes]) -> None:
    data = b"\xff\xd8\xff" + b"".join(parts)
    try:
        assert len(id_of(data)) == 16
    except PictureError as error:
        assert str(error)


@pytest.mark.parametrize(
    "hostile",
    [
        b"\xff" * 3_000_000,
        JPEGS["baseline"][:-2] + b"\xff" * 3_000_000,
        JPEGS["baseline"][:-2] + b"\xff\x00" * 1_000_000,
        JPEGS["baseline"][:2] + segment(0xFE, b"") * (2 * MAX_SEGMENTS) + JPEGS["baseline"][2:],
        JPEGS["baseline"][:-2] + segment(0xFE, b"") * (2 * MAX_SEGMENTS),
        JPEGS["baseline"][:2] + b"\xff\xfe\xff\xff",
        JPEGS["baseline"][:2] + b"\xff\xfe\x00\x00" + JPEGS["baseline"][2:],
    ],
    ids=["padding", "an end of padding", "zeros", "segments", "segments behind", "beyond the end", "no length"],
)
def test_hostile_structures_take_no_time(hostile: bytes) -> None:
    for data in (hostile, b"\xff\xd8" + hostile):
        try:
            assert len(id_of(data)) == 16
        except PictureError as error:
            assert str(error)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("orientation", few_daily([1, 6], 2))
def test_a_file_is_known_as_the_picture_that_is_read_from_it(kind: str, orientation: int) -> None:
    options: dict[str, Any] = {} if kind in ("GIF", "BMP") else {"exif": exif(orientation), "icc_profile": P3}
    data = encoded(noise(1, 800, 600), kind, **options)
    for max_side in (None, 64):
        assert read_picture(io.BytesIO(data), 10, max_side=max_side).id == id_of(data)


def test_an_ordinary_jpeg_is_known_before_a_pixel_is_decoded(monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(*_: object) -> None:
        raise AssertionError

    monkeypatch.setattr("fieldguide.data.decoding.decoder.load_jpeg", fails)
    monkeypatch.setattr("PIL.ImageFile.ImageFile.load", fails)
    assert all(len(id_of(data)) == 16 for data in JPEGS.values())


# Decoding no finer than a copy needs.


@pytest.mark.parametrize("subsampling", few_daily([0, 1, 2], 3))
@pytest.mark.parametrize("progressive", [False, True])
@pytest.mark.parametrize("orientation", few_daily([1, 6], 2))
def test_a_coarse_picture_has_the_copy_of_the_whole(subsampling: int, progressive: bool, orientation: int) -> None:
    data = encoded(
        noise(3, 1601, 1203), "JPEG", subsampling=subsampling, progressive=progressive, exif=exif(orientation)
    )
    whole = read_picture(io.BytesIO(data), 10)
    assert whole.size == whole.image.size
    sizes = [whole.image.width]
    for side in (500, 320, 160, 64):
        coarse = read_picture(io.BytesIO(data), 10, max_side=side)
        assert (coarse.id, coarse.size, coarse.depth, coarse.note) == (whole.id, whole.size, whole.depth, whole.note)
        copy, wanted = bounded_picture(coarse, side), bounded_picture(whole, side)
        assert copy.size == wanted.size and max(copy.size) == side
        assert np.abs(np.asarray(copy, int) - np.asarray(wanted, int)).mean() < 2
        assert max(coarse.image.size) >= 2 * side
        sizes.append(coarse.image.width)
    assert all(later <= earlier for earlier, later in pairwise(sizes)) and sizes[-1] < sizes[0] / 3


@pytest.mark.parametrize("mode", ["L", "CMYK"])
def test_grey_and_printed_pictures_are_decoded_coarsely_too(mode: str) -> None:
    data = encoded(noise(3, 1600, 1200).convert(mode), "JPEG", quality=95)
    whole, coarse = read_picture(io.BytesIO(data), 10), read_picture(io.BytesIO(data), 10, max_side=100)
    assert coarse.image.width <= 400 and coarse.size == whole.size == (1600, 1200)
    shown = [np.asarray(bounded_picture(one, 100), int) for one in (whole, coarse)]
    assert np.abs(shown[0] - shown[1]).mean() < 2


def test_a_picture_that_needs_a_guard_is_decoded_coarsely_too() -> None:
    data = with_segment(encoded(noise(3, 1600, 1200), "JPEG"), 0xE1, b"Exif\0\0" + bytes(60_000))
    data = with_segment(data, 0xE1, b"Exif\0\0" + bytes(60_000))
    coarse = read_picture(io.BytesIO(data), 10, max_side=100)
    assert max(coarse.image.size) < 800 and coarse.size == (1600, 1200)
    assert coarse.id == identify(io.BytesIO(data))


@pytest.mark.parametrize("share", few_daily([0.3, 0.9], 2))
@pytest.mark.parametrize("progressive", [False, True])
def test_damage_is_found_at_any_scale(share: float, progressive: bool) -> None:
    data = encoded(noise(3, 1600, 1200), "JPEG", progressive=progressive)
    place = int(len(data) * share)
    for damaged in (
        data[:place],
        data[:place] + b"\xff\xd9",
        data[:place] + bytes(len(data) - place - 2) + b"\xff\xd9",
    ):
        said = []
        for side in (None, 320, 64):
            with pytest.raises(PictureError) as error:
                read_picture(io.BytesIO(damaged), 10, max_side=side)
            said.append((error.value.status, str(error.value)))
        assert len(set(said)) == 1


@pytest.mark.parametrize("subsampling", [0, 2])
def test_a_step_of_wrong_colours_is_found_at_any_scale(subsampling: int) -> None:
    pixels, across = np.asarray(noise(3, 1600, 1200), int) // 2 + 60, 8 if subsampling == 0 else 16
    pixels[640 : 640 + across, 48 * across :] += 30
    pixels[640 + across :] += 30
    data = encoded(Image.fromarray(pixels.clip(0, 255).astype(np.uint8)), "JPEG", quality=92, subsampling=subsampling)
    for side in (None, 320, 100, 64):
        with pytest.raises(PictureError, match="wrong colours"):
            read_picture(io.BytesIO(data), 10, max_side=side)
