"""Light and lens: what turns a painted canvas into something a camera could have taken."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFilter

from .layers import Canvas
from .paint import Light
from .textures import speckle

Pixels = NDArray[np.uint8]  # (height, width, 3), red green blue

SHARP_BELOW = 0.45  # pixels of blur that nobody sees


@dataclass(frozen=True)
class Weather:
    """How the light of an hour colours a whole picture."""

    tint: tuple[float, float, float]
    exposure: float
    contrast: float
    haze: float  # share of pale fog mixed in
    shadows: float  # how hard the light on a figure is


@dataclass(frozen=True)
class Camera:
    """What a camera makes of what is before it, the same in all its pictures."""

    width: int  # pixels of its frames
    height: int
    tint: tuple[float, float, float]  # its white balance and exposure, as factors of red, green and blue
    vignette: float  # how much darker the corners are
    grain: float  # standard deviation, of 0..1
    blur: float  # radius in pixels; below SHARP_BELOW it is sharp
    quality: int  # of its JPEG files
    infrared: tuple[float, float, float] | None  # the faint tint of its grey pictures at night; None: it takes none


WEATHERS: dict[str, Weather] = {
    "clear": Weather((1.03, 1.01, 0.97), exposure=1.05, contrast=1.08, haze=0.0, shadows=0.75),
    "overcast": Weather((0.97, 0.99, 1.03), exposure=0.95, contrast=0.92, haze=0.04, shadows=0.42),
    "golden": Weather((1.16, 1.00, 0.78), exposure=0.98, contrast=1.05, haze=0.02, shadows=0.80),
    "shade": Weather((0.88, 0.98, 1.08), exposure=0.74, contrast=0.98, haze=0.0, shadows=0.45),
    "mist": Weather((0.98, 1.00, 1.02), exposure=1.00, contrast=0.85, haze=0.14, shadows=0.35),
}


def figure_light(weather: Weather, rng: np.random.Generator) -> Light:
    """Light on the bear itself: from a random side, never from below."""
    return Light(across=float(rng.uniform(-0.9, 0.9)), down=float(rng.uniform(-0.9, -0.4)), strength=weather.shadows)


def develop(canvas: Canvas, weather: Weather, rng: np.random.Generator, camera: Camera | None = None) -> Pixels:
    """A finished picture from a canvas: colour of the light, vignette, slight blur, grain, 8 bits.

    It is taken by `camera`, or by any camera.
    """
    height, width = canvas.shape[:2]
    tint = np.asarray(weather.tint, dtype=np.float32) * np.float32(weather.exposure * rng.uniform(0.9, 1.1))
    if camera:
        tint *= np.asarray(camera.tint, dtype=np.float32)
    clear = np.float32(1 - weather.haze)
    gain, offset = clear * np.float32(weather.contrast) * tint, clear * 0.45 * (1 - weather.contrast)
    graded = canvas * gain + np.float32(offset + weather.haze * 0.82)
    down = np.linspace(-1, 1, height, dtype=np.float32)[:, None]
    across = np.linspace(-1, 1, width, dtype=np.float32)[None, :]
    vignette = camera.vignette if camera else rng.uniform(0.02, 0.12)
    graded *= (1 - np.float32(vignette) * (down**2 + across**2))[:, :, None]
    grain = camera.grain if camera else rng.uniform(0.008, 0.022)
    graded += (np.float32(grain) * speckle(rng, height, width))[:, :, None]
    pixels = to_bytes(graded)
    blur = camera.blur if camera else rng.uniform(0.0, 0.8)
    if blur > SHARP_BELOW:
        pixels = np.asarray(Image.fromarray(pixels).filter(ImageFilter.GaussianBlur(blur)))
    return pixels


def out_of_focus(canvas: Canvas, blur: float) -> Canvas:
    """A backdrop behind the plane of focus, blurred by about `blur` pixels."""
    soft = Image.fromarray(to_bytes(canvas)).filter(ImageFilter.GaussianBlur(blur))
    return np.asarray(soft, dtype=np.float32) * np.float32(1 / 255)


def to_bytes(canvas: Canvas) -> Pixels:
    """A canvas in 0..1 as 8-bit pixels."""
    scaled = canvas * np.float32(255) + np.float32(0.5)
    return np.clip(scaled, 0, 255, out=scaled).astype(np.uint8)
