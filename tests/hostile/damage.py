"""Damaged JPEG files: a damaged one is told, or looks as the whole one does; a complete one is never lost."""

import itertools
import random
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from PIL import Image

from conftest import encoded
from hostile.case import KEPT, LOST, PictureCase, Result
from hostile.pictures import END, photo
from hostile.run_pictures import try_pictures

KINDS = {
    "baseline": {"quality": 90},
    "full colour": {"quality": 92, "subsampling": 0},
    "progressive": {"quality": 90, "progressive": True},
    "with restarts": {"quality": 90, "restart_marker_rows": 2},
    "optimized": {"quality": 75, "optimize": True},
    "grey": {"quality": 90},
    "CMYK": {"quality": 90},
}
Change = Callable[[bytes], bytes]
OFTEN = 4  # places for each kind of damage


def damages() -> Iterator[PictureCase]:
    """Each kind of JPEG with each kind of damage."""
    for (kind, options), number in itertools.product(KINDS.items(), range(OFTEN)):
        image = photo()
        image = image.convert({"grey": "L", "CMYK": "CMYK"}.get(kind, "RGB"))
        data, chance = encoded(image, "JPEG", **options), random.Random(f"{kind} {number}")
        like = image.convert("RGB") if kind != "CMYK" else None
        start = data.rindex(b"\xff\xda") + 14 if kind != "progressive" else data.index(b"\xff\xda") + 14
        place = chance.randrange(start, len(data) - 20)
        middle = chance.randrange(start, (start + len(data)) // 2)
        either = KEPT | LOST
        changed = {
            "cut and closed": (data[:place] + END, LOST if place < len(data) - 200 else either),
            "cut": (data[:place], LOST if place < len(data) - 200 else either),
            "half zeros": (data[:middle] + bytes(len(data) - middle - 2) + END, LOST),
            "zeros at the end": (data[:middle] + bytes(len(data) - middle), LOST),
            "16 zeros": (data[:place] + bytes(16) + data[place + 16 :], either),
            "512 random bytes": (data[:middle] + chance.randbytes(512) + data[middle + 512 :], LOST),
            "16 random bytes": (data[:place] + chance.randbytes(16) + data[place + 16 :], either),
            "a byte missing": (data[:place] + data[place + 1 :], either),
            "a byte twice": (data[: place + 1] + data[place:], either),
            "512 bytes missing": (data[:middle] + data[middle + 512 :], LOST),
            "a line break": (data[:start] + data[start:].replace(b"\n", b"\r\n"), LOST | KEPT),
            "an end too early": (data[:middle] + END + data[middle:], LOST | KEPT),
            "a flipped bit": (_flipped(data, place, chance), either),
            "a flipped bit early": (_flipped(data, middle, chance), either),
            "two parts swapped": (
                data[:middle] + data[place:-2] + data[middle:place] + END if place > middle else data,
                either,
            ),
        }
        for name, (content, right) in changed.items():
            if content != data:
                small = right == KEPT | LOST
                yield PictureCase(f"JPEG {kind}, {name}, {number}", content, right, like, data_set=name, is_small=small)


def whole() -> Iterator[PictureCase]:
    """Nothing of the picture is missing: all are kept."""
    for kind, options in KINDS.items():
        mode = {"grey": "L", "CMYK": "CMYK"}.get(kind, "RGB")

        def one(name: str, change: Change, kind: str = kind, mode: str = mode, options: Any = options) -> PictureCase:
            image = photo().convert(mode)
            data = change(encoded(image, "JPEG", **options))
            return PictureCase(f"JPEG {kind} {name}", data, KEPT, image.convert("RGB") if mode != "CMYK" else None)

        yield one("as it is", lambda data: data)
        yield one("without its last byte", lambda data: data[:-1])
        yield one("without its end mark", lambda data: data[:-2])
        yield one("with a tail", lambda data: data + b"tail" * 500)
        yield one("with zeros behind", lambda data: data + bytes(4096))
        yield one("with two ends", lambda data: data + END)
        yield one("with padding before a segment", lambda data: data[:2] + b"\xff\xff\xff" + data[2:])
        yield one("with a comment of escapes", lambda data: data[:2] + b"\xff\xfe\0\x07\x1b[31m" + data[2:])
        yield one("with unknown segments", lambda data: data[:2] + b"\xff\xed\0\x10" + bytes(14) + data[2:])
        yield one(
            "with a thumbnail in its EXIF",
            lambda data: data[:2] + b"\xff\xe1\x03\xe8Exif\0\0" + data[:800].ljust(992) + data[2:],
        )
    for quality, subsampling in itertools.product((1, 20, 60, 100), (0, 1, 2)):
        image = photo()
        data = encoded(image, "JPEG", quality=quality, subsampling=subsampling)
        yield PictureCase(
            f"JPEG of quality {quality}, subsampling {subsampling}", data, like=image if quality > 20 else None
        )
    for cut in (3, 4, 6, 8, 12, 16, 32, 64, 128, 256, 512, 1000):
        for kind, options in KINDS.items():
            image = photo().convert({"grey": "L", "CMYK": "CMYK"}.get(kind, "RGB"))
            data = encoded(image, "JPEG", **options)[:-cut]
            like = image.convert("RGB") if kind != "CMYK" else None
            yield PictureCase(
                f"JPEG {kind} without its last {cut} bytes", data, KEPT | LOST if cut < 100 else LOST, like
            )
    printed = photo().convert("CMYK")
    yield PictureCase("JPEG CMYK without Adobe's mark", without_adobe(printed), like=printed.convert("RGB"))


def without_adobe(printed: Image.Image) -> bytes:
    """A CMYK picture as programs write it that do not follow Adobe: not turned over, and without its segment."""
    turned = encoded(Image.eval(printed, lambda level: 255 - level), "JPEG", quality=98)
    at = turned.index(b"\xff\xee")
    return turned[:at] + turned[at + 2 + int.from_bytes(turned[at + 2 : at + 4], "big") :]


def others() -> Iterator[PictureCase]:
    """Damage in other formats: what is kept must look right."""
    for kind, number in itertools.product(("PNG", "WEBP", "GIF", "TIFF", "BMP", "AVIF", "JPEG2000", "PPM"), range(6)):
        image = photo()
        data, chance = (
            encoded(image, kind, **({"quality": 95} if kind in ("WEBP", "AVIF") else {})),
            random.Random(f"{kind} {number}"),
        )
        place = chance.randrange(len(data) // 4, len(data) - 40)
        content = (_flipped(data, place, chance), data[:place], data[:place] + bytes(len(data) - place))[number % 3]
        # Formats without checksums cannot tell other pixels from right ones: only what is missing is to be told.
        told = number % 3 and kind not in ("BMP", "PPM", "GIF", "TIFF")
        right = LOST if number % 3 == 1 or kind == "PNG" else KEPT | LOST
        yield PictureCase(
            f"{kind} with damage {number}", content, right, image if told else None, data_set=f"damage {number}"
        )


def _flipped(data: bytes, place: int, chance: random.Random) -> bytes:
    return data[:place] + bytes([data[place] ^ 1 << chance.randrange(8)]) + data[place + 1 :]


def run(folder: Path) -> Result:
    """Try them all."""
    return try_pictures("damage", cases(), folder)


def cases() -> list[PictureCase]:
    """All of them."""
    return [*damages(), *whole(), *others()]
