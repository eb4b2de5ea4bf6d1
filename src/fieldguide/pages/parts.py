"""How templates show values: shares, numbers, and pictures and charts as data URIs."""

import base64
import io
from dataclasses import dataclass
from typing import TYPE_CHECKING

from PIL import Image

from fieldguide.pages.png import png

if TYPE_CHECKING:  # slow to import, and pages without charts do without
    from matplotlib.figure import Figure

THUMBNAIL = 192  # pixels of the longer side


@dataclass(frozen=True)
class Drawn:
    """A picture that a program drew, and what it shows in words, for those who cannot see it."""

    picture: Image.Image
    text: str


@dataclass(frozen=True)
class Shown:
    """A small picture and the lines below it; perhaps what was drawn about it, to be shown beside it."""

    picture: Image.Image
    lines: tuple[str, ...]
    beside: Drawn | None = None


def picture_uri(picture: Image.Image, side: int = THUMBNAIL) -> str:
    """A picture whose longer side is at most `side` pixels, as a data URI."""
    small = picture.copy()
    small.thumbnail((side, side))
    buffer = io.BytesIO()
    small.save(buffer, "JPEG", quality=85)
    return f"data:image/jpeg;base64,{base64.b64encode(buffer.getvalue()).decode()}"


def chart_uri(figure: "Figure") -> str:
    """A figure without a background, as a data URI."""
    return f"data:image/png;base64,{base64.b64encode(png(figure, transparent=True)).decode()}"


def in_words(name: str) -> str:
    """`black and white` for black_and_white."""
    return name.replace("_", " ")
