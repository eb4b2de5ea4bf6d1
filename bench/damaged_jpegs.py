"""How much damage in JPEG files is found, and how often a whole one is called damaged: `python bench/damaged_jpegs.py`.

Missed damage counts only where it shows: where more than 1 % of the pixels differ by more than 16 of 255 levels.
"""

import io
import random
from collections.abc import Callable
from pathlib import Path

import numpy as np

from common import Figure, report, shared

COMPARED = "JPEG files of ../shared/data, as they are and damaged on purpose"
SIDE = 320  # pixels of the copy for which `clean` reads them
SAMPLE = 300  # files that are damaged, once in each way
END = b"\xff\xd9"
Damage = Callable[[bytes, int, random.Random], bytes]


def _cut(data: bytes, start: int, chance: random.Random) -> bytes:
    return data[: chance.randrange(start, len(data) - 8)] + END


def _second_half(data: bytes, start: int, chance: random.Random) -> bytes:
    middle = (start + len(data)) // 2
    return data[:middle] + bytes(len(data) - middle - 2) + END


def _overwritten(length: int, content: Callable[[random.Random, int], bytes]) -> Damage:
    def damage(data: bytes, start: int, chance: random.Random) -> bytes:
        place = chance.randrange(start, max(start + 1, len(data) - length - 2))
        length_here = min(length, len(data) - 2 - place)
        return data[:place] + content(chance, length_here) + data[place + length_here :]

    return damage


def _flipped(count: int) -> Damage:
    def damage(data: bytes, start: int, chance: random.Random) -> bytes:
        changed = bytearray(data)
        for _ in range(count):
            changed[chance.randrange(start, len(data) - 2)] ^= 1 << chance.randrange(8)
        return bytes(changed)

    return damage


def _without_last_scan(data: bytes, start: int, chance: random.Random) -> bytes:
    last = data.rindex(b"\xff\xda")
    return data if last < start else data[: data.rfind(b"\xff\xc4", 0, last)] + END


DAMAGES: dict[str, Damage] = {
    "cut anywhere, the end put back": _cut,
    "the second half zeros": _second_half,
    "4,096 zeros anywhere": _overwritten(4096, lambda _, length: bytes(length)),
    "512 zeros anywhere": _overwritten(512, lambda _, length: bytes(length)),
    "16 zeros anywhere": _overwritten(16, lambda _, length: bytes(length)),
    "512 random bytes anywhere": _overwritten(512, lambda chance, length: chance.randbytes(length)),
    "16 random bytes anywhere": _overwritten(16, lambda chance, length: chance.randbytes(length)),
    "512 bytes missing": _overwritten(512, lambda _, length: b""),
    "10 flipped bits": _flipped(10),
    "1 flipped bit": _flipped(1),
    "the last scan missing (progressive)": _without_last_scan,
}
GOALS = {"cut anywhere, the end put back": 0.99, "the second half zeros": 0.99, "4,096 zeros anywhere": 0.95}


def measure() -> list[Figure]:
    """The share of whole files that are refused, and of each damage the share that is found."""
    files = [file for file in sorted(shared("data").rglob("*")) if file.is_file() and _starts(file)]
    refused = sum(_opened(file.read_bytes()) is None for file in files)
    figures = [Figure("whole files refused", refused / len(files), 0.001, True, "of 1", f"{refused} of {len(files)}")]
    chosen = random.Random(0).sample(files, min(SAMPLE, len(files)))
    for name, damage in DAMAGES.items():
        found, shown = 0, 0
        for number, file in enumerate(chosen):
            data = file.read_bytes()
            changed = damage(data, _first_scan(data), random.Random(number))
            if changed == data:
                continue
            after = _opened(changed)
            found += after is None
            shown += after is None or _differs(_opened(data), after)
        detail = f"{found} of {shown} files in which it shows"
        figures.append(Figure(name, found / max(shown, 1), GOALS.get(name), unit="of 1", detail=detail))
    return figures


def _starts(file: Path) -> bool:
    with file.open("rb") as stream:
        return stream.read(3) == b"\xff\xd8\xff"


def _first_scan(data: bytes) -> int:
    from fieldguide.data.decoding.bounds import jpeg_segments

    return next(end for marker, _, end in jpeg_segments(data) if marker == 0xDA)


def _opened(data: bytes) -> np.ndarray | None:
    from fieldguide.data.images import PictureError, open_picture

    try:
        return np.asarray(open_picture(io.BytesIO(data), 150, max_side=SIDE), np.int16)
    except PictureError:
        return None


def _differs(before: np.ndarray | None, after: np.ndarray) -> bool:
    return (
        before is None or before.shape != after.shape or bool((np.abs(before - after).max(axis=2) > 16).mean() > 0.01)
    )


if __name__ == "__main__":
    report(measure)
