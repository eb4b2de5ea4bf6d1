"""Teddy bears in every pose."""

from collections.abc import Callable

import numpy as np

from .coats import Coat
from .curves import ellipse, smooth, symmetric
from .parts import Part, arranged, both_sides, bounds, darker, mirrored
from .teddy_parts import arm, bow, head, seam, side_head, sole, trunk


def _neck_shadow(coat: Coat, y: float) -> Part:
    return Part(ellipse(0, y, 0.32, 0.10), darker(coat.fur, 0.4), "patch", soft=0.07, sketched=False)


def _maybe_bow(coat: Coat, rng: np.random.Generator, y: float) -> list[Part]:
    return bow(coat, 0, y, rng.uniform(0.24, 0.32)) if rng.random() < 0.85 else []


def _nodding_head(coat: Coat, rng: np.random.Generator, y: float) -> list[Part]:
    return arranged(head(coat), turn=rng.uniform(-13, 13), to=(0, y))


def sitting(coat: Coat, rng: np.random.Generator) -> list[Part]:
    """Sitting, legs stretched towards the viewer so that the soles show."""
    spread = rng.uniform(0.46, 0.58)
    right_arm = arranged(arm(coat, rng.uniform(15, 75)), to=(0.35, 0.95))
    left_arm = mirrored(arranged(arm(coat, rng.uniform(15, 75)), to=(0.35, 0.95)))
    leg = [
        Part(ellipse(spread - 0.1, 0.2, 0.24, 0.22), darker(coat.fur, 0.12), "plush"),
        *arranged(sole(coat), turn=rng.uniform(-25, 5), to=(spread, 0.2)),
    ]
    return [
        *trunk(coat), *left_arm, *right_arm, *both_sides(leg), _neck_shadow(coat, 1.06),
        *_nodding_head(coat, rng, 1.46), *_maybe_bow(coat, rng, 1.04),
    ]  # fmt: skip


def standing(coat: Coat, rng: np.random.Generator) -> list[Part]:
    """Standing, or lying when the whole is turned, seen from the front."""
    thigh, foot = (
        [(0.04, 0.42), (0.40, 0.42), (0.41, 0.05)],
        [(0.44, -0.16), (0.34, -0.26), (0.12, -0.26), (0.06, -0.14)],
    )
    leg = [
        Part(smooth([*thigh, *foot]), coat.fur, "plush"),
        Part(ellipse(0.25, -0.21, 0.15, 0.055), coat.claws, "felt"),
    ]
    right_arm = arranged(arm(coat, rng.uniform(10, 150)), to=(0.36, 0.95))
    left_arm = mirrored(arranged(arm(coat, rng.uniform(10, 60)), to=(0.36, 0.95)))
    figure = [
        *both_sides(leg), *trunk(coat), *left_arm, *right_arm, _neck_shadow(coat, 1.06),
        *_nodding_head(coat, rng, 1.46), *_maybe_bow(coat, rng, 1.04),
    ]  # fmt: skip
    return arranged(figure, to=(0, 0.26))


def tumbled(coat: Coat, rng: np.random.Generator) -> list[Part]:
    """Fallen over to one side."""
    lean = float(rng.choice([-1, 1]) * rng.uniform(25, 65))
    fallen = arranged(standing(coat, rng), turn=lean)
    return arranged(fallen, to=(0, -bounds(fallen)[1]))


def side_sitting(coat: Coat, rng: np.random.Generator) -> list[Part]:
    """Sitting in profile, looking right, legs stretched forwards."""
    back = [(0.0, 0.0), (-0.32, 0.06), (-0.42, 0.30), (-0.34, 0.75), (-0.16, 1.10)]
    front = [(0.14, 1.12), (0.32, 0.80), (0.44, 0.45), (0.36, 0.12)]
    leg = [
        Part(
            smooth([(-0.1, 0.30), (0.3, 0.36), (0.72, 0.26), (0.74, 0.06), (0.35, 0.0), (-0.05, 0.02)]),
            coat.fur,
            "plush",
        ),
        Part(ellipse(0.76, 0.21, 0.12, 0.235, -8), coat.fur, "plush"),
        Part(ellipse(0.82, 0.21, 0.06, 0.185, -8), coat.claws, "felt"),
    ]
    far_leg = arranged([Part(part.outline, darker(part.colour, 0.25), part.surface) for part in leg], to=(0.1, 0.06))
    return [
        *far_leg, Part(ellipse(-0.43, 0.2, 0.11, 0.11), coat.fur, "plush"),
        Part(smooth([*back, *front]), coat.fur, "plush"),
        *seam([(-0.05, 1.0), (-0.12, 0.6), (-0.05, 0.2)], coat, stitches=5), *leg,
        *arranged(arm(coat, rng.uniform(20, 70)), to=(0.06, 0.90)),
        Part(ellipse(0.02, 1.07, 0.24, 0.075), coat.accent, "cloth"),
        *arranged(side_head(coat), turn=rng.uniform(-12, 12), to=(0.06, 1.42)),
        *arranged(bow(coat, 0, 0, 0.17), turn=-15, to=(0.26, 1.03)),
    ]  # fmt: skip


def portrait(coat: Coat, rng: np.random.Generator) -> list[Part]:
    """Head and shoulders from the front; the shoulders go on below y = 0."""
    shoulders = symmetric([(0, 0.62), (0.30, 0.55), (0.52, 0.25), (0.68, -0.2), (0.7, -0.6), (0, -0.6)])
    return [
        Part(shoulders, coat.fur, "plush"),
        *seam([(0, 0.5), (0, 0.0), (0, -0.5)], coat, stitches=7),
        _neck_shadow(coat, 0.42),
        *_nodding_head(coat, rng, 0.84),
        *_maybe_bow(coat, rng, 0.34),
    ]


def side_portrait(coat: Coat, rng: np.random.Generator) -> list[Part]:
    """Head and shoulders in profile, looking right."""
    shoulders = smooth(
        [(-0.62, -0.6), (-0.55, 0.0), (-0.34, 0.50), (0.10, 0.55), (0.36, 0.2), (0.50, -0.2), (0.50, -0.6)]
    )
    return [
        Part(shoulders, coat.fur, "plush"),
        Part(ellipse(-0.04, 0.42, 0.30, 0.08), coat.accent, "cloth"),
        *arranged(side_head(coat), turn=rng.uniform(-12, 12), to=(0.0, 0.82)),
        *arranged(bow(coat, 0, 0, 0.2), turn=-15, to=(0.26, 0.36)),
    ]


TEDDY_POSES: dict[str, Callable[[Coat, np.random.Generator], list[Part]]] = {
    "sitting": sitting,
    "side_sitting": side_sitting,
    "standing": standing,
    "tumbled": tumbled,
    "portrait": portrait,
    "side_portrait": side_portrait,
}
