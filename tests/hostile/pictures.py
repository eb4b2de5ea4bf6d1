"""Odd pictures: every format, mode, depth, profile and orientation; names and shapes; what is no picture at all."""

import gzip
import io
import itertools
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pillow_heif
from numpy.typing import NDArray
from PIL import Image, ImageCms

from conftest import encoded, noise
from fieldguide.data.status import Status
from hostile.case import KEPT, LOST, NONE, PictureCase, Result
from hostile.run_pictures import try_pictures
from picture_bytes import P3, chunk, png, png_file, profile_of, tiff

_seeds = itertools.count(1000)
RGB_FORMATS = ("JPEG", "PNG", "WEBP", "BMP", "TIFF", "AVIF", "JPEG2000", "PPM", "HEIF", "GIF")
BEST = {"JPEG": {"quality": 95}, "WEBP": {"quality": 95}, "AVIF": {"quality": 95}, "HEIF": {"quality": 95}}
END = b"\xff\xd9"


def photo(width: int = 192, height: int = 144) -> Image.Image:
    """A picture unlike any other of these."""
    return noise(next(_seeds), width, height)


def wanted(image: Image.Image) -> Image.Image:
    """What is to be seen of a picture: on white where it is transparent."""
    if not image.has_transparency_data:
        return image.convert("RGB")
    layer = image.convert("RGBA")
    return Image.alpha_composite(Image.new("RGBA", layer.size, "white"), layer).convert("RGB")


def formats() -> Iterator[PictureCase]:
    """Each format in each mode that it can hold."""
    for kind, mode in itertools.product(
        RGB_FORMATS, ("1", "L", "LA", "P", "PA", "RGB", "RGBA", "CMYK", "LAB", "YCbCr")
    ):
        image = photo()
        if mode in ("P", "PA"):
            image = image.quantize(64)
        elif mode != "LAB":
            image = image.convert(mode)
        else:
            image = ImageCms.buildTransform(SRGB, ImageCms.createProfile("LAB"), "RGB", "LAB").apply(image)
        if mode in ("LA", "RGBA"):
            image.putalpha(Image.linear_gradient("L").resize(image.size))
        try:
            data = encoded(image, kind, **BEST.get(kind, {}))
        except (OSError, ValueError, KeyError):
            continue  # the format does not hold this mode
        shown = Image.open(io.BytesIO(data))
        like = wanted(shown) if mode != "LAB" else None
        yield PictureCase(f"{kind} of mode {mode}", data, like=like)


def orientations() -> Iterator[PictureCase]:
    """The eight orientations of EXIF, and numbers that are none."""
    turns = {1: None, 2: 0, 3: 3, 4: 1, 5: 5, 6: 4, 7: 6, 8: 2}
    for kind, number in itertools.product(("JPEG", "PNG", "WEBP", "TIFF", "MPO"), (*turns, 0, 9, 65535)):
        image, exif = photo(), Image.Exif()
        exif[0x0112] = number
        turn = turns.get(number)
        like = image if turn is None else image.transpose(Image.Transpose(turn))
        extra = {"save_all": True, "append_images": [photo()]} if kind == "MPO" else BEST.get(kind, {})
        yield PictureCase(
            f"{kind} with orientation {number}", encoded(image, kind, exif=exif.tobytes(), **extra), like=like
        )
    for name, damaged in {
        "a text": b"Exif\0\0II*\0\x08\0\0\0\1\0\x12\1\2\0\2\0\0\0six\0",
        "of a loop": b"Exif\0\0II*\0\x08\0\0\0\1\0\x12\1\3\0\1\0\0\0\6\0\0\0\x08\0\0\0",
        "cut": b"Exif\0\0II*\0\x08\0\0\0\5\0\x12",
        "empty": b"Exif\0\0",
        "of rubbish": b"Exif\0\0" + bytes(range(256)),
        "a pointer beyond": b"Exif\0\0MM\0*\xff\xff\xff\xf0",
        "a pointer to itself": b"Exif\0\0II*\0\x08\0\0\0\1\0\x69\x87\4\0\1\0\0\0\x08\0\0\0\0\0\0\0",
    }.items():
        for kind in ("JPEG", "PNG", "WEBP"):
            image = photo()
            shown = None if name == "of a loop" else image
            yield PictureCase(
                f"{kind} with EXIF {name}", encoded(image, kind, exif=damaged, **BEST.get(kind, {})), like=shown
            )


def pngs() -> Iterator[PictureCase]:
    """PNG as the standard allows it, beyond what Pillow writes, and a little beside the standard."""
    for bits, interlace in itertools.product((1, 2, 4, 8), (0, 1)):
        levels = np.random.default_rng(next(_seeds)).integers(0, 2**bits, (12, 16), dtype=np.uint8)
        levels[0, 0] = 2**bits - 1  # the level that is transparent below
        levels = levels.repeat(12, axis=0).repeat(12, axis=1)
        grey = Image.fromarray((levels.astype(int) * 255 // (2**bits - 1)).astype(np.uint8))
        palette = bytes(np.random.default_rng(bits).integers(0, 256, 3 * 2**bits, dtype=np.uint8))
        coloured = Image.fromarray(np.frombuffer(palette, np.uint8).reshape(-1, 3)[levels])
        pixels = chunk(b"IDAT", zlib.compress(_rows(levels, bits, bool(interlace))))
        header = (192, 144, bits)
        name = f"PNG of {bits} bits{', interlaced' * interlace}"
        yield PictureCase(f"{name}, grey", png_file((*header, 0, 0, 0, interlace), pixels), like=grey)
        table = chunk(b"PLTE", palette)
        yield PictureCase(f"{name}, palette", png_file((*header, 3, 0, 0, interlace), table, pixels), like=coloured)
        clear = chunk(b"tRNS", bytes([255] * (2**bits - 1) + [0]))
        on_white = Image.fromarray(
            np.where(levels[:, :, None] == 2**bits - 1, 255, np.asarray(coloured)).astype(np.uint8)
        )
        last = png_file((*header, 3, 0, 0, interlace), table, clear, pixels)
        yield PictureCase(f"{name}, transparent palette", last, like=on_white)
    image = photo()
    whole = encoded(image, "PNG")
    head, body = whole[:33], whole[33:-12]

    def again(name: str, data: bytes, right: frozenset[Status] = KEPT) -> PictureCase:
        mark = chunk(b"tEXt", f"number\0{next(_seeds)}".encode())
        return PictureCase(f"PNG {name}", data.replace(head, head + mark, 1), right, like=image, data_set=name)

    pixels = zlib.compress(_rows(np.asarray(image), 8, False), 9)
    single = b"".join(chunk(b"IDAT", pixels[place : place + 7]) for place in range(0, len(pixels), 7))
    start = whole[:8] + chunk(b"IHDR", whole[16:29])
    end = chunk(b"IEND", b"")
    yield again("without its end", whole[:-12], KEPT | LOST)
    yield again("cut in its end", whole[:-4], KEPT | LOST)
    yield again("with a tail", whole + b"tail" * 100)
    yield again("of many small chunks", start + single + end)
    yield again("with empty chunks", start + chunk(b"IDAT", b"") + chunk(b"IDAT", pixels) + chunk(b"IDAT", b"") + end)
    yield again("with a wrong checksum of a text", start + chunk(b"tEXt", b"a\0b")[:-1] + b"x" + body + end)
    yield again("with a wrong checksum of pixels", start + body[:-1] + b"x" + end, LOST)
    yield again("with a wrong checksum of the header", whole[:32] + b"x" + whole[33:], LOST)
    yield again("with an unknown chunk", start + chunk(b"xyZz", b"?" * 1000) + body + end)
    yield again("with an unknown critical chunk", start + chunk(b"XYZZ", b"?") + body + end, KEPT | LOST)
    yield again("with a second header", start + start[8:] + body + end, KEPT | LOST)
    yield again("with a palette for colours", start + chunk(b"PLTE", bytes(30)) + body + end)
    yield again("with gamma", start + chunk(b"gAMA", struct.pack(">I", 45455)) + body + end)
    yield again("with a gamma of nothing", start + chunk(b"gAMA", b"") + body + end)
    yield again("with broken resolution", start + chunk(b"pHYs", b"\0") + body + end)
    yield again("with a broken profile chunk", start + chunk(b"iCCP", b"x") + body + end)
    yield again("with a text of escapes", start + chunk(b"tEXt", b"Title\0\x1b[31m\x07") + body + end)
    yield again("with a broken text", start + chunk(b"zTXt", b"a\0\0rubbish") + body + end)
    text = zlib.compress(bytes(3_000_000))
    yield again("with a large compressed text", start + chunk(b"zTXt", b"a\0\0" + text) + body + end)
    yield again("with a large text of the newer kind", start + chunk(b"iTXt", b"a\0\1\0\0\0" + text) + body + end)
    yield again("with a large plain text", start + chunk(b"tEXt", b"a\0" + b"b" * 3_000_000) + body + end)
    yield again("with a large profile", start + chunk(b"iCCP", b"a\0\0" + text) + body + end)
    yield again("with broken EXIF", start + chunk(b"eXIf", b"\xff" * 50) + body + end)
    yield again("with a broken animation", start + chunk(b"acTL", b"\0\0") + body + end, KEPT | LOST)
    yield again("of an animation of no frames", start + chunk(b"acTL", bytes(8)) + body + end, KEPT | LOST)
    yield again(
        "with pixels to spare",
        start + chunk(b"IDAT", zlib.compress(zlib.decompress(pixels) + bytes(99))) + end,
        KEPT | LOST,
    )
    yield again("with too few rows", start + chunk(b"IDAT", zlib.compress(zlib.decompress(pixels)[:-1000])) + end, LOST)
    yield again("without pixels", start + end, LOST)
    yield again(
        "with a filter that is none",
        start + chunk(b"IDAT", zlib.compress(b"\7" + zlib.decompress(pixels)[1:])) + end,
        LOST,
    )
    yield again("without compression", start + chunk(b"IDAT", zlib.compress(zlib.decompress(pixels), 0)) + end)
    yield again("with a wrong sum of its stream", start + chunk(b"IDAT", pixels[:-1] + b"\0") + end, KEPT | LOST)
    for name, at, value in (
        ("compression", 26, 1),
        ("filter", 27, 1),
        ("interlace", 28, 2),
        ("colour type", 25, 5),
        ("bits", 24, 3),
    ):
        changed = bytearray(whole[16:29])
        changed[at - 16] = value
        yield PictureCase(
            f"PNG of unknown {name}",
            whole[:8] + chunk(b"IHDR", bytes(changed)) + body + end,
            NONE | LOST | KEPT,
            like=image,
            data_set=name,
        )


def _rows(values: NDArray[np.uint8], bits: int, interlaced: bool) -> bytes:
    """The rows of a PNG picture before compression, each with the filter 0."""
    passes = [(0, 0, 8, 8), (0, 4, 8, 8), (4, 0, 8, 4), (0, 2, 4, 4), (2, 0, 4, 2), (0, 1, 2, 2), (1, 0, 2, 1)]
    parts = [values[y::dy, x::dx] for y, x, dy, dx in passes] if interlaced else [values]
    out = b""
    for part in parts:
        for row in part:
            if bits < 8:
                spread = np.unpackbits(row[:, None], axis=1)[:, -bits:].ravel()
                out += b"\0" + np.packbits(spread).tobytes()
            else:
                out += b"\0" + row.tobytes()
    return out


def tiffs() -> Iterator[PictureCase]:
    """TIFF of many kinds: what is not read must be told, and not be read as something else."""
    for compression, mode in itertools.product(
        (
            "raw",
            "tiff_lzw",
            "tiff_deflate",
            "tiff_adobe_deflate",
            "packbits",
            "jpeg",
            "webp",
            "zstd",
            "lzma",
            "group3",
            "group4",
        ),
        ("1", "L", "RGB", "RGBA", "CMYK"),
    ):
        if (compression in ("group3", "group4")) != (mode == "1"):
            continue
        image = photo().convert(mode)
        try:
            data = encoded(image, "TIFF", compression=compression)
        except (OSError, KeyError, ValueError):
            continue  # this libtiff does not know it
        yield PictureCase(f"TIFF {compression} {mode}", data, like=wanted(image) if mode != "CMYK" else None)
    for order in "<>":
        levels = np.asarray(photo().convert("L"))
        plain: dict[int, int | tuple[int, ...]] = {258: 8, 259: 1, 262: 1, 277: 1}
        name = {"<": "little", ">": "big"}[order]

        def one(kind: str, data: bytes, like: Any, right: frozenset[Status] = KEPT, name: str = name) -> PictureCase:
            shown = None if like is None else Image.fromarray(like.astype(np.uint8))
            return PictureCase(f"TIFF {name} endian {kind}", data, right, shown, data_set=f"{name} {kind}")

        shape = levels.shape
        yield one("plain", tiff(order, shape, levels.tobytes(), plain), levels)
        yield one("white is zero", tiff(order, shape, levels.tobytes(), {**plain, 262: 0}), 255 - levels)
        four = (levels >> 4)[:, ::2] << 4 | (levels >> 4)[:, 1::2]
        yield one("4 bits", tiff(order, shape, four.astype(np.uint8).tobytes(), {**plain, 258: 4}), (levels >> 4) * 17)
        yield one(
            "with a predictor",
            tiff(
                order,
                shape,
                zlib.compress(np.diff(levels, axis=1, prepend=0).astype(np.uint8).tobytes()),
                {**plain, 259: 8, 317: 2},
            ),
            levels,
        )
        yield one("half a strip", tiff(order, shape, levels.tobytes()[: levels.size // 2], plain), levels, LOST)
        yield one("of 0 rows a strip", tiff(order, shape, levels.tobytes(), {**plain, 278: 0}), levels, KEPT | LOST)
        yield one("of unknown compression", tiff(order, shape, levels.tobytes(), {**plain, 259: 99}), levels, LOST)
        yield one(
            "of unknown photometry", tiff(order, shape, levels.tobytes(), {**plain, 262: 77}), levels, KEPT | LOST
        )
        yield one("of 0 channels", tiff(order, shape, levels.tobytes(), {**plain, 277: 0}), levels, KEPT | LOST)
        yield one(
            "of 7 channels",
            tiff(order, (shape[0], shape[1] // 8), levels.tobytes(), {**plain, 258: (8,) * 7, 277: 7}),
            None,
            LOST,
        )
        colours = np.asarray(photo())
        three: dict[int, int | tuple[int, ...]] = {258: (8, 8, 8), 259: 1, 262: 2, 277: 3}
        yield one("colours", tiff(order, shape, colours.tobytes(), three), colours)
        planes = np.moveaxis(colours, 2, 0).tobytes()
        strips = {**three, 284: 2, 273: (0, 0, 0), 279: (0, 0, 0)}
        del strips[273], strips[279]
        yield one("planes in one strip", tiff(order, shape, planes, strips), colours, KEPT | LOST)
        for kind, bits in (("f2", 16), ("f4", 32), ("f8", 64)):
            floats = (levels / 255).astype(f"{order}{kind}").tobytes()
            yield one(f"of {bits} bit floats", tiff(order, shape, floats, {**plain, 258: bits, 339: 3}), None, LOST)
        yield one(
            "of an unknown number", tiff(order, shape, levels.tobytes(), plain)[:2] + b"\x2b\0\0\0" * 40, None, NONE
        )


def wide() -> Iterator[PictureCase]:
    """More than 8 bits a channel; each in a data set of its own, since their depth is that of the set."""
    for bits, kind in itertools.product(
        (8, 9, 10, 11, 12, 13, 14, 15, 16), ("PNG", "TIFF", "PGM", "JPEG2000", "TIFF big", "TIFF inverted")
    ):
        held = next(depth for depth in (8, 10, 12, 14, 16) if depth >= bits)
        levels = np.asarray(photo().convert("L")).astype(int) * (2**bits - 1) // 255
        levels.flat[0], levels.flat[1] = 0, 2**bits - 1
        values = levels.astype(np.uint16)
        scale = 2**held - 1
        match kind:
            case "PGM":
                data = f"P5 192 144 {max(2**bits - 1, 256)}\n".encode() + values.astype(">u2").tobytes()
                scale = max(2**bits - 1, 256)
            case "TIFF big":
                data = tiff(">", values.shape, values.astype(">u2").tobytes(), {258: 16, 259: 1, 262: 1, 277: 1})
            case "TIFF inverted":
                data = tiff("<", values.shape, values.tobytes(), {258: 16, 259: 1, 262: 0, 277: 1})
            case _:
                data = encoded(Image.fromarray(values), kind)
        if kind == "JPEG2000":
            scale = 65535
        eight = levels * 255 // scale
        like = Image.fromarray((255 - eight if kind == "TIFF inverted" else eight).astype(np.uint8))
        yield PictureCase(f"{kind} of {bits} bits in 16", data, like=like, data_set=f"wide {kind} {bits}")
    for channels, colour_type in ((2, 4), (3, 2), (4, 6)):
        levels = np.asarray(photo().convert("L")).astype(int) * 257
        values = np.repeat(levels[:, :, None], channels, axis=2).astype(np.uint16)
        if channels != 3:
            values[:, :, -1] = 65535
        like = Image.fromarray((levels >> 8).astype(np.uint8))
        yield PictureCase(
            f"PNG of {channels} wide channels", png(values, colour_type), like=like, data_set=f"{channels}"
        )
    for alpha in (0, 1, 255, 65535):
        levels = np.asarray(photo().convert("L")).astype(int) * 257
        values = np.repeat(levels[:, :, None], 4, axis=2).astype(np.uint16)
        values[:, :, 3] = alpha
        like = Image.fromarray((levels >> 8).astype(np.uint8))
        yield PictureCase(f"PNG of wide alpha {alpha}", png(values, 6), like=like, data_set=f"alpha {alpha}")


SRGB = ImageCms.createProfile("sRGB")
PROFILES = {
    "Display P3": P3,
    "Adobe RGB": profile_of((0.60974, 0.31111, 0.01947, 0.20528, 0.62567, 0.06087, 0.14919, 0.06322, 0.74457)),
    "swapped channels": profile_of((0.14307, 0.06061, 0.71410, 0.38512, 0.71690, 0.09706, 0.43607, 0.22249, 0.01392)),
    "gamma 1": profile_of((0.43607, 0.22249, 0.01392, 0.38515, 0.71687, 0.09708, 0.14307, 0.06061, 0.71410), 1.0),
    "sRGB": ImageCms.ImageCmsProfile(SRGB).tobytes(),
}
BROKEN_PROFILES = {
    "rubbish": b"rubbish" * 50,
    "cut": P3[:300],
    "for CMYK": P3[:16] + b"CMYK" + P3[20:],
    "for grey": P3[:16] + b"GRAY" + P3[20:],
    "of a claimed size": b"\x7f\xff\xff\xff" + P3[4:],
    "with a tag beyond": P3[:136] + b"\xff\xff\xff\xf0" + P3[140:],
    "of a million tags": P3[:128] + b"\0\x0f\xff\xff" + P3[132:],
    "empty curves": P3.replace(b"curv\0\0\0\0\0\0\0\1", b"curv\0\0\0\0\x7f\xff\xff\xff"),
    "large": P3 + bytes(5 * 2**20),
}


READABLE = {"of a claimed size", "with a tag beyond", "empty curves"}


def profiles() -> Iterator[PictureCase]:
    """Profiles of colour: honoured where they are whole, ignored and told where they are broken."""
    for kind, (name, profile) in itertools.product(("JPEG", "PNG", "WEBP", "TIFF", "AVIF", "HEIF"), PROFILES.items()):
        image = photo()
        source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        like = ImageCms.profileToProfile(image, source, SRGB, ImageCms.Intent.PERCEPTUAL, "RGB")
        options = BEST.get(kind, {})
        yield PictureCase(
            f"{kind} with {name}",
            encoded(image, kind, icc_profile=profile, **options),
            like=like if name != "sRGB" else image,
        )
    for kind, (name, profile) in itertools.product(("JPEG", "PNG", "TIFF"), BROKEN_PROFILES.items()):
        image = photo()
        data = encoded(image, kind, icc_profile=profile, **BEST.get(kind, {}))
        honoured = name in READABLE  # the library of profiles may read these
        like, says = (None, "") if honoured else (image, "profile")
        yield PictureCase(f"{kind} with a profile: {name}", data, KEPT, like, says)


def no_pictures() -> Iterator[PictureCase]:
    """Other files under the name of a picture."""
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as file:
        file.writestr("../../evil.png", b"x")
    tar = io.BytesIO()
    with tarfile.open(fileobj=tar, mode="w") as packed:
        packed.addfile(tarfile.TarInfo("a"))
    others = {
        "empty": b"",
        "one byte": b"x",
        "zeros": bytes(5000),
        "text": b"hello\n" * 99,
        "a page": b"<!DOCTYPE html><p>",
        "a page after spaces": b" \n\t<html><body>404",
        "SVG": b"<svg xmlns='x' onload='alert(1)'/>",
        "PDF": b"%PDF-1.7\n%%EOF",
        "zip": archive.getvalue(),
        "tar": tar.getvalue(),
        "gzip": gzip.compress(b"x"),
        "script": b"#!/bin/sh\nrm -rf ~\n",
        "EPS": b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n",
        "EPS with a preview": b"\xc5\xd0\xd3\xc6" + bytes(60),
        "WMF": b"\xd7\xcd\xc6\x9a" + bytes(99),
        "EMF": b"\1\0\0\0" + bytes(36) + b" EMF" + bytes(60),
        "FITS": b"SIMPLE  =                    T",
        "MP4": b"\0\0\0\x20ftypisom\0\0\2\0isomiso2avc1mp41" + bytes(99),
        "MP3": b"ID3\3" + bytes(99),
        "WAV": b"RIFF\0\0\0\0WAVEfmt ",
        "AVI": b"RIFF\0\0\0\0AVI LIST",
        "JSON": b'{"a": 1}',
        "YAML": b"a: 1\n",
        "ELF": b"\x7fELF" + bytes(99),
        "EXE": b"MZ" + bytes(99),
        "a pickle": b"\x80\x04\x95cos\nsystem\n",
        "HDF5": b"\x89HDF\r\n\x1a\n" + bytes(50),
        "PSD": b"8BPS\0\1" + bytes(60),
        "XPM": b"/* XPM */\nstatic",
        "XBM": b"#define a_width 9\n#define a_height 9\n",
        "UTF-16": "<html>".encode("utf-16"),
        "DICOM": bytes(128) + b"DICM",
        "raw camera": b"IIRO\x08\0\0\0" + bytes(99),
        "IM": b"Image type: L image\r\n" + bytes(500),
        "PCX": b"\x0a\5\1\x08" + bytes(124),
        "an icon": encoded(noise(1, 32, 32), "ICO"),
        "TGA": encoded(noise(1), "TGA"),
        "DDS": encoded(noise(1).convert("RGBA"), "DDS"),
        "ICNS": b"icns\0\0\0\x08",
        "SGI": encoded(noise(1), "SGI"),
        "QOI": b"qoif" + bytes(20),
        "CBOR": b"\xd9\xd9\xf7" + bytes(20),
        "LFS pointer": b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n",
    }
    yield from (PictureCase(f"no picture: {name}", data, NONE) for name, data in others.items())
    for kind in ("JPEG", "PNG", "GIF", "BMP", "TIFF", "WEBP", "AVIF", "HEIF", "JPEG2000", "PPM"):
        whole = encoded(photo(), kind)
        chance = np.random.default_rng(len(whole))
        rest = chance.integers(0, 256, 4000, dtype=np.uint8).tobytes()
        yield PictureCase(f"rubbish after the mark of {kind}", whole[:12] + rest, NONE | LOST | {Status.TOO_LARGE})
        yield PictureCase(f"nothing after the mark of {kind}", whole[:12], NONE | LOST)
        yield PictureCase(f"half of a {kind}", whole[: len(whole) // 2], NONE | LOST)
        image = photo()
        yield PictureCase(
            f"{kind} with a zip behind",
            encoded(image, kind, **BEST.get(kind, {})) + archive.getvalue(),
            like=image if kind != "GIF" else None,
        )
    polyglot = encoded(photo(), "JPEG", comment=b"<?php system($_GET['c']); ?>\x1b[31m")
    yield PictureCase("JPEG with a program in its comment", polyglot)
    yield PictureCase("PDF with a JPEG in it", b"%PDF-1.7\n" + polyglot, NONE)
    yield PictureCase("page with a JPEG in it", b"<html>" + polyglot, NONE)
    yield PictureCase("GIF that is a script", b"GIF89a/*" + bytes(6) + b"*/=1;alert(1)", NONE)


def frames() -> Iterator[PictureCase]:
    """More frames or pages than one: the first is taken, the rest told."""
    for kind, count in itertools.product(("GIF", "PNG", "WEBP", "TIFF", "AVIF", "MPO"), (2, 3, 10)):
        image = photo()
        others = [photo() for _ in range(count - 1)]
        data = encoded(image, kind, save_all=True, append_images=others, **BEST.get(kind, {}))
        yield PictureCase(f"{kind} of {count} frames", data, like=image if kind != "GIF" else None, says="the first of")


def transparent() -> Iterator[PictureCase]:
    """Transparent everywhere: still different pictures, never one white one."""
    for kind, mode, alpha in itertools.product(("PNG", "WEBP", "TIFF"), ("LA", "RGBA"), (0, 1, 15)):
        image = photo().convert(mode)
        image.putalpha(alpha)
        try:
            data = encoded(image, kind, **({"lossless": True, "exact": True} if kind == "WEBP" else {}))
        except OSError:
            continue
        like = image.convert("RGBA").convert("RGB")
        yield PictureCase(f"{kind} {mode} of alpha {alpha}", data, like=like, says="transparent everywhere")


def shapes() -> Iterator[PictureCase]:
    """Small, narrow and long ones, and headers that lie."""
    small = frozenset({Status.TOO_SMALL})
    for width, height in ((1, 1), (1, 400), (31, 31), (400, 31), (3, 3), (31, 9000)):
        yield PictureCase(f"{width} x {height}", encoded(photo(width, height), "PNG"), small)
    for width, height in ((32, 32), (32, 20000), (20000, 32), (33, 65)):
        yield PictureCase(f"{width} x {height}", encoded(photo(width, height), "PNG"))
    for kind in ("BMP", "GIF", "PNG", "WEBP", "JPEG", "TIFF"):
        data = encoded(photo(), kind)
        for number, (width, height) in enumerate(
            ((0, 0), (0, 144), (192, 0), (65535, 65535), (192, 60000), (2**31 - 1, 2**31 - 1), (192, 288))
        ):
            changed = resized(kind, data, width, height)
            if changed is not None and changed != data:
                right = NONE | LOST | {Status.TOO_LARGE, Status.TOO_SMALL}
                yield PictureCase(f"{kind} that claims {width} x {height}", changed, right, data_set=f"claim {number}")


def resized(kind: str, data: bytes, width: int, height: int) -> bytes | None:
    """The file with another size in its header; None where the header cannot say it."""
    both = (width, height)
    if kind == "PNG":
        return data[:8] + chunk(b"IHDR", struct.pack(">II", *both) + data[24:29]) + data[33:]
    if kind == "BMP":
        return data[:18] + struct.pack("<ii", *both) + data[26:]
    if max(both) > 65535:
        return None
    if kind == "GIF":
        at = data.index(b"\x2c", 13 + 3 * 2 ** ((data[10] & 7) + 1))
        data = data[: at + 5] + struct.pack("<HH", *both) + data[at + 9 :]
        return data[:6] + struct.pack("<HH", *both) + data[10:]
    if kind == "JPEG":
        at = data.index(b"\xff\xc0") + 5
        return data[:at] + struct.pack(">HH", height, width) + data[at + 4 :]
    if kind == "WEBP":
        at = data.index(b"\x9d\x01\x2a") + 3
        return data[:at] + struct.pack("<HH", width & 0x3FFF, height & 0x3FFF) + data[at + 4 :]
    return None


CORPUS = (formats, orientations, pngs, tiffs, wide, profiles, no_pictures, frames, transparent, shapes)


def run(folder: Path) -> Result:
    """Try them all."""
    return try_pictures("pictures", cases(), folder)


def cases() -> list[PictureCase]:
    """All of them."""
    pillow_heif.register_heif_opener()
    return [case for part in CORPUS for case in part()]
