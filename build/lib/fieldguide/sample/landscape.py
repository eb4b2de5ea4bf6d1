"""Sky, hills, ground, water and weather, each painted in place onto a canvas."""

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

from .curves import smooth
from .layers import Canvas, cover, solid
from .paint import Light, as_field, paint
from .parts import Colour, Part, mix, paler
from .textures import Field, clouds, receding, streaks


def _skyline(rng: np.random.Generator, width: int, smoothness: float) -> Field:
    """A random line of about -2..2 over `width` columns; one bump is about `smoothness` * 50 columns wide."""
    knots = clouds(rng, 1, int(width / smoothness) + 2)[0]
    return np.interp(np.arange(width) / smoothness, np.arange(len(knots)), knots).astype(np.float32)


def paint_sky(
    canvas: Canvas, rng: np.random.Generator, horizon: int, zenith: Colour, low: Colour, cloudy: float
) -> None:
    """A gradient with clouds, from the upper edge down to the row `horizon`."""
    width = canvas.shape[1]
    down = np.linspace(0, 1, horizon, dtype=np.float32)[:, None, None]
    canvas[:horizon] = solid(zenith) + (solid(low) - solid(zenith)) * down
    puffs = np.repeat(clouds(rng, horizon, width // 2 + 1), 2, axis=1)[:, :width]
    cover(canvas[:horizon], np.clip(0.5 * (puffs + 3 * cloudy - 1.6), 0, 0.85), solid(paler(low, 0.65)))


def paint_ridge(
    canvas: Canvas,
    rng: np.random.Generator,
    foot: int,
    height: float,
    colour: Colour,
    smoothness: float,
    snow: float = 0.0,
) -> None:
    """A chain of hills or mountains, `height` pixels high on average, standing on the row `foot`."""
    width = canvas.shape[1]
    crest = foot - height * (1 + 0.42 * _skyline(rng, width, smoothness))
    rows = np.arange(foot, dtype=np.float32)[:, None]
    opacity = np.clip(rows - crest[None, :] + 0.5, 0, 1)
    slopes = streaks(rng, foot, width, 28, 60)
    stone = solid(colour) * (1 + 0.10 * slopes + 0.05 * clouds(rng, foot, width))[:, :, None]
    if snow:
        line = crest + height * snow * (0.9 + 0.35 * slopes)
        cover(stone, np.clip(0.5 + (line - rows) / 4, 0, 1), solid((0.90, 0.93, 0.97)))
    cover(canvas[:foot], opacity, stone)


def paint_ground(
    canvas: Canvas,
    rng: np.random.Generator,
    horizon: int,
    near: Colour,
    far: Colour,
    hair: float = 8,
    angle: float = 90,
    contrast: float = 0.2,
) -> None:
    """A textured plane from the row `horizon` to the lower edge."""
    height, width = canvas.shape[0] - horizon, canvas.shape[1]
    closeness = np.linspace(0, 1, height, dtype=np.float32)[:, None, None]
    plane = solid(far) + (solid(near) - solid(far)) * closeness**0.7
    texture = receding(rng, height, width, hair, angle, near=max(1.0, height / 120))
    fine = streaks(rng, height, width, hair, angle) * closeness[:, :, 0]
    tone = 1 + contrast * (0.6 * texture + 0.5 * fine) + 0.09 * clouds(rng, height, width)
    canvas[horizon:] = plane * tone[:, :, None]


def paint_water(canvas: Canvas, rng: np.random.Generator, shore: int, deep: Colour, sky: Colour) -> None:
    """Rippled water from the row `shore` to the lower edge, mirroring the sky in the distance."""
    height, width = canvas.shape[0] - shore, canvas.shape[1]
    paint_ground(canvas, rng, shore, near=deep, far=mix(deep, sky, 0.55), hair=17, angle=0, contrast=0.14)
    glints = receding(rng, height, width, 28, 0, near=max(1.0, height / 120)) + 0.4 * streaks(rng, height, width, 17, 0)
    cover(canvas[shore:], np.clip(0.55 * (glints - 0.9), 0, 0.75), solid(paler(sky, 0.35)))


def paint_rock(canvas: Canvas, rng: np.random.Generator, x: float, y: float, size: float, colour: Colour) -> None:
    """A boulder about 2 `size` pixels wide around (x, y)."""
    angles = np.linspace(0, 2 * np.pi, 9, endpoint=False)
    radii = size * rng.uniform(0.75, 1.1, len(angles))
    outline = smooth(np.stack([x + radii * np.cos(angles), y + 0.6 * radii * np.sin(angles)], axis=1))
    paint(canvas, [Part(outline, colour, "stone")], 1.0, Light(), rng)


def paint_snowfall(canvas: Canvas, rng: np.random.Generator, count: int) -> None:
    """Falling flakes, near ones large and blurred."""
    rows, width = canvas.shape[:2]
    flakes = Image.new("L", (2 * width, 2 * rows))
    pencil = ImageDraw.Draw(flakes)
    for x, y, size in zip(
        rng.uniform(0, 2 * width, count),
        rng.uniform(0, 2 * rows, count),
        rng.gamma(2, 1.1, count),
        strict=True,
    ):
        pencil.ellipse([x - size, y - size, x + size, y + size], fill=235)
    cover(canvas, as_field(flakes.reduce(2).filter(ImageFilter.GaussianBlur(0.6))), solid((0.96, 0.97, 1.0)))
