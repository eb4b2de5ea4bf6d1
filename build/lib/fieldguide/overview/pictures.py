"""Galleries of small pictures for the page."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from fieldguide.base.paths import Paths
from fieldguide.data.images import open_picture
from fieldguide.pages.parts import Shown

THUMBNAIL = 144  # pixels of the longer side
MAX_FOLDED = 24  # further pictures that can be unfolded: the page stays below a few megabytes
MAX_NAMED = 200  # further files that are named
MAX_MEGAPIXELS = 25.0  # of a cleaned picture


Captioned = tuple[str, ...]  # a picture's clean path, and the lines below it: its own file first


@dataclass(frozen=True)
class Gallery:
    """Some pictures below a title, in three parts: shown, to be unfolded, and named; `number` is how many there are."""

    title: str
    shown: Sequence[Shown]
    folded: Sequence[Shown]
    named: Sequence[str]
    number: int
    side: int = THUMBNAIL


def gallery(paths: Paths, title: str, pictures: Iterable[Captioned], most: int) -> Gallery:
    """Open the first `most` of some pictures, and `MAX_FOLDED` further ones; the files of others are named."""
    pictures = list(pictures)
    opened = [
        Shown(open_picture(paths.clean / path, MAX_MEGAPIXELS), tuple(lines))
        for path, *lines in pictures[: most + MAX_FOLDED]
    ]
    named = [own for _, own, *_ in pictures[most + MAX_FOLDED :][:MAX_NAMED]]
    return Gallery(title, opened[:most], opened[most:], named, len(pictures))


def open_cleaned(paths: Paths, clean_path: str, *lines: str) -> Shown:
    """One cleaned picture with the lines below it."""
    return Shown(open_picture(paths.clean / clean_path, MAX_MEGAPIXELS), lines)
