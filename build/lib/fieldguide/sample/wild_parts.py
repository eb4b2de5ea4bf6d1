"""Marks that tell wild bears apart below the head: claws, hump, frosted shoulders, the V on a chest."""

import numpy as np

from .coats import Coat
from .curves import Pair, ellipse, symmetric
from .parts import Part


def claw_length(kind: str) -> float:
    """A grizzly digs with its claws: they are long."""
    return 0.12 if kind == "grizzly" else 0.035


def claws(x: float, y: float, coat: Coat, length: float, lean: float) -> Part:
    """Four claws side by side around x, growing downwards from y; `lean` moves their tips sideways."""
    comb: list[Pair] = []
    for root in (x - 0.075, x - 0.025, x + 0.025, x + 0.075):
        middle = (root + 0.016 + 0.6 * lean, y - 0.6 * length)
        comb += [(root - 0.016, y), (root + lean, y - length), middle, (root + 0.018, y)]
    return Part(np.array(comb), coat.claws, "gloss", sketched=False)


def _chest_mark(coat: Coat, y: float) -> Part:
    mark = symmetric(
        [(0, y - 0.08), (0.10, y + 0.02), (0.25, y + 0.10), (0.23, y + 0.03), (0.11, y - 0.07), (0, y - 0.19)]
    )
    return Part(mark, coat.accent, "patch", soft=0.012)


def torso_marks(kind: str, coat: Coat, rng: np.random.Generator, neck: float) -> list[Part]:
    """A grizzly's frosted shoulders, or the V that some black bears have below the `neck` (its height)."""
    if kind == "black":
        return [_chest_mark(coat, neck - 0.27)] if rng.random() < 0.4 else []
    return [
        Part(ellipse(side * 0.42, neck - 0.10, 0.20, 0.16), coat.frost, "patch", soft=0.09, sketched=False)
        for side in (-1, 1)
    ]


def hump(kind: str, coat: Coat, y: float) -> list[Part]:
    """The muscle between a grizzly's shoulders, around the height `y`."""
    if kind == "black":
        return []
    return [
        Part(ellipse(0, y, 0.42, 0.34), coat.fur),
        Part(ellipse(0, y + 0.17, 0.34, 0.15), coat.frost, "patch", soft=0.07, sketched=False),
    ]


def head_scale(kind: str) -> float:
    """A grizzly's head is the larger one."""
    return 0.94 if kind == "grizzly" else 0.86
