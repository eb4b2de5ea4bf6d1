"""A figure is a list of parts, painted in order: an outline, a colour and a surface."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from .curves import Pair, Points, moved

Colour = tuple[float, float, float]
Surface = Literal["fur", "plush", "felt", "gloss", "cloth", "patch", "line", "bark", "stone"]


@dataclass(frozen=True)
class Part:
    """One piece of a figure."""

    outline: Points  # (n, 2): a closed polygon; for a line, an open one
    colour: Colour  # red, green, blue in 0..1
    surface: Surface = "fur"  # a patch only tints what is painted already
    comb: float = 90.0  # the direction in which hairs lie, in degrees counter-clockwise from x
    soft: float = 0.0  # how far the edge of a patch fades, in the outline's units
    width: float = 0.0  # of a line, in the outline's units
    fade: float = 0.0  # the share of the height, from the top, over which a limb melts into the body
    sketched: bool = True  # whether a pencil would draw its outline


def arranged(parts: Sequence[Part], turn: float = 0.0, scale: float = 1.0, to: Pair = (0.0, 0.0)) -> list[Part]:
    """`parts` turned counter-clockwise by `turn` degrees around the origin, scaled, then shifted by `to`."""
    return [
        replace(
            part,
            outline=moved(part.outline, turn, scale, to),
            comb=part.comb + turn,
            soft=part.soft * scale,
            width=part.width * scale,
        )
        for part in parts
    ]


def mirrored(parts: Sequence[Part]) -> list[Part]:
    """`parts` with left and right exchanged."""
    return [replace(part, outline=part.outline * (-1, 1), comb=180 - part.comb) for part in parts]


def both_sides(right: Sequence[Part]) -> list[Part]:
    """The parts of the right side and their mirror images."""
    return [*mirrored(right), *right]


def on_canvas(parts: Sequence[Part], unit: float, feet: Pair) -> list[Part]:
    """`parts` in pixels with y downwards: `unit` pixels to one unit, the local origin at `feet` (x, y)."""
    return [
        replace(
            part,
            outline=part.outline * (unit, -unit) + np.asarray(feet),
            soft=part.soft * unit,
            width=part.width * unit,
        )
        for part in parts
    ]


def bounds(parts: Sequence[Part]) -> tuple[float, float, float, float]:
    """(left, bottom, right, top) of all outlines in local units."""
    points = np.vstack([part.outline for part in parts])
    left, bottom = points.min(axis=0)
    right, top = points.max(axis=0)
    return float(left), float(bottom), float(right), float(top)


def mix(one: Colour, other: Colour, share: float) -> Colour:
    """The colour `share` of the way from `one` to `other`."""
    red, green, blue = (a + (b - a) * share for a, b in zip(one, other, strict=True))
    return red, green, blue


def darker(colour: Colour, share: float) -> Colour:
    """`colour` moved towards black by `share`."""
    return mix(colour, (0.0, 0.0, 0.0), share)


def paler(colour: Colour, share: float) -> Colour:
    """`colour` moved towards white by `share`."""
    return mix(colour, (1.0, 1.0, 1.0), share)
