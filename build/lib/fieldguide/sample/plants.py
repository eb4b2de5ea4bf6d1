"""Trees and grass, each painted in place onto a canvas."""

import numpy as np
from PIL import Image, ImageDraw

from .curves import smooth
from .layers import Canvas, cover, solid
from .paint import Light, as_field, paint
from .parts import Colour, Part
from .textures import clouds, speckle, streaks


def paint_conifers(
    canvas: Canvas,
    rng: np.random.Generator,
    foot: int,
    height: float,
    spacing: float,
    colour: Colour,
    snowy: bool = False,
) -> None:
    """A row of firs about `height` pixels high, standing on the row `foot`, `spacing` heights apart."""
    rows, width = canvas.shape[:2]
    doubled = Image.new("L", (2 * width, 2 * rows))
    pencil = ImageDraw.Draw(doubled)
    x = -rng.uniform(0, height * spacing)
    while x < width + height / 3:
        tall = height * rng.uniform(0.6, 1.25)
        levels = int(np.clip(tall / 9, 5, 12))
        steps = np.linspace(0, 1, levels)
        reach = 0.23 * tall * (0.08 + steps)
        tiers = [(reach[i] * (1.0 if tip else 0.55), steps[i]) for i in range(levels) for tip in (True, False)]
        right = [(x + side * rng.uniform(0.8, 1.15), foot - tall * (1 - down)) for side, down in tiers]
        left = [(x - side * rng.uniform(0.8, 1.15), foot - tall * (1 - down)) for side, down in reversed(tiers)]
        pencil.polygon([(2 * px, 2 * py) for px, py in [(x, foot - tall * 1.04), *right, *left]], fill=255)
        x += height * spacing * rng.uniform(0.5, 1.6)
    opacity = as_field(doubled.reduce(2))
    needles = solid(colour) * (1 + 0.22 * streaks(rng, rows, width, 10, 60))[:, :, None]
    if snowy:
        lower = np.roll(opacity, max(2, round(height / 22)), axis=0)
        snow = np.clip(opacity - lower + 0.18 * speckle(rng, rows, width, 1.4), 0, 1)
        cover(needles, snow, solid((0.88, 0.91, 0.95)))
    cover(canvas, opacity, needles)


def paint_leaves(
    canvas: Canvas,
    rng: np.random.Generator,
    top: int,
    bottom: int,
    colour: Colour,
    density: float,
    leaf: float = 1.6,
) -> None:
    """Foliage with gaps between two rows; `density` -1 (hardly any) to 1 (closed).

    It thins out downwards; where it does not hang in from the upper edge, also upwards.
    """
    height, width = bottom - top, canvas.shape[1]
    down = np.linspace(0, 1, height, dtype=np.float32)[:, None]
    thinning = 0.8 - 2 * down if top <= 0 else 0.9 - 5 * np.abs(down - 0.5)
    lumps = clouds(rng, height, width)
    glints = speckle(rng, height, width, leaf)
    opacity = np.clip(2.2 * (lumps + thinning + 2 * density + 0.5 * glints), 0, 1)
    green = solid(colour) * np.clip(1 + 0.28 * glints + 0.22 * lumps, 0.2, 2)[:, :, None]
    cover(canvas[top:bottom], opacity, green)


def paint_trunk(
    canvas: Canvas, rng: np.random.Generator, x: float, foot: float, thickness: float, colour: Colour
) -> None:
    """A tree trunk from the upper edge to its `foot`, `thickness` pixels wide."""
    lean, flare, half = rng.normal(0, 0.04) * foot, 0.22 * thickness, thickness / 2
    crown = [(x - half + lean, -20), (x + half + lean, -20)]
    right = [(x + half, 0.6 * foot), (x + 1.1 * half, foot - 0.6 * half), (x + half + flare, foot)]
    left = [(2 * x - px, y) for px, y in reversed(right)]
    root = [*right, (x, foot - 0.15 * half), *left]
    paint(canvas, [Part(smooth([*crown, *root]), colour, "bark")], 1.0, Light(), rng)


def paint_blades(
    canvas: Canvas, rng: np.random.Generator, foot: float, height: float, colour: Colour, count: int
) -> None:
    """Single blades of grass, about `height` pixels high, growing along the row `foot`."""
    rows, width = canvas.shape[:2]
    top, bottom = max(0, int(foot - 1.7 * height)), min(rows, int(foot + 0.5 * height) + 2)
    if bottom <= top:
        return
    band = Image.new("RGBA", (2 * width, 2 * (bottom - top)), (*(round(255 * c) for c in colour), 0))
    pencil = ImageDraw.Draw(band)
    root = 2 * (foot - top + height * rng.uniform(-0.1, 0.45, count))
    tall = 2 * height * rng.uniform(0.45, 1.4, count)
    x, bend = 2 * rng.uniform(-0.02 * width, 1.02 * width, count), rng.normal(0, 0.28, count)
    thick = 0.07 * height + 1.2
    middle, tip = x + 0.3 * bend * tall, x + bend * tall
    corners = [x - thick, root, middle - thick / 2, root - 0.55 * tall, tip, root - tall]
    corners += [middle + thick / 2, root - 0.55 * tall, x + thick, root]
    tints = np.clip(255 * solid(colour) * rng.uniform(0.55, 1.45, count)[:, None], 0, 255).astype(int)
    for outline, tint in zip(np.stack(corners, axis=1).tolist(), tints.tolist(), strict=True):
        pencil.polygon(outline, fill=(*tint, 255))
    blades = np.asarray(band.reduce(2), dtype=np.float32) * np.float32(1 / 255)
    cover(canvas[top:bottom], blades[:, :, 3], blades[:, :, :3])
