"""Places where a bear may be: a backdrop, the row where the ground begins and what grows in front."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np

from .chance import pick
from .landscape import paint_ground, paint_ridge, paint_rock, paint_sky, paint_snowfall, paint_water
from .layers import Canvas
from .parts import Colour, darker, mix, paler
from .plants import paint_blades, paint_conifers, paint_leaves, paint_trunk
from .rooms import paint_room
from .textures import streaks

Cover = Literal["grass", "water", "snow", "bare"]


@dataclass(frozen=True)
class Scene:
    """A place before a bear is painted into it."""

    backdrop: Canvas  # (height, width, 3) float32 in 0..1
    horizon: int  # the row where the ground begins
    cover: Cover  # what a bear's feet sink into
    growth: Colour  # the colour of grass


SKIES: list[tuple[Colour, Colour]] = [
    ((0.30, 0.52, 0.84), (0.72, 0.84, 0.95)),
    ((0.40, 0.60, 0.86), (0.82, 0.88, 0.92)),
    ((0.58, 0.64, 0.70), (0.80, 0.82, 0.83)),
    ((0.46, 0.56, 0.70), (0.86, 0.84, 0.80)),
]
DUSKS: list[tuple[Colour, Colour]] = [
    ((0.24, 0.26, 0.46), (0.95, 0.58, 0.34)),
    ((0.38, 0.30, 0.46), (0.96, 0.70, 0.50)),
    ((0.22, 0.30, 0.46), (0.86, 0.62, 0.56)),
]
GRASSES: list[Colour] = [
    (0.34, 0.46, 0.17), (0.42, 0.48, 0.20), (0.27, 0.40, 0.16), (0.54, 0.48, 0.24), (0.60, 0.52, 0.32),
]  # fmt: skip
TREE_GREENS: list[Colour] = [(0.20, 0.34, 0.14), (0.26, 0.38, 0.16), (0.16, 0.29, 0.17)]
AUTUMN_LEAVES: list[Colour] = [(0.66, 0.38, 0.12), (0.72, 0.52, 0.16), (0.54, 0.24, 0.12)]
FIR: Colour = (0.13, 0.23, 0.17)


def _open_sky(canvas: Canvas, rng: np.random.Generator, horizon: int) -> Colour:
    zenith, low = pick(rng, SKIES)
    paint_sky(canvas, rng, horizon, zenith, low, cloudy=rng.uniform(0.1, 0.7))
    return low


def _far_hills(canvas: Canvas, rng: np.random.Generator, horizon: int, haze: Colour, tone: Colour) -> None:
    for layer in range(int(rng.integers(1, 4)), 0, -1):
        colour = mix(tone, haze, 0.22 + 0.2 * layer)
        paint_ridge(canvas, rng, horizon, horizon * (0.08 + 0.09 * layer), colour, smoothness=rng.uniform(1.2, 3))


def _meadow(canvas: Canvas, rng: np.random.Generator, horizon: int) -> Scene:
    haze = _open_sky(canvas, rng, horizon)
    _far_hills(canvas, rng, horizon, haze, (0.22, 0.32, 0.30))
    grass = pick(rng, GRASSES)
    if rng.random() < 0.6:
        paint_conifers(canvas, rng, horizon + 1, 0.3 * horizon, rng.uniform(0.25, 0.8), mix(FIR, haze, 0.25))
    paint_ground(canvas, rng, horizon, grass, paler(grass, 0.2), hair=10, contrast=0.26)
    return Scene(canvas, horizon, "grass", grass)


def _woods(canvas: Canvas, rng: np.random.Generator, horizon: int, leaves: list[Colour], floor: Colour) -> Scene:
    tall, width = canvas.shape[:2]
    glow = mix(pick(rng, leaves), (0.80, 0.86, 0.74), rng.uniform(0.3, 0.6))
    paint_sky(canvas, rng, horizon, darker(glow, 0.25), glow, cloudy=0.2)
    bark = mix((0.30, 0.23, 0.17), (0.36, 0.34, 0.32), rng.uniform(0, 1))
    paint_leaves(canvas, rng, 0, horizon, mix(pick(rng, leaves), glow, 0.35), density=0.1, leaf=1.2)
    for _ in range(int(rng.integers(5, 10))):
        thickness = tall * rng.uniform(0.015, 0.035)
        paint_trunk(canvas, rng, rng.uniform(0, width), horizon + 2, thickness, mix(bark, glow, 0.45))
    paint_leaves(canvas, rng, horizon // 3, horizon, darker(pick(rng, leaves), 0.1), density=-0.15, leaf=1.6)
    paint_ground(canvas, rng, horizon, floor, darker(floor, 0.25), hair=6, angle=30, contrast=0.3)
    for _ in range(int(rng.integers(2, 5))):
        foot = horizon + rng.uniform(0.02, 0.22) * (tall - horizon)
        paint_trunk(canvas, rng, rng.uniform(0, width), foot, tall * rng.uniform(0.04, 0.09), bark)
    paint_leaves(canvas, rng, 0, horizon * 2 // 3, pick(rng, leaves), density=rng.uniform(-0.4, 0.0), leaf=2.2)
    return Scene(canvas, horizon, "grass" if rng.random() < 0.6 else "bare", mix(floor, (0.30, 0.42, 0.16), 0.6))


def _forest(canvas: Canvas, rng: np.random.Generator, horizon: int) -> Scene:
    floor = pick(rng, [(0.24, 0.29, 0.13), (0.32, 0.25, 0.16), (0.28, 0.34, 0.17)])
    return _woods(canvas, rng, horizon, TREE_GREENS, floor)


def _autumn(canvas: Canvas, rng: np.random.Generator, horizon: int) -> Scene:
    return _woods(canvas, rng, horizon, AUTUMN_LEAVES, pick(rng, [(0.46, 0.30, 0.14), (0.40, 0.27, 0.17)]))


def _river(canvas: Canvas, rng: np.random.Generator, horizon: int) -> Scene:
    width = canvas.shape[1]
    haze = _open_sky(canvas, rng, horizon)
    _far_hills(canvas, rng, horizon, haze, (0.20, 0.31, 0.27))
    paint_conifers(canvas, rng, horizon, 0.42 * horizon, rng.uniform(0.2, 0.4), mix(FIR, haze, 0.1))
    deep = pick(rng, [(0.16, 0.30, 0.38), (0.20, 0.34, 0.34), (0.24, 0.28, 0.26)])
    paint_water(canvas, rng, horizon, deep, haze)
    depth = canvas.shape[0] - horizon
    for down in np.sort(rng.uniform(0.0, 0.9, int(rng.integers(3, 9)))):
        size = depth * (0.04 + 0.14 * down) * rng.uniform(0.7, 1.4)
        paint_rock(canvas, rng, rng.uniform(0, width), horizon + down * depth, size, (0.44, 0.42, 0.40))
    return Scene(canvas, horizon, "water", deep)


def _snow(canvas: Canvas, rng: np.random.Generator, horizon: int) -> Scene:
    zenith, low = pick(rng, [((0.66, 0.71, 0.77), (0.84, 0.86, 0.88)), ((0.42, 0.60, 0.84), (0.82, 0.88, 0.94))])
    paint_sky(canvas, rng, horizon, zenith, low, cloudy=0.5)
    rock = mix((0.40, 0.47, 0.56), low, 0.3)
    paint_ridge(canvas, rng, horizon, 0.22 * horizon, rock, smoothness=1.5, snow=rng.uniform(0.3, 1.2))
    for haze in (0.55, 0.15):
        tall, spacing = (0.62 - 0.4 * haze) * horizon, rng.uniform(0.25, 0.6)
        paint_conifers(canvas, rng, horizon + 2, tall, spacing, mix(FIR, low, haze), snowy=True)
    paint_ground(canvas, rng, horizon, (0.88, 0.90, 0.94), (0.80, 0.84, 0.90), hair=28, angle=0, contrast=0.035)
    return Scene(canvas, horizon, "snow", (0.9, 0.92, 0.95))


def _mountains(canvas: Canvas, rng: np.random.Generator, horizon: int) -> Scene:
    haze = _open_sky(canvas, rng, horizon)
    rock, slope = mix((0.38, 0.39, 0.43), haze, 0.3), mix((0.27, 0.32, 0.27), haze, 0.12)
    paint_ridge(canvas, rng, horizon, 0.52 * horizon, rock, smoothness=0.9, snow=rng.uniform(0.15, 0.45))
    paint_ridge(canvas, rng, horizon, 0.22 * horizon, slope, smoothness=1.4)
    soil = pick(rng, [(0.46, 0.41, 0.33), (0.50, 0.44, 0.28), (0.40, 0.40, 0.38)])
    paint_ground(canvas, rng, horizon, soil, paler(soil, 0.15), hair=6, angle=0, contrast=0.24)
    depth = canvas.shape[0] - horizon
    for down in np.sort(rng.uniform(0.0, 1.0, int(rng.integers(4, 10)))):
        size = depth * (0.03 + 0.16 * down) * rng.uniform(0.6, 1.3)
        paint_rock(canvas, rng, rng.uniform(0, canvas.shape[1]), horizon + down * depth, size, darker(soil, 0.1))
    return Scene(canvas, horizon, "grass" if rng.random() < 0.5 else "bare", mix(soil, (0.42, 0.46, 0.18), 0.6))


def _dusk(canvas: Canvas, rng: np.random.Generator, horizon: int) -> Scene:
    zenith, low = pick(rng, DUSKS)
    paint_sky(canvas, rng, horizon, zenith, low, cloudy=rng.uniform(0.1, 0.5))
    _far_hills(canvas, rng, horizon, low, (0.20, 0.16, 0.22))
    paint_conifers(canvas, rng, horizon + 1, 0.4 * horizon, rng.uniform(0.3, 0.9), mix((0.10, 0.09, 0.11), low, 0.1))
    grass = mix(darker(pick(rng, GRASSES), 0.4), low, 0.12)
    paint_ground(canvas, rng, horizon, grass, mix(grass, low, 0.2), hair=10, contrast=0.28)
    return Scene(canvas, horizon, "grass", grass)


def _room(canvas: Canvas, rng: np.random.Generator, horizon: int) -> Scene:
    paint_room(canvas, rng, horizon)
    return Scene(canvas, horizon, "bare", (0.3, 0.4, 0.2))


PLACES: dict[str, Callable[[Canvas, np.random.Generator, int], Scene]] = {
    "meadow": _meadow,
    "forest": _forest,
    "autumn": _autumn,
    "river": _river,
    "snow": _snow,
    "mountains": _mountains,
    "dusk": _dusk,
    "room": _room,
}


def draw_scene(rng: np.random.Generator, place: str, width: int, height: int, horizon: float = 0.5) -> Scene:
    """A random view of `place` (a key of PLACES), its ground beginning at the share `horizon` of the height."""
    canvas = np.zeros((height, width, 3), dtype=np.float32)
    return PLACES[place](canvas, rng, round(horizon * height))


def cover_feet(scene: Scene, canvas: Canvas, rng: np.random.Generator, feet: float, unit: float, sunk: float) -> None:
    """Lets grass, water or snow hide what stands below the row `feet`, in place.

    `unit` is the size of a bear unit in pixels, `sunk` how many units deep the bear stands.
    """
    height, width = canvas.shape[:2]
    if scene.cover == "grass":
        density = width / unit * 90
        paint_blades(canvas, rng, feet + 0.02 * unit, (0.16 + sunk) * unit, darker(scene.growth, 0.12), int(density))
        paint_blades(canvas, rng, feet + 0.12 * unit, (0.13 + sunk) * unit, scene.growth, int(density / 2))
    elif scene.cover in ("water", "snow"):
        line = feet - (0.10 + sunk) * unit + 0.01 * unit * streaks(rng, height, width, 28, 0)
        rows = np.arange(height, dtype=np.float32)[:, None]
        hidden = np.clip((rows - line) / (0.05 * unit) + 0.5, 0, 1)
        canvas += hidden[:, :, None] * (scene.backdrop - canvas)
    if scene.cover == "snow" and rng.random() < 0.6:
        paint_snowfall(canvas, rng, int(width * height / rng.uniform(350, 2500)))
