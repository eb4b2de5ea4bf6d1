"""Pictures from outside the domain: what a model trained on the ordinary ones has not seen."""

from collections.abc import Callable

import numpy as np
from PIL import Image

from .bursts import Capture
from .captures import draw_empty_frame, draw_frame
from .light import Pixels
from .picture import draw_sketch
from .textures import speckle


def black_and_white(pixels: Pixels, rng: np.random.Generator) -> Pixels:
    """The same picture without colour (three equal channels), at a random contrast."""
    grey = pixels.astype(np.float32) @ np.array([0.30, 0.59, 0.11], dtype=np.float32)
    toned = np.clip((grey - 128) * rng.uniform(0.8, 1.3) + 128, 0, 255).astype(np.uint8)
    return np.repeat(toned[:, :, None], 3, axis=2)


def night(pixels: Pixels, rng: np.random.Generator) -> Pixels:
    """The same picture by moonlight: dark, bluish and noisy."""
    height, width = pixels.shape[:2]
    grey = pixels.mean(axis=2, keepdims=True)
    moonlit = (0.45 * pixels + 0.55 * grey) * np.array([0.72, 0.86, 1.25]) * rng.uniform(0.10, 0.24)
    noise = np.stack([speckle(rng, height, width) for _ in range(3)], axis=2) * rng.uniform(2, 5)
    dark: Pixels = np.clip(moonlit + noise, 0, 255).astype(np.uint8)
    return dark


def upside_down(pixels: Pixels, rng: np.random.Generator) -> Pixels:
    """The same picture turned by 180 degrees."""
    return np.ascontiguousarray(pixels[::-1, ::-1])


def low_resolution(pixels: Pixels, rng: np.random.Generator) -> Pixels:
    """The same picture with the detail of one of 20 to 32 pixels, enlarged to its old size again."""
    image = Image.fromarray(pixels)
    shrink = int(rng.integers(20, 33)) / max(image.size)
    tiny = image.resize(
        (max(1, round(image.width * shrink)), max(1, round(image.height * shrink))), Image.Resampling.BOX
    )
    return np.asarray(tiny.resize(image.size, Image.Resampling.BICUBIC))


CHANGES: dict[str, Callable[[Pixels, np.random.Generator], Pixels]] = {
    "black_and_white": black_and_white,
    "night": night,
    "upside_down": upside_down,
    "low_resolution": low_resolution,
}
SHIFTS = ("hand_drawn", *CHANGES, "no_bear")


def draw_shifted(capture: Capture, shift: str, kind: str, seed: int) -> Pixels:
    """A frame (height, width, 3) uint8 of a bear of this kind under one of SHIFTS; "no_bear" ignores the kind."""
    rng = np.random.default_rng(np.random.SeedSequence([seed, 1]))
    if shift == "no_bear":
        return draw_empty_frame(capture, seed)
    if shift == "hand_drawn":
        return draw_sketch(rng, kind)
    return CHANGES[shift](draw_frame(capture, kind, seed), rng)
