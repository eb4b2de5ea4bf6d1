"""How it is drawn where a classifier looks; the app, `fieldguide explain` and the evaluation page show the same."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from fieldguide.data.images import bounded
from fieldguide.data.resizing.squish import Squish
from fieldguide.model.activation_maps import ActivationMaps, Places

ROWS, COLUMNS = ("top", "", "bottom"), ("left", "", "right")
GROUND = 128.0  # the grey below the colour scale
SOME, MOST = np.array([214.0, 40.0, 20.0]), np.array([255.0, 232.0, 60.0])  # the colours of the scale: red to yellow
DIMMED, COLOURED = 0.45, 0.6


@dataclass(frozen=True)
class Overlay:
    """What the network sees of a picture, with the places coloured that speak for a label; and where these are."""

    picture: Image.Image
    where: str


def overlay(maps: ActivationMaps, picture: Image.Image, label: int, side: int) -> Overlay:
    """Draw where an RGB picture speaks for a label (its place in the vocabulary).

    It is the square that the network sees, `side` pixels wide; what is only stretched for that keeps its own shape.
    """
    places, resize = maps.places(picture, label), maps.classifier.preprocessing.resize
    seen = bounded(picture, side) if isinstance(resize, Squish) else resize.square(picture, side)
    share = _enlarged(places, maps.drift, seen.size)
    return Overlay(_coloured(np.asarray(seen, np.float64), share), where_in_words(places, maps.drift))


def colour_scale(width: int, height: int) -> Image.Image:
    """The colours of an overlay on grey, from places that say nothing for a label to those that say most."""
    share = np.tile(np.linspace(0, 1, width), (height, 1))
    return _coloured(np.full((height, width, 3), GROUND, np.float64), share)


def where_in_words(places: Places, drift: float) -> str:
    """In which ninth of the picture the place is that says most for a label; see `ActivationMaps`."""
    if not places.any():
        return "nowhere"
    most = np.unravel_index(places.argmax(), places.shape)
    ninths = [3 * ((one + 0.5) / length + drift) for one, length in zip(most, places.shape, strict=True)]
    down, right = (int(min(max(ninth, 0), 2)) for ninth in ninths)
    named = " ".join(filter(None, (ROWS[down], COLUMNS[right])))
    return f"most at the {named}" if named else "most in the middle"


def _enlarged(places: Places, drift: float, size: tuple[int, int]) -> NDArray[np.float64]:
    """The shares (height, width) of a picture of this size, each place where the network looks for it."""
    height, width = places.shape
    padded = Image.fromarray(np.pad(places, 1, mode="edge").astype(np.float32))
    left, top = (1 - min(max(drift * length, -1), 1) for length in (width, height))
    enlarged = padded.resize(size, Image.Resampling.BICUBIC, (left, top, left + width, top + height))
    return np.asarray(enlarged, np.float64).clip(0, 1)


def _coloured(pixels: NDArray[np.float64], share: NDArray[np.float64]) -> Image.Image:
    """Grey and dim where nothing (0) speaks for the label; red to yellow, and clear, where something does (up to 1)."""
    share = share[:, :, None]
    clear = (1 - share) * DIMMED * pixels.mean(axis=2, keepdims=True) + share * pixels
    colour, shown = (1 - share) * SOME + share * MOST, COLOURED * share
    return Image.fromarray(((1 - shown) * clear + shown * colour).clip(0, 255).round().astype(np.uint8))
