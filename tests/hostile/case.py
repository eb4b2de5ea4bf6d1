"""What a case of a corpus is: something hostile, and what is right for it."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from fieldguide.data.status import Status

KEPT = frozenset({Status.KEPT})
LOST = frozenset({Status.UNREADABLE, Status.DAMAGED})
NONE = frozenset({Status.NOT_A_PICTURE, Status.UNREADABLE})
BOUNDED = frozenset({Status.TOO_LARGE, Status.TOO_SLOW, Status.UNREADABLE, Status.DAMAGED})
FAR, SHARE = 24, 0.01  # a picture is another one where more than this share of its pixels differ by more levels


@dataclass(frozen=True)
class PictureCase:
    """A picture file: which statuses are right, and what it must look like where it is kept.

    `says` is part of the reason or the note. Cases with another `data_set` are cleaned apart from the rest. Small
    damage cannot always be told from a picture: of the cases with `is_small` a share must be.
    """

    name: str
    data: bytes = field(repr=False)
    right: Collection[Status] = KEPT
    like: Image.Image | None = None
    says: str = ""
    data_set: str = "plain"
    is_small: bool = False


@dataclass(frozen=True)
class Result:
    """What a corpus gave: how many cases were tried, and for each wrong one why."""

    corpus: str
    tried: int
    wrong: list[str]
    told: str = ""  # further figures


def tell(wrong: list[str], why: str) -> None:
    """Add a wrong case, and show it at once."""
    wrong.append(why)
    print(f"wrong: {why}", flush=True)


def share_that_differs(found: Image.Image, wanted: Image.Image) -> float:
    """The share of pixels that differ clearly; 1 for another size."""
    if found.size != wanted.size:
        return 1.0
    pixels: list[NDArray[np.int16]] = [np.asarray(image.convert("RGB"), np.int16) for image in (found, wanted)]
    return float((np.abs(pixels[0] - pixels[1]).max(axis=2) > FAR).mean())


def table_of(results: Iterable[Result]) -> str:
    """The corpora, one a line."""
    results = list(results)
    lines = [f"{'corpus':<16}{'tried':>7}{'right':>7}{'wrong':>7}  "]
    for result in results:
        wrong = len(result.wrong)
        lines.append(f"{result.corpus:<16}{result.tried:>7}{result.tried - wrong:>7}{wrong:>7}  {result.told}")
    return "\n".join(line.rstrip() for line in lines)
