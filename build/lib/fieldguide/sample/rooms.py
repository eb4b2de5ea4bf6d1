"""Rooms: a papered wall, a floor and a few things to furnish them."""

from collections.abc import Callable

import numpy as np

from .chance import pick
from .landscape import paint_ground
from .layers import Canvas
from .parts import Colour, darker, mix, paler
from .textures import clouds, speckle

WALLS: list[Colour] = [
    (0.80, 0.74, 0.62), (0.62, 0.70, 0.74), (0.58, 0.66, 0.56), (0.74, 0.60, 0.54), (0.50, 0.42, 0.38),
    (0.84, 0.82, 0.78), (0.42, 0.50, 0.46), (0.66, 0.52, 0.34), (0.36, 0.38, 0.46),
]  # fmt: skip
FLOORS: list[Colour] = [
    (0.48, 0.33, 0.20), (0.58, 0.44, 0.30), (0.36, 0.26, 0.19), (0.46, 0.46, 0.48), (0.52, 0.20, 0.18),
    (0.30, 0.36, 0.30), (0.62, 0.56, 0.46), (0.30, 0.34, 0.44),
]  # fmt: skip
BRIGHT: list[Colour] = [
    (0.70, 0.22, 0.18), (0.20, 0.38, 0.60), (0.24, 0.50, 0.34), (0.80, 0.62, 0.22), (0.46, 0.26, 0.46),
    (0.82, 0.78, 0.70),
]  # fmt: skip


def _slab(canvas: Canvas, left: float, top: float, right: float, bottom: float, colour: Colour) -> None:
    """A filled rectangle; what lies outside the frame is cut off."""
    rows = slice(max(round(top), 0), max(round(bottom), 0))
    columns = slice(max(round(left), 0), max(round(right), 0))
    canvas[rows, columns] = colour


def _shadow(canvas: Canvas, left: float, top: float, right: float, bottom: float) -> None:
    rows = slice(max(round(top), 0), max(round(bottom), 0))
    columns = slice(max(round(left), 0), max(round(right), 0))
    canvas[rows, columns] *= 0.78


def _window(canvas: Canvas, rng: np.random.Generator, x: float, floor: int, size: float) -> None:
    top, bottom, half = floor - 2.1 * size, floor - 0.75 * size, 0.55 * size
    frame = 0.06 * size
    wood = paler(pick(rng, FLOORS), 0.7)
    outside = mix((0.55, 0.72, 0.92), (0.88, 0.86, 0.78), rng.uniform(0, 1))
    _shadow(canvas, x - half, bottom, x + half + frame, bottom + 2 * frame)
    _slab(canvas, x - half, top, x + half, bottom, wood)
    for column in (0, 1):
        for row in (0, 1):
            left = x - half + frame + column * (half - frame / 2)
            upper = top + frame + row * ((bottom - top) / 2 - frame / 2)
            _slab(
                canvas,
                left,
                upper,
                left + half - 1.5 * frame,
                upper + (bottom - top) / 2 - 1.5 * frame,
                paler(outside, 0.3 * (1 - row)),
            )
    curtain = pick(rng, BRIGHT)
    for side in (-1, 1):
        for fold in range(4):
            left = x + side * (half + 0.05 * size) - 0.14 * size + fold * 0.07 * size
            _slab(
                canvas,
                left,
                top - frame,
                left + 0.07 * size,
                bottom + 0.25 * size,
                darker(curtain, 0.12 * (fold % 2)),
            )


def _picture(canvas: Canvas, rng: np.random.Generator, x: float, floor: int, size: float) -> None:
    middle, half, tall = floor - 1.5 * size, rng.uniform(0.25, 0.5) * size, rng.uniform(0.22, 0.38) * size
    rim = 0.05 * size
    _shadow(canvas, x - half + rim, middle - tall + rim, x + half + rim, middle + tall + rim)
    _slab(canvas, x - half, middle - tall, x + half, middle + tall, darker(pick(rng, FLOORS), 0.3))
    sky, land = paler(pick(rng, BRIGHT), 0.4), pick(rng, BRIGHT)
    _slab(canvas, x - half + rim, middle - tall + rim, x + half - rim, middle + tall - rim, sky)
    _slab(canvas, x - half + rim, middle + 0.1 * tall, x + half - rim, middle + tall - rim, land)


def _bookshelf(canvas: Canvas, rng: np.random.Generator, x: float, floor: int, size: float) -> None:
    wood, half = pick(rng, FLOORS[:3]), 0.75 * size
    _shadow(canvas, x - half, floor - 1.9 * size, x + half + 0.08 * size, floor)
    _slab(canvas, x - half, floor - 1.95 * size, x + half, floor, wood)
    for board in range(3):
        lower = floor - (0.1 + 0.62 * board) * size
        _slab(
            canvas,
            x - half + 0.06 * size,
            lower - 0.54 * size,
            x + half - 0.06 * size,
            lower,
            darker(wood, 0.6),
        )
        left = x - half + 0.08 * size
        while left < x + half - 0.2 * size:
            thick, tall = rng.uniform(0.05, 0.12) * size, rng.uniform(0.32, 0.5) * size
            cover = darker(pick(rng, BRIGHT), rng.uniform(0, 0.45))
            _slab(canvas, left, lower - tall, left + thick, lower, cover)
            left += thick + (0.012 * size if rng.random() < 0.8 else 0.2 * size)


def _sofa(canvas: Canvas, rng: np.random.Generator, x: float, floor: int, size: float) -> None:
    cloth, half, ground = darker(pick(rng, BRIGHT), 0.25), 1.3 * size, floor + 0.12 * size
    _shadow(canvas, x - half - 0.05 * size, ground - 0.1 * size, x + half + 0.1 * size, ground + 0.06 * size)
    _slab(canvas, x - half, ground - 1.05 * size, x + half, ground - 0.05 * size, darker(cloth, 0.15))
    for cushion in (0, 1):
        left = x - half + 0.22 * size + cushion * (half - 0.2 * size)
        _slab(canvas, left, ground - 0.98 * size, left + half - 0.26 * size, ground - 0.45 * size, cloth)
        _slab(
            canvas,
            left,
            ground - 0.43 * size,
            left + half - 0.26 * size,
            ground - 0.22 * size,
            paler(cloth, 0.1),
        )
    for side in (-1, 1):
        left = x + side * (half - 0.1 * size) - 0.12 * size
        _slab(canvas, left, ground - 0.68 * size, left + 0.24 * size, ground, darker(cloth, 0.05))


def _blocks(canvas: Canvas, rng: np.random.Generator, x: float, floor: int, size: float) -> None:
    for offset, level in ((0, 0), (0.27, 0), (0.12, 1)):
        left, lower = x + offset * size, floor + (0.3 - 0.24 * level) * size
        colour = pick(rng, BRIGHT)
        _slab(canvas, left, lower - 0.24 * size, left + 0.24 * size, lower, colour)
        _slab(
            canvas,
            left + 0.05 * size,
            lower - 0.19 * size,
            left + 0.19 * size,
            lower - 0.05 * size,
            paler(colour, 0.35),
        )


FURNITURE: list[Callable[[Canvas, np.random.Generator, float, int, float], None]] = [
    _window,
    _picture,
    _bookshelf,
    _sofa,
    _blocks,
]


def _paper_wall(canvas: Canvas, rng: np.random.Generator, floor: int) -> None:
    width = canvas.shape[1]
    wall = pick(rng, WALLS)
    columns, rows = np.arange(width)[None, :], np.arange(floor)[:, None]
    step = rng.uniform(0.05, 0.11) * max(canvas.shape[:2])
    patterns = {
        "plain": np.zeros((floor, width)),
        "striped": np.broadcast_to((columns // (step / 2)) % 2 * 1.0, (floor, width)),
        "dotted": np.hypot(columns % step - step / 2, rows % step - step / 2) < step / 6,
        "panelled": np.broadcast_to((columns % step < 2) * 1.5, (floor, width)),
    }
    pattern = patterns[pick(rng, list(patterns))]
    shade = 1 - 0.09 * pattern + 0.03 * clouds(rng, floor, width) + 0.012 * speckle(rng, floor, width)
    canvas[:floor] = np.asarray(wall, np.float32) * shade[:, :, None]


def _lay_floor(canvas: Canvas, rng: np.random.Generator, floor: int) -> None:
    colour = pick(rng, FLOORS)
    carpet = rng.random() < 0.45
    hair, angle, contrast = (6, 90, 0.12) if carpet else (28, 0, 0.09)
    paint_ground(canvas, rng, floor, colour, darker(colour, 0.25), hair, angle, contrast)
    if not carpet:
        height, width = canvas.shape[0] - floor, canvas.shape[1]
        depth = np.linspace(0.25, 1, height)[:, None]
        boards = (np.arange(width)[None, :] - width * rng.uniform(0.3, 0.7)) / depth / (0.16 * max(height, width))
        canvas[floor:] *= np.where(boards % 1 < 0.03 / depth, 0.72, 1.0).astype(np.float32)[:, :, None]


def paint_room(canvas: Canvas, rng: np.random.Generator, floor: int) -> None:
    """Paints a furnished room over the whole canvas in place; the floor begins at the row `floor`."""
    width = canvas.shape[1]
    _paper_wall(canvas, rng, floor)
    _lay_floor(canvas, rng, floor)
    size = min(0.45 * floor, 0.4 * width)
    skirting = paler(pick(rng, FLOORS), 0.6)
    _slab(canvas, 0, floor - 0.1 * size, width, floor, skirting)
    _slab(canvas, 0, floor - 0.015 * size, width, floor, darker(skirting, 0.35))
    places = rng.permutation(max(2, int(width / (1.7 * size))))
    for place in places[: int(rng.integers(1, 4))]:
        prop = pick(rng, FURNITURE)
        prop(canvas, rng, (place + rng.uniform(0.3, 0.7)) * width / len(places), floor, size)
