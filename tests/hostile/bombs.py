"""Small files that ask for much: every one ends in time and within memory, as a row."""

import hashlib
import io
import struct
import zlib
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import psutil
from PIL import Image

from conftest import encoded, noise
from fieldguide.base.config import CleanConfig
from fieldguide.data.cleaning_file import RawFile, Work, clean_file
from fieldguide.data.status import Status
from hostile.case import BOUNDED, KEPT, NONE, PictureCase, Result, tell
from picture_bytes import chunk, png_file, tiff

MEMORY, SECONDS = 1.5e9, 20  # of a worker, and of the process that decodes for it; of a processor
END = b"\xff\xd9"
EITHER = BOUNDED | KEPT | NONE
Case = Callable[..., PictureCase]


def bomb(name: str, data: bytes, right: frozenset[Status] = EITHER) -> PictureCase:
    """A case by its name."""
    return PictureCase(name, data, right)


def pngs() -> Iterator[PictureCase]:
    """What deflate unfolds, and what a header promises."""
    small = encoded(noise(1), "PNG")
    start, body, end = small[:33], small[33:-12], small[-12:]
    endless = zeros(2**31)
    for kind in (b"zTXt", b"iTXt", b"iCCP"):
        head = {b"zTXt": b"a\0\0", b"iTXt": b"a\0\1\0\0\0", b"iCCP": b"a\0\0"}[kind]
        yield bomb(f"PNG: {kind.decode()} that unfolds", start + chunk(kind, head + endless) + body + end)
        yield bomb(f"PNG: {kind.decode()} behind", start + body + chunk(kind, head + endless) + end)
        many = chunk(kind, head + zeros(2**20 - 100)) * 2000
        yield bomb(f"PNG: 2,000 {kind.decode()}", start + many + body + end)
    yield bomb("PNG: pixels that do not end", start + chunk(b"IDAT", endless) + end)
    yield bomb("PNG: 30,000 texts", start + chunk(b"tEXt", b"a\0b") * 30_000 + body + end)
    yield bomb("PNG: 19,000 texts", start + chunk(b"tEXt", b"a\0b") * 19_000 + body + end, KEPT)
    yield bomb(
        "PNG: an animation of a billion frames", start + chunk(b"acTL", struct.pack(">II", 10**9, 0)) + body + end
    )
    yield bomb("PNG: a chunk that claims 2 GB", start + b"\x7f\xff\xff\xffIDAT" + body + end)
    yield bomb("PNG: EXIF that unfolds", start + chunk(b"eXIf", exif_bomb(60_000)) + body + end)
    for name, bits, colour, channels, side in (
        *(("RGBA", 8, 6, 4, 12_247), ("RGB", 8, 2, 3, 12_247), ("LA", 8, 4, 2, 12_247), ("grey", 8, 0, 1, 12_247)),
        *(("1 bit", 1, 0, 1, 12_247), ("16 bit grey", 16, 0, 1, 12_247), ("16 bit RGBA", 16, 6, 4, 12_247)),
        *(("16 bit RGB", 16, 2, 3, 12_247), ("RGBA above the bound", 8, 6, 4, 12_300)),
    ):
        pixels = rows(side, (side * channels * bits + 7) // 8)
        good = bits <= 8 and side < 12_300
        right = KEPT if good else EITHER if side < 12_300 else frozenset({Status.TOO_LARGE})
        header = (side, side, bits, colour, 0, 0, 0)
        yield bomb(f"PNG: 150 megapixels, {name}", png_file(header, chunk(b"IDAT", pixels)), right)
    turned = chunk(b"eXIf", b"II*\0\x08\0\0\0\1\0\x12\1\3\0\1\0\0\0\6\0\0\0\0\0\0\0")
    pixels = chunk(b"IDAT", rows(12_247, 12_247 * 4))
    yield bomb("PNG: 150 megapixels, RGBA, turned", png_file((12_247, 12_247, 8, 6, 0, 0, 0), turned, pixels), KEPT)
    yield bomb(
        "PNG: a line of 150 megapixels",
        png_file((150_000_000, 1, 8, 0, 0, 0, 0), chunk(b"IDAT", rows(1, 150_000_000))),
        frozenset({Status.TOO_SMALL}) | BOUNDED,
    )
    yield bomb("PNG: interlaced", png_file((12_000, 12_000, 8, 6, 0, 0, 1), chunk(b"IDAT", rows(13_000, 12_000 * 8))))
    yield bomb(
        "PNG: palette, transparent",
        png_file(
            (12_000, 12_000, 8, 3, 0, 0, 0),
            chunk(b"PLTE", bytes(768)),
            chunk(b"tRNS", bytes(256)),
            chunk(b"IDAT", rows(12_000, 12_000)),
        ),
        KEPT,
    )


def rows(count: int, length: int) -> bytes:
    """A deflated stream of so many rows of zeros, each behind its filter."""
    return zeros(count * (length + 1))


def zeros(length: int) -> bytes:
    """A deflated stream of so many zeros, made at once: the same block again and again."""
    size = 2**20
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    block = packer.compress(bytes(size)) + packer.flush(zlib.Z_FULL_FLUSH)
    last = zlib.compressobj(9, zlib.DEFLATED, -15)
    end = last.compress(bytes(length % size)) + last.flush()
    checksum = length % 65521 << 16 | 1  # Adler's, of zeros
    return b"\x78\xda" + block * (length // size) + end + struct.pack(">I", checksum)


def exif_bomb(length: int) -> bytes:
    """Entries that all point to the same bytes."""
    entries = b"".join(struct.pack("<HHII", 40_000 + number, 7, length, 8) for number in range(4000))
    return b"II*\0" + struct.pack("<IH", 8, 4000) + entries + bytes(length)


def jpegs() -> Iterator[PictureCase]:
    """Scans, tables, segments and restarts without end."""
    for side, times in ((64, 20_000), (1000, 3000), (5000, 400), (8000, 4000)):
        data = encoded(Image.new("RGB", (side, side), (120, 100, 80)), "JPEG", progressive=True)
        last = data.rindex(b"\xff\xda")
        yield bomb(f"JPEG: {times} scans of {side} pixels", data[:-2] + data[last:-2] * times + END)
    data = encoded(noise(2), "JPEG")
    table = data[data.index(b"\xff\xc4") :][: 2 + int.from_bytes(data[data.index(b"\xff\xc4") + 2 :][:2], "big")]
    yield bomb("JPEG: 100,000 tables", data[:2] + table * 100_000 + data[2:])
    yield bomb("JPEG: 20 MB of padding", data[:2] + b"\xff" * 20_000_000 + data[2:])
    yield bomb("JPEG: 1,000,000 empty comments", data[:2] + b"\xff\xfe\0\2" * 1_000_000 + data[2:])
    yield bomb(
        "JPEG: 300 segments of EXIF",
        data[:2] + (b"\xff\xe1\xff\xffExif\0\0" + exif_bomb(20_000)[:65_527]) * 300 + data[2:],
    )
    yield bomb(
        "JPEG: EXIF that unfolds", data[:2] + b"\xff\xe1\xff\xffExif\0\0" + exif_bomb(17_000)[:65_527] + data[2:]
    )
    loop = b"Exif\0\0II*\0\x08\0\0\0\1\0\x69\x87\4\0\1\0\0\0\x08\0\0\0\x08\0\0\0"
    yield bomb("JPEG: EXIF in a circle", data[:2] + b"\xff\xe1" + struct.pack(">H", len(loop) + 2) + loop + data[2:])
    profile = b"".join(
        b"\xff\xe2\xff\xffICC_PROFILE\0" + bytes([number, 255]) + bytes(65_519) for number in range(1, 256)
    )
    yield bomb("JPEG: a profile of 16 MB", data[:2] + profile + data[2:])
    index = (
        b"MPF\0II*\0\x08\0\0\0\2\0" + struct.pack("<HHII", 0xB001, 4, 1, 10**6) + struct.pack("<HHII", 0xB002, 7, 16, 8)
    )
    yield bomb(
        "JPEG: a million pictures in its index",
        data[:2] + b"\xff\xe2" + struct.pack(">H", len(index) + 2) + index + data[2:],
    )
    huge = bytearray(data)
    at = data.index(b"\xff\xc0") + 5
    huge[at : at + 4] = struct.pack(">HH", 2280, 65_500)
    yield bomb("JPEG: claims 149 megapixels", bytes(huge))
    flat = encoded(Image.new("L", (12_200, 12_200)), "JPEG", quality=10)
    yield bomb("JPEG: 149 megapixels of grey", flat, KEPT)
    yield bomb("JPEG: 149 megapixels of colour", encoded(Image.new("RGB", (12_200, 12_200)), "JPEG", quality=10), KEPT)
    yield bomb(
        "JPEG: 149 megapixels, progressive",
        encoded(Image.new("RGB", (12_200, 12_200)), "JPEG", quality=10, progressive=True),
    )
    yield bomb("JPEG: 100 megapixels of CMYK", encoded(Image.new("CMYK", (10_000, 10_000)), "JPEG", quality=10))


def tiffs() -> Iterator[PictureCase]:
    """Directories in circles, counts without end, tiles and strips that are not what they say."""
    plain: dict[int, int | tuple[int, ...]] = {258: 8, 259: 8, 262: 1, 277: 1}
    for side in (20_000, 45_000, 65_535):
        tiled = tiff("<", (64, 64), zlib.compress(bytes(2_000_000)), {**plain, 322: side, 323: side})
        for strip, tile in ((273, 324), (279, 325)):
            tiled = tiled.replace(struct.pack("<HH", strip, 4), struct.pack("<HH", tile, 4))
        yield bomb(f"TIFF: a tile of {side} pixels", tiled)
    yield bomb("TIFF: a strip that unfolds", tiff("<", (64, 64), zeros(2**31), plain))
    yield bomb("TIFF: 150 megapixels in a strip", tiff("<", (12_200, 12_200), zeros(12_200 * 12_200), plain))
    yield bomb(
        "TIFF: 60,000 channels", tiff("<", (64, 64), bytes(99), {**plain, 259: 1, 258: (8,) * 60_000, 277: 60_000})
    )
    circle = bytearray(tiff("<", (64, 64), bytes(4096), {**plain, 259: 1}))
    after = 8 + 2 + 12 * struct.unpack_from("<H", circle, 8)[0]
    circle[after : after + 4] = struct.pack("<I", 8)
    yield bomb("TIFF: pages in a circle", bytes(circle))
    for tag in (256, 270, 273, 34675, 700):
        one = struct.pack("<HHII", tag, 2 if tag > 273 else 4, 0xFFFFFFF0, 8)
        yield bomb(f"TIFF: tag {tag} of 4 GB", b"II*\0" + struct.pack("<IH", 8, 1) + one + bytes(4))
    entries = b"".join(struct.pack("<HHII", 256 + number % 60_000, 3, 1, 64) for number in range(65_000))
    yield bomb("TIFF: 65,000 tags", b"II*\0" + struct.pack("<IH", 8, 65_000) + entries + bytes(4))
    yield bomb("TIFF: a million strips", tiff("<", (30_000, 30_000), zlib.compress(bytes(9)), {**plain, 278: 1}))
    pages = io.BytesIO()
    noise(3).save(pages, "TIFF", save_all=True, append_images=[noise(3, 8, 8)] * 3000)
    yield bomb("TIFF: 3,000 pages", pages.getvalue(), KEPT)
    fax = encoded(Image.new("1", (12_000, 12_000), 1), "TIFF", compression="group4")
    yield bomb("TIFF: 144 megapixels of fax", fax)
    lzma = encoded(Image.new("RGB", (8000, 8000)), "TIFF", compression="lzma")
    yield bomb("TIFF: 64 megapixels of lzma", lzma)


def others() -> Iterator[PictureCase]:
    """BMP, GIF, WebP, AVIF, HEIC, JPEG 2000 and PPM."""
    for bits, compression, side in ((8, 1, 65_000), (4, 2, 12_000), (8, 1, 12_000)):
        head = struct.pack(
            "<IiiHHIIiiII",
            40,
            side,
            2200 if side > 12_000 else side,
            1,
            bits,
            compression,
            0,
            0,
            0,
            256 if bits == 8 else 16,
            0,
        )
        table = bytes(4 * (256 if bits == 8 else 16))
        runs = b"\xff\1" * 24_000 + b"\0\1"
        yield bomb(
            f"BMP: runs of {bits} bits, {side} pixels",
            b"BM" + struct.pack("<IHHI", 0, 0, 0, 54 + len(table)) + head + table + runs,
        )
        yield bomb(
            f"BMP: jumps of {bits} bits, {side} pixels",
            b"BM" + struct.pack("<IHHI", 0, 0, 0, 54 + len(table)) + head + table + b"\0\2\xff\xff" * 12_000,
        )
    bitmap = encoded(noise(4), "BMP")
    yield bomb("BMP: claims a table of 4 GB", bitmap[:46] + struct.pack("<I", 0xFFFFFFFF) + bitmap[50:])
    for width, height in ((65_535, 65_535), (12_000, 12_000)):
        gif = bytearray(encoded(Image.new("P", (64, 64)), "GIF"))
        gif[6:10] = struct.pack("<HH", width, height)
        yield bomb(f"GIF: a canvas of {width} pixels", bytes(gif))
    frames = encoded(noise(5), "GIF", save_all=True, append_images=[noise(6)])
    yield bomb("GIF: 100,000 frames", frames[:-1] + b"\x2c\0\0\0\0\1\0\1\0\0\2\2\x44\1\0" * 100_000 + b";")
    yield bomb(
        "GIF: 5 MB of comments",
        frames[:-1].replace(b"\x2c", b"\x21\xfe" + (b"\xff" + b"a" * 255) * 20_000 + b"\0\x2c", 1) + b";",
    )
    big = Image.new("RGB", (16_383, 9000))
    yield bomb("WebP: 147 megapixels", encoded(big, "WEBP", quality=1, method=0))
    yield bomb("WebP: 147 megapixels, lossless", encoded(big, "WEBP", lossless=True, quality=0, method=0))
    yield bomb("AVIF: 100 megapixels", encoded(Image.new("RGB", (10_000, 10_000)), "AVIF", quality=1, speed=10))
    import pillow_heif

    pillow_heif.register_heif_opener()
    for kind in ("AVIF", "HEIF"):
        data = encoded(noise(7), kind)
        at = data.index(b"ispe") + 8
        yield bomb(f"{kind}: claims 65,535 pixels", data[:at] + struct.pack(">II", 65_535, 65_535) + data[at + 8 :])
        yield bomb(f"{kind}: claims 12,000 pixels", data[:at] + struct.pack(">II", 12_000, 12_000) + data[at + 8 :])
    code = encoded(noise(8), "JPEG2000", no_jp2=True)
    at = code.index(b"\xff\x51") + 6
    for name, size, tile in (
        ("a grid of a billion tiles", (12_000, 12_000), (1, 1)),
        ("one tile of 2 G", (2**31 - 1, 2**31 - 1), (2**31 - 1, 2**31 - 1)),
        ("144 megapixels", (12_000, 12_000), (12_000, 12_000)),
    ):
        head = struct.pack(">8I", *size, 0, 0, *tile, 0, 0)
        yield bomb(f"JPEG 2000: {name}", code[:at] + head + code[at + 32 :])
    yield bomb("PPM: claims 99,999 pixels", b"P6 99999 99999 255\n")
    yield bomb("PPM: claims 149 megapixels", b"P6 12200 12200 255\n" + bytes(99))
    yield bomb("PPM: 20 MB of comment", b"P6\n#" + b"a" * 20_000_000 + b"\n64 64 255\n" + bytes(3 * 64 * 64))
    yield bomb("PPM: a number of 10 MB", b"P6\n" + b"1" * 10_000_000 + b" 64 255\n")
    yield bomb("PPM: 20 MB of digits", b"P3\n2000 1000 255\n" + b"1 " * 10_000_000)
    yield bomb("PPM: 30 megapixels in words", b"P1\n6000 5000\n" + b"01" * 15_000_000)


def cases() -> Iterator[PictureCase]:
    """All of them, one at a time: together they would take gigabytes."""
    for part in (pngs, jpegs, tiffs, others):
        yield from part()


def run(folder: Path) -> Result:
    """Clean each as a worker does, in this process, and look at what that took."""
    wrong: list[str] = []
    tried, most, longest = 0, (0.0, ""), (0.0, "")
    work = Work(CleanConfig(), folder / "clean", folder / "cache")
    for made in (work.target, work.cache):
        made.mkdir()
    for case in cases():
        tried += 1
        (folder / "bomb").write_bytes(case.data)
        picture = RawFile(folder / "bomb", hashlib.sha256(case.data).hexdigest(), (0,), (("label", None),))
        row = _measured(work, picture)
        most, longest = max(most, (row["memory"], case.name)), max(longest, (row["seconds"], case.name))
        if row["status"] not in case.right:
            tell(wrong, f"{case.name}: {row['status']} ({row['reason']}), right is {', '.join(sorted(case.right))}")
        if row["memory"] > MEMORY or row["seconds"] > SECONDS:
            tell(wrong, f"{case.name}: {row['memory'] / 1e9:.2f} GB, {row['seconds']:.1f} s ({row['status']})")
        print(f"{case.name}: {row['status']}, {row['memory'] / 1e9:.2f} GB, {row['seconds']:.1f} s", flush=True)
    told = f"{most[0] / 1e9:.2f} GB ({most[1]}), {longest[0]:.1f} s of a processor ({longest[1]})"
    return Result("bombs", tried, wrong, told)


def _measured(work: Work, picture: RawFile) -> dict[str, Any]:
    """The row of a picture, the most memory that one process took, and the seconds of all."""
    before = _seconds()
    for one in _processes():
        with suppress(OSError):
            Path(f"/proc/{one.pid}/clear_refs").write_text("5", encoding="ascii")  # begins a new peak
    [row] = clean_file(work, None, picture)
    return {**row, "memory": max(_peak(one.pid) for one in _processes()), "seconds": _seconds() - before}


def _processes() -> list[psutil.Process]:
    me = psutil.Process()
    return [me, *me.children(recursive=True)]


def _seconds() -> float:
    """Of a processor, of this process and of those that it started, ended ones included."""
    return float(sum(sum(one.cpu_times()[:4]) for one in _processes()))


def _peak(pid: int) -> float:
    for line in Path(f"/proc/{pid}/status").read_text(encoding="ascii").splitlines():
        if line.startswith("VmHWM"):
            return 1024 * float(line.split()[1])
    return 0.0  # it has just ended
