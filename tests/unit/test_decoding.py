"""Odd pictures of each kind: damage that decodes, more than 8 bits, profiles, bombs, and formats of scanners."""

import io
import struct
import sys
import zlib
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image, ImageCms, ImageDraw

from conftest import encoded, few_daily, noise, put
from fieldguide.data.decoding import isolated as guarded
from fieldguide.data.decoding.decoder import _register_heif
from fieldguide.data.images import Picture, PictureError, read_picture
from fieldguide.data.status import Status
from picture_bytes import P3, chunk, png, png_file, tiff

SOI, END = b"\xff\xd8", b"\xff\xd9"


def opened(data: bytes, depth: int | None = None) -> Picture:
    return read_picture(io.BytesIO(data), 150, depth)


def refused(data: bytes) -> PictureError:
    with pytest.raises(PictureError) as error:
        opened(data)
    assert "\n" not in str(error.value)
    return error.value


def same_pixels(one: bytes, other: bytes) -> bool:
    return bool(np.array_equal(np.asarray(opened(one).image), np.asarray(opened(other).image)))


def photo(width: int = 240, height: int = 180) -> Image.Image:
    return noise(3, 24, 18).resize((width, height), Image.Resampling.BICUBIC)


# Damage that decodes.

JPEGS = {
    "baseline": encoded(photo(), "JPEG", quality=90),
    "grey": encoded(photo().convert("L"), "JPEG", quality=90),
    "progressive": encoded(photo(), "JPEG", quality=90, progressive=True),
    "with restarts": encoded(photo(), "JPEG", quality=90, restart_marker_rows=1),
    "CMYK": encoded(photo().convert("CMYK"), "JPEG", quality=90),
}


def first_scan(data: bytes) -> int:
    return data.index(b"\xff\xda") + 14


@pytest.mark.parametrize("kind", JPEGS)
@pytest.mark.parametrize("share", [0.3, 0.6, 0.9])
def test_a_jpeg_that_was_cut_and_closed_again_is_damaged(kind: str, share: float) -> None:
    data = JPEGS[kind]
    start = first_scan(data)
    error = refused(data[: start + int((len(data) - start) * share)] + END)
    assert error.status == Status.DAMAGED
    assert "lost" in str(error)


@pytest.mark.parametrize("kind", JPEGS)
def test_a_jpeg_with_zeros_is_damaged(kind: str) -> None:
    data = JPEGS[kind]
    middle = (first_scan(data) + len(data)) // 2
    assert refused(data[:middle] + bytes(len(data) - middle - 2) + END).status == Status.DAMAGED


def test_scans_that_never_come_are_missed() -> None:
    data = JPEGS["progressive"]
    last = data.rindex(b"\xff\xda")
    table = data.rfind(b"\xff\xc4", 0, last)
    assert refused(data[:table] + END).status == Status.DAMAGED


@pytest.mark.parametrize("kind", JPEGS)
def test_a_complete_jpeg_without_its_end_is_kept(kind: str) -> None:
    data = JPEGS[kind]
    assert opened(data[:-2]).id == opened(data[:-1]).id == opened(data).id
    assert refused(data[: len(data) * 2 // 3]).status == Status.UNREADABLE


def test_wrong_pixels_in_a_png_are_noticed() -> None:
    data = bytearray(encoded(photo(), "PNG", compress_level=0))
    data[len(data) // 2] ^= 1
    assert refused(bytes(data)).status in {Status.DAMAGED, Status.UNREADABLE}


@pytest.mark.parametrize("bits", [1, 8])
@pytest.mark.parametrize("interlaced", [0, 1])
def test_rows_that_a_png_does_not_hold_are_missed(bits: int, interlaced: int) -> None:
    """Its pixels end with a whole row, so that nothing looks cut off."""
    whole, rows = Image.new("L", (64, 48), 200), zlib.compress((b"\0" + b"\xff" * (8 * bits)) * 48)
    header = (64, 48, bits, 0, 0, 0, 0)
    assert opened(png_file(header, chunk(b"IDAT", rows))).image.size == whole.size
    error = refused(png_file((64, 96, bits, 0, 0, 0, interlaced), chunk(b"IDAT", rows)))
    assert error.status in {Status.DAMAGED, Status.UNREADABLE}
    assert interlaced or "rows of the PNG file are missing" in str(error)


def test_a_black_png_is_whole() -> None:
    for mode in ("1", "L", "P", "RGB", "RGBA", "I;16"):
        assert opened(encoded(Image.new(mode, (64, 48)), "PNG")).image.size == (64, 48)


ZEROS = zlib.compress(bytes(3_000_000))


@pytest.mark.parametrize(
    ("extra", "note"),
    [
        (chunk(b"tEXt", b"a\0" + bytes(3_000_000)), ""),
        (chunk(b"zTXt", b"a\0\0" + ZEROS), ""),
        (chunk(b"iTXt", b"a\0\1\0\0\0" + ZEROS), ""),
        (chunk(b"zTXt", b"a\0\0" + zlib.compress(bytes(10**6))) * 100, ""),
        (chunk(b"tEXt", b"a\0b")[:-1] + b"x", ""),
        (chunk(b"pHYs", b"?"), ""),
        (chunk(b"gAMA", b""), ""),
        (chunk(b"iCCP", b"a\0\0" + ZEROS), "profile"),
        (chunk(b"iCCP", b"?"), "profile"),
    ],
)
def test_no_picture_is_lost_for_what_stands_beside_it(extra: bytes, note: str) -> None:
    data = encoded(photo(), "PNG")
    found = opened(data[:33] + extra + data[33:])
    assert found.id == opened(data).id
    assert note in found.note


def test_a_profile_and_an_orientation_in_a_png_still_count() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    data = encoded(Image.new("RGB", (64, 48), (200, 80, 60)), "PNG", exif=exif, icc_profile=P3)
    turned = opened(data[:33] + chunk(b"tEXt", b"a\0b") + data[33:]).image
    assert turned.size == (48, 64)
    assert levels(opened(data)).min() > 205


@pytest.mark.parametrize("subsampling", [0, 2])
@pytest.mark.parametrize("progressive", [False, True])
def test_a_step_in_reading_order_is_damage(subsampling: int, progressive: bool) -> None:
    """A wrong bit changes the brightness of all that follows; libjpeg says nothing of it."""
    whole, across = photo(400, 304), 8 if subsampling == 0 else 16
    pixels = np.asarray(whole).astype(int) // 2 + 60
    assert opened(jpeg(pixels, subsampling, progressive)).note == ""
    changed = pixels.copy()
    changed[160 : 160 + across, 12 * across :] += 30
    changed[160 + across :] += 30
    assert "wrong colours" in str(refused(jpeg(changed, subsampling, progressive)))


def test_edges_lines_and_bars_of_cameras_are_no_damage() -> None:
    pixels = np.asarray(photo(400, 304)).astype(int) // 2 + 60
    for start, end, left, right in ((160, 304, 0, 400), (160, 304, 192, 400), (160, 161, 0, 400), (288, 304, 0, 320)):
        changed = pixels.copy()
        changed[start:end, left:right] += 40
        changed[288:, 320:] = 0
        opened(jpeg(changed, 2, False))


def jpeg(pixels: NDArray[Any], subsampling: int, progressive: bool) -> bytes:
    image = Image.fromarray(pixels.clip(0, 255).astype(np.uint8))
    return encoded(image, "JPEG", quality=92, subsampling=subsampling, progressive=progressive)


@pytest.mark.parametrize("quality", [1, 5, 100])
def test_coarse_blocks_are_no_steps(quality: int) -> None:
    for seed in range(8):
        opened(encoded(noise(seed, 192, 144), "JPEG", quality=quality, subsampling=2))


# Parts that are missing without a word of the decoder.


@pytest.mark.parametrize("kind", few_daily(["WEBP", "AVIF", "HEIF"], 2))
@pytest.mark.parametrize("lossless", [False, True])
def test_zeros_in_place_of_the_end_are_damage_and_flat_pictures_are_whole(kind: str, lossless: bool) -> None:
    pytest.importorskip("pillow_heif")
    _register_heif()
    best = {"lossless": True} if kind == "WEBP" and lossless else {"quality": 100 if lossless else 80}
    whole = encoded(photo(), kind, **best)
    opened(whole)
    error = refused(whole[: len(whole) // 2] + bytes(len(whole) - len(whole) // 2))
    assert error.status in (Status.DAMAGED, Status.UNREADABLE)
    for colour in ("black", (120, 130, 90)):
        opened(encoded(Image.new("RGB", (640, 480), colour), kind, **best))


def test_the_first_frame_of_an_animation_is_looked_at() -> None:
    whole = encoded(photo(), "WEBP", save_all=True, append_images=[noise(1, 240, 180)])
    assert opened(whole).note
    end = whole.rindex(b"ANMF")
    assert "the end of the picture is missing" in str(refused(whole[: end - 900] + bytes(900) + whole[end:]))


def test_zeros_behind_or_beside_the_pixels_are_no_damage() -> None:
    _register_heif()
    free = struct.pack(">I", 5008) + b"free" + bytes(5000)
    opened(encoded(photo(), "AVIF") + free)
    opened(encoded(photo(), "WEBP", exif=b"Exif\0\0" + bytes(5000)))


@pytest.mark.parametrize("order", "<>")
def test_a_tiff_file_must_name_every_strip_of_every_plane(order: str) -> None:
    colours = np.asarray(noise(1))
    planes = np.moveaxis(colours, 2, 0).tobytes()
    rgb: dict[int, int | tuple[int, ...]] = {258: (8, 8, 8), 259: 1, 262: 2, 277: 3}
    assert (np.asarray(opened(tiff(order, colours.shape, colours.tobytes(), rgb)).image) == colours).all()
    assert "of its 3 strips or tiles 1 are there" in str(refused(tiff(order, colours.shape, planes, {**rgb, 284: 2})))
    assert "of its 6 strips" in str(refused(tiff(order, colours.shape, colours.tobytes(), {**rgb, 278: 8})))


# More than 8 bits.


def ramp(bits: int, low: int = 0) -> NDArray[np.uint16]:
    """All levels of so many bits, from dark to bright."""
    return np.linspace(low, 2**bits - 1, 64 * 48).round().astype(np.uint16).reshape(48, 64)


def levels(picture: Picture) -> NDArray[Any]:
    return np.asarray(picture.image)[:, :, 0]


@pytest.mark.parametrize("kind", ["PNG", "TIFF"])
@pytest.mark.parametrize("bits", [8, 10, 12, 14, 16])
def test_the_depth_is_what_the_values_need(kind: str, bits: int) -> None:
    picture = opened(encoded(Image.fromarray(ramp(bits)), kind))
    assert picture.depth == bits
    assert np.array_equal(levels(picture), ramp(bits).astype(int) * 255 // (2**bits - 1))


@pytest.mark.parametrize("channels", [2, 3, 4])
def test_colours_of_12_bits_keep_their_levels(channels: int) -> None:
    values = np.repeat(ramp(12)[:, :, None], channels, axis=2)
    if channels in (2, 4):
        values[:, :, -1] = 65535
    picture = opened(png(values, {2: 4, 3: 2, 4: 6}[channels]))
    assert picture.depth == 12
    assert np.array_equal(levels(picture), ramp(12).astype(int) * 255 // 4095)


@pytest.mark.parametrize("compression", [None, "tiff_lzw"])
@pytest.mark.parametrize("order", ["<", ">"])
def test_tiff_colours_of_12_bits_keep_their_levels(tmp_path: Path, compression: str | None, order: str) -> None:
    values = np.repeat(ramp(12)[:, :, None], 3, axis=2)
    strip = values.astype(f"{order}u2").tobytes()
    strip = strip if compression is None else zlib.compress(strip)
    file = tiff(order, values.shape, strip, {258: (16, 16, 16), 259: 1 if compression is None else 8, 262: 2, 277: 3})
    assert np.array_equal(levels(opened(file)), ramp(12).astype(int) * 255 // 4095)


def test_a_tiff_file_says_how_it_is_to_be_read() -> None:
    values = ramp(10)
    strip, shape, plain = values.astype("<u2").tobytes(), values.shape, {258: 16, 259: 1, 277: 1}
    white = opened(tiff("<", shape, strip, {**plain, 262: 0}))
    assert np.array_equal(levels(white), 255 - values.astype(int) * 255 // 1023)
    stated = opened(tiff("<", shape, strip, {**plain, 262: 1, 281: 4095}))
    assert stated.depth == 12 and levels(stated).max() == 63
    signed = (values.astype(int) - 512).astype("<i2")
    middle = opened(tiff("<", shape, signed.tobytes(), {**plain, 262: 1, 339: 2}))
    assert np.array_equal(np.sort(levels(middle), axis=None), levels(middle).ravel())
    assert (levels(middle).min(), levels(middle).max()) == (0, 255)


def test_what_png_says_of_its_significant_bits_counts() -> None:
    dark = ramp(8)
    assert opened(png(dark, 0, (b"sBIT", b"\x0c"))).depth == 12  # unscaled, as some programs write them
    assert opened(png(dark << 4, 0, (b"sBIT", b"\x0c"))).depth == 16  # scaled, as the standard wants it


def test_the_depth_of_the_data_set_holds_where_the_file_tells_none_and_never_wraps() -> None:
    dark, bright = encoded(Image.fromarray(ramp(10)), "PNG"), encoded(Image.fromarray(ramp(16)), "PNG")
    assert opened(dark, 12).depth == 12 and levels(opened(dark, 12)).max() == 63
    assert opened(bright, 12).depth == 16
    assert opened(dark).id == opened(dark, 12).id


def test_wide_pictures_that_differ_little_have_ids_of_their_own() -> None:
    other = ramp(12)
    other[20, 20] ^= 1
    ids = {opened(encoded(Image.fromarray(values), "PNG")).id for values in (ramp(12), other)}
    assert len(ids) == 2


@pytest.mark.parametrize("alpha", [0, 1])
@pytest.mark.parametrize("mode", ["RGBA", "LA"])
def test_what_is_transparent_everywhere_is_shown(mode: str, alpha: int) -> None:
    def hidden(seed: int) -> bytes:
        layer = noise(seed).convert(mode)
        layer.putalpha(alpha)
        return encoded(layer, "PNG")

    assert not same_pixels(hidden(1), hidden(2))
    assert "transparent" in opened(hidden(1)).note
    assert np.array_equal(levels(opened(hidden(1))), np.asarray(noise(1).convert(mode))[:, :, 0])


# Profiles of colour.


SRGB = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "TIFF", "AVIF", "RGBA"])
def test_colours_are_brought_to_srgb(kind: str) -> None:
    def coloured(profile: bytes | None) -> NDArray[Any]:
        image = Image.new("RGBA" if kind == "RGBA" else "RGB", (64, 64), (200, 80, 60))
        options = {} if profile is None else {"icc_profile": profile}
        return np.asarray(opened(encoded(image, "PNG" if kind == "RGBA" else kind, **options)).image)[32, 32].astype(
            int
        )

    plain, wide = coloured(None), coloured(P3)
    assert np.abs(coloured(SRGB) - plain).max() == 0
    assert wide[0] > plain[0] + 5 and wide[1] < plain[1]  # the same numbers mean a stronger red in Display P3


@pytest.mark.parametrize("profile", [b"a profile" * 20, P3[:200], P3[:16] + b"CMYK" + P3[20:]])
def test_a_broken_profile_is_ignored_and_told(profile: bytes) -> None:
    plain, broken = opened(encoded(photo(), "PNG")), opened(encoded(photo(), "PNG", icc_profile=profile))
    assert np.array_equal(levels(plain), levels(broken))
    assert "profile" in broken.note and not plain.note


def test_cmyk_without_adobe_s_marker_is_not_turned_over() -> None:
    printed = photo().convert("CMYK")
    with_marker = encoded(printed, "JPEG", quality=98)
    start = with_marker.index(b"\xff\xee")
    length = int.from_bytes(with_marker[start + 2 : start + 4], "big")
    turned = encoded(Image.eval(printed, lambda level: 255 - level), "JPEG", quality=98)
    at = turned.index(b"\xff\xee")
    without = turned[:at] + turned[at + 2 + length :]
    adobe, plain = (np.asarray(opened(data).image, int) for data in (with_marker, without))
    assert np.abs(adobe - plain).mean() < 2


# Bombs.


def bomb_of_scans() -> bytes:
    data = encoded(Image.new("RGB", (5000, 5000), (120, 100, 80)), "JPEG", progressive=True)
    last = data.rindex(b"\xff\xda")
    return data[:-2] + data[last:-2] * 4000 + END


@pytest.mark.slow
def test_a_picture_that_takes_too_long_is_given_up_and_the_next_one_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(guarded, "SECONDS", 1)
    error = refused(bomb_of_scans())
    assert error.status == Status.TOO_SLOW and "too long" in str(error)
    assert same_pixels(encoded(photo(), "TIFF"), encoded(photo(), "PNG"))


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux bounds a process's memory")
def test_a_picture_that_takes_more_memory_than_its_size_says_is_too_large() -> None:
    tile = zlib.compress(bytes(2_000_000))
    tags: dict[int, int | tuple[int, ...]] = {258: 8, 259: 8, 262: 1, 277: 1, 322: 45_000, 323: 45_000}
    content = tiff("<", (64, 64), tile, tags)
    for strip, tiled in ((273, 324), (279, 325)):  # the one strip is a tile
        content = content.replace(struct.pack("<HH", strip, 4), struct.pack("<HH", tiled, 4))
    assert refused(content).status == Status.TOO_LARGE


def test_what_is_large_is_decoded_where_memory_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[object] = []
    monkeypatch.setattr("fieldguide.data.images.decode_guarded", lambda content, *_: asked.append(content))
    data = encoded(photo(), "JPEG")
    at = data.index(b"\xff\xc0") + 5
    opened(data[:at] + struct.pack(">HH", 9000, 9000) + data[at + 4 :])
    opened(png_file((9000, 9000, 8, 2, 0, 0, 0), chunk(b"IDAT", b"")))
    assert len(asked) == 2


def test_exif_that_unfolds_is_not_unfolded_here(monkeypatch: pytest.MonkeyPatch) -> None:
    entries = b"".join(struct.pack("<HHII", 40_000 + number, 7, 100_000, 8) for number in range(5000))
    exif = b"Exif\0\0II*\0" + struct.pack("<IH", 8, 5000) + entries + bytes(100_000)
    asked: list[bytes] = []
    monkeypatch.setattr("fieldguide.data.images.decode_guarded", lambda content, *_: asked.append(content))
    opened(encoded(photo(), "PNG", exif=exif))
    assert len(asked) == 1


def test_a_decoder_that_dies_costs_its_picture_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    guard = (sys.executable, "-c", "import os; os.abort()")
    guarded._idle.clear()
    with monkeypatch.context() as patched:
        patched.setattr(guarded, "GUARD", guard)
        assert refused(encoded(photo(), "TIFF")).status == Status.UNREADABLE
    assert opened(encoded(photo(), "TIFF")).image.size == photo().size


# Formats of scanners, laboratories and phones.


@pytest.mark.parametrize("mode", ["1", "L", "RGB"])
def test_portable_pixmaps_are_read(mode: str) -> None:
    assert same_pixels(encoded(photo().convert(mode), "PPM"), encoded(photo().convert(mode), "PNG"))


def test_a_pgm_file_of_12_bits_is_read_by_its_own_maximum() -> None:
    data = b"P5\n64 48\n4095\n" + (ramp(12) // 2).astype(">u2").tobytes()
    assert levels(opened(data)).max() == 127


def test_jpeg_2000_is_read() -> None:
    assert same_pixels(encoded(photo(), "JPEG2000"), encoded(photo(), "PNG"))


def test_heic_is_read_or_its_extra_named(monkeypatch: pytest.MonkeyPatch) -> None:
    pillow_heif = pytest.importorskip("pillow_heif")
    target = io.BytesIO()
    pillow_heif.from_pillow(photo()).save(target, quality=95)
    assert opened(target.getvalue()).image.size == photo().size
    from fieldguide.data.decoding.decoder import decode

    monkeypatch.setitem(sys.modules, "pillow_heif", None)
    with pytest.raises(PictureError, match=r"fieldguide\[heic\]"):
        decode(io.BytesIO(target.getvalue()), 10)


@pytest.mark.parametrize(
    ("data", "kind", "why"),
    [
        (
            tiff("<", (8, 8), bytes(8 * 8 * 10), {258: (16,) * 5, 259: 1, 262: 1, 277: 5}),
            "TIFF",
            "channels 5, bits (16, 16, 16, 16, 16)",
        ),
        (encoded(photo(), "JPEG").replace(b"\xff\xc0\0\x11\x08", b"\xff\xc0\0\x11\x0c"), "JPEG", "12-bit"),
    ],
)
def test_a_kind_that_is_not_read_is_called_by_its_name(data: bytes, kind: str, why: str) -> None:
    error = refused(data)
    assert error.status == Status.UNREADABLE
    assert f"a {kind} file" in str(error) and why in str(error)


@pytest.mark.parametrize("kind", ["TIFF", "GIF", "WEBP", "PNG"])
def test_pages_and_frames_beyond_the_first_are_told(kind: str) -> None:
    second = photo()
    ImageDraw.Draw(second).rectangle((5, 5, 50, 50), fill="red")
    picture = opened(encoded(photo(), kind, save_all=True, append_images=[second, photo()]))
    assert "the first of" in picture.note
    assert not opened(encoded(photo(), kind)).note


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "TIFF", "WEBP", "GIF", "JPEG2000", "AVIF", "BMP", "PPM"])
def test_decoders_do_not_write_to_the_terminal(kind: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """Of no damage, be it a file or bytes: libtiff alone would write without end."""
    data = encoded(photo(), kind, **({"compression": "tiff_lzw"} if kind == "TIFF" else {}))
    for start in (16, len(data) // 3, len(data) // 2):
        broken = data[:start] + bytes(byte ^ 0x5A for byte in data[start : start + 150]) + data[start + 150 :]
        for file in (put(tmp_path / "broken", broken), io.BytesIO(broken), io.BytesIO(data[:start])):
            with suppress(PictureError):
                read_picture(file, 10)
    assert capfd.readouterr() == ("", "")
