"""Galleries of small pictures for the page."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from fieldguide.base.paths import Paths
from fieldguide.data.images import open_picture
from fieldguide.pages.parts import Shown

THUMBNAIL = 144  # pixels of the longer side
MAX_MEGAPIXELS = 25.0  # of a cleaned picture


Captioned = tuple[str, tuple[str, ...]]  # a picture's clean path, and the lines below it


@dataclass(frozen=True)
class Gallery:
    """The first of some pictures below a title; `number` is how many there are."""

    title: str
    shown: Sequence[Shown]
    number: int
    side: int = THUMBNAIL


def gallery(paths: Paths, title: str, pictures: Iterable[Captioned], most: int) -> Gallery:
    """Open the first `most` of some pictures."""
    pictures = list(pictures)
    shown = [Shown(open_picture(paths.clean / path, MAX_MEGAPIXELS), (path, *lines)) for path, lines in pictures[:most]]
    return Gallery(title, shown, len(pictures))


def open_cleaned(paths: Paths, clean_path: str) -> Shown:
    """One cleaned picture with its path."""
    return Shown(open_picture(paths.clean / clean_path, MAX_MEGAPIXELS), (clean_path,))
