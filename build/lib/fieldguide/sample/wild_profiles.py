"""Wild bears in profile, looking right."""

from dataclasses import replace

import numpy as np

from .coats import Coat
from .curves import ellipse, smooth
from .parts import Part, arranged, darker, mix
from .wild_heads import wild_head
from .wild_parts import claw_length, claws


def _walking_leg(kind: str, coat: Coat, hind: bool, far: bool, swing: float) -> list[Part]:
    """A leg of length 0.8 in profile, hanging from its joint at the origin."""
    if hind:
        outline = [
            (-0.26, 0.22), (-0.30, -0.05), (-0.22, -0.32), (-0.20, -0.50), (-0.21, -0.66), (-0.17, -0.78),
            (0.0, -0.80), (0.17, -0.79), (0.19, -0.71), (0.03, -0.62), (0.04, -0.44),
            (0.17, -0.22), (0.26, 0.08), (0.10, 0.30),
        ]  # fmt: skip
    else:
        outline = [
            (-0.21, 0.20), (-0.20, -0.12), (-0.15, -0.40), (-0.14, -0.64), (-0.13, -0.77), (0.02, -0.80),
            (0.19, -0.79), (0.22, -0.71), (0.10, -0.62), (0.11, -0.38), (0.18, -0.10), (0.20, 0.15), (0.0, 0.32),
        ]  # fmt: skip
    shade = 0.38 if far else 0.0
    colour = darker(mix(coat.fur, coat.legs, 0.35), shade)
    leg = [
        Part(smooth(outline), colour, comb=85, fade=0.0 if far else 0.42),
        Part(ellipse(0.0, -0.62, 0.20, 0.24), darker(coat.legs, shade), "patch", soft=0.1, sketched=False),
        claws(0.15, -0.755, coat, claw_length(kind) * 0.8, 0.045),
    ]
    leg = [replace(part, outline=part.outline * (1.15, 1)) for part in leg]
    return arranged(leg, turn=swing, to=(0, 0.03 * abs(np.sin(np.deg2rad(swing)))))


def walking(kind: str, coat: Coat, rng: np.random.Generator) -> list[Part]:
    """On all fours, in profile, walking to the right; the feet stand on y = 0."""
    if kind == "grizzly":
        body = [
            (-0.95, 0.78), (-0.90, 1.00), (-0.70, 1.14), (-0.36, 1.15), (-0.05, 1.21), (0.18, 1.46), (0.40, 1.65),
            (0.61, 1.56), (0.76, 1.30), (0.88, 1.03), (0.77, 0.66), (0.50, 0.48), (0.09, 0.45), (-0.36, 0.46),
            (-0.74, 0.48), (-0.94, 0.57),
        ]  # fmt: skip
        neck, droop = (0.80, 1.06), rng.uniform(-28, 0)
    else:
        body = [
            (-0.92, 0.80), (-0.88, 1.14), (-0.70, 1.36), (-0.41, 1.42), (-0.05, 1.29), (0.32, 1.21), (0.56, 1.23),
            (0.74, 1.18), (0.86, 1.03), (0.79, 0.71), (0.52, 0.53), (0.11, 0.47), (-0.34, 0.48), (-0.72, 0.51),
            (-0.90, 0.60),
        ]  # fmt: skip
        neck, droop = (0.80, 1.06), rng.uniform(-16, 16)
    stride = rng.uniform(6, 20)
    shoulder, hip = (0.52, 0.80), (-0.63, 0.80)
    tail = Part(ellipse(-0.95, 0.95, 0.07, 0.10, 20), darker(coat.fur, 0.15), comb=80)
    parts = [
        *arranged(_walking_leg(kind, coat, hind=True, far=True, swing=-stride), to=(hip[0] + 0.12, hip[1])),
        *arranged(_walking_leg(kind, coat, hind=False, far=True, swing=stride), to=(shoulder[0] + 0.08, shoulder[1])),
        tail,
        Part(smooth(body), coat.fur, comb=50),
        Part(ellipse(0.0, 0.52, 0.66, 0.13), darker(coat.fur, 0.4), "patch", soft=0.09, sketched=False),
    ]
    if kind == "grizzly":
        parts += [
            Part(ellipse(0.38, 1.42, 0.34, 0.20, 12), coat.frost, "patch", comb=50, soft=0.1, sketched=False),
            Part(ellipse(-0.40, 1.08, 0.42, 0.09), coat.frost, "patch", comb=50, soft=0.08, sketched=False),
        ]
    parts += [
        *arranged(_walking_leg(kind, coat, hind=True, far=False, swing=0.8 * stride), to=hip),
        *arranged(_walking_leg(kind, coat, hind=False, far=False, swing=-0.8 * stride), to=shoulder),
        *arranged(
            wild_head(kind, "profile", coat, rng),
            turn=droop,
            to=neck,
            scale=0.98 if kind == "grizzly" else 0.90,
        ),
    ]
    return parts


def side_portrait(kind: str, coat: Coat, rng: np.random.Generator) -> list[Part]:
    """Head and neck in profile, looking right; neck and back go on to the lower left."""
    rise = 1.28 if kind == "grizzly" else 0.98
    back = [(-1.4, -0.6), (-1.3, rise - 0.12), (-0.75, rise), (-0.35, 1.06), (0.0, 0.95)]
    throat = [(0.12, 0.50), (0.0, 0.1), (-0.05, -0.6)]
    neck = smooth([*back, *throat])
    parts = [Part(neck, coat.fur, comb=40)]
    if kind == "grizzly":
        parts.append(Part(ellipse(-0.72, 1.12, 0.36, 0.15, -12), coat.frost, "patch", soft=0.1, sketched=False))
    head = arranged(wild_head(kind, "profile", coat, rng), turn=rng.uniform(-14, 8), to=(0.05, 0.72), scale=1.12)
    return [*parts, *head]
