"""Small pictures for the page."""

from collections.abc import Iterable
from html import escape

from fieldguide.base.paths import Paths
from fieldguide.data.images import open_picture
from fieldguide.evaluation.page import gallery
from fieldguide.pages.figures import Shown
from fieldguide.pages.parts import image_tag

THUMBNAIL = 144  # pixels of the longer side
LARGEST = 25.0  # megapixels of a cleaned picture


Captioned = tuple[str, tuple[str, ...]]  # a picture's clean path, and the lines below it


def titled_gallery(paths: Paths, title: str, pictures: Iterable[Captioned], most: int) -> str:
    """The first `most` of some pictures below a title that tells how many they are; nothing where there are none."""
    pictures = list(pictures)
    if not pictures:
        return ""
    number = f"{most} of {len(pictures)}" if len(pictures) > most else f"{len(pictures)}"
    shown = [Shown(open_picture(paths.clean / path, LARGEST), (path, *lines)) for path, lines in pictures[:most]]
    return f"<h3>{escape(title)} <small>{number}</small></h3>{gallery(shown, THUMBNAIL)}"


def thumbnail(paths: Paths, clean_path: str) -> str:
    """One picture for a row of a table."""
    return image_tag(open_picture(paths.clean / clean_path, LARGEST), clean_path, THUMBNAIL)
