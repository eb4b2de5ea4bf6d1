"""Wild bears in every pose; what differs between a grizzly and a black bear is outline and marks."""

from collections.abc import Callable

import numpy as np

from .coats import Coat
from .curves import ellipse, smooth, symmetric
from .parts import Part, arranged, both_sides, darker, mirrored, mix
from .wild_heads import wild_head
from .wild_parts import claw_length, claws, head_scale, hump, torso_marks
from .wild_profiles import side_portrait, walking


def sitting(kind: str, coat: Coat, rng: np.random.Generator) -> list[Part]:
    """Sitting upright, seen from the front."""
    broad = 1.0 if kind == "grizzly" else 0.9
    outline = [(0, 1.36), (0.30, 1.33), (0.52, 1.12), (0.64, 0.75), (0.76, 0.38), (0.72, 0.10), (0.42, 0.0), (0, 0)]
    hind = [
        Part(ellipse(0.56 * broad, 0.26, 0.27, 0.25, 20), darker(mix(coat.fur, coat.legs, 0.5), 0.1)),
        Part(ellipse(0.68 * broad, 0.12, 0.19, 0.15, 15), coat.legs, comb=60),
        Part(ellipse(0.70 * broad, 0.11, 0.09, 0.07, 15), darker(coat.legs, 0.5), "patch", soft=0.03),
    ]
    arm = [
        Part(
            smooth(
                [(0.30, 1.15), (0.52, 1.02), (0.53, 0.62), (0.44, 0.30), (0.45, 0.10), (0.36, 0.0), (0.18, 0.01),
                 (0.14, 0.12), (0.19, 0.36), (0.20, 0.72), (0.18, 1.05)]
            ),
            mix(coat.fur, coat.legs, 0.3),
            fade=0.45,
        ),
        Part(ellipse(0.30, 0.10, 0.17, 0.22), coat.legs, "patch", soft=0.09, sketched=False),
        claws(0.29, 0.035, coat, claw_length(kind), -0.01),
    ]  # fmt: skip
    head = arranged(
        wild_head(kind, "front", coat, rng),
        turn=rng.uniform(-9, 9),
        scale=head_scale(kind),
        to=(rng.uniform(-0.06, 0.06), 1.46),
    )
    return [
        *hump(kind, coat, 1.38),
        Part(symmetric([(x * broad, y) for x, y in outline]), coat.fur),
        Part(ellipse(0, 0.45, 0.34, 0.38), darker(coat.fur, 0.18), "patch", soft=0.16, sketched=False),
        *torso_marks(kind, coat, rng, 1.25),
        *both_sides(hind),
        *both_sides(arm),
        Part(ellipse(0, 1.08, 0.36, 0.13), darker(coat.fur, 0.35), "patch", soft=0.08, sketched=False),
        *head,
    ]


def standing(kind: str, coat: Coat, rng: np.random.Generator) -> list[Part]:
    """Upright on the hind legs, seen from the front."""
    broad = 1.05 if kind == "grizzly" else 0.92
    outline = [(0, 1.86), (0.30, 1.82), (0.46, 1.58), (0.49, 1.2), (0.53, 0.8), (0.47, 0.46), (0.25, 0.36), (0, 0.38)]
    leg = [
        Part(
            smooth([(0.05, 0.75), (0.47, 0.78), (0.49, 0.42), (0.43, 0.18), (0.50, 0.04), (0.36, 0.0), (0.16, 0.0),
                    (0.11, 0.08), (0.13, 0.30)]),
            mix(coat.fur, coat.legs, 0.6),
            fade=0.3,
        ),
        claws(0.34, 0.05, coat, claw_length(kind) * 0.8, 0.02),
    ]  # fmt: skip
    swing = rng.uniform(-6, 30)
    arm_at_rest = [
        Part(
            smooth([(-0.16, 0.10), (0.06, 0.16), (0.15, -0.10), (0.14, -0.45), (0.15, -0.72), (0.06, -0.84),
                    (-0.09, -0.82), (-0.13, -0.66), (-0.10, -0.40), (-0.17, -0.10)]),
            mix(coat.fur, coat.legs, 0.35),
            comb=85,
            fade=0.18,
        ),
        Part(ellipse(0, -0.66, 0.15, 0.2), coat.legs, "patch", soft=0.08, sketched=False),
        claws(0.0, -0.79, coat, claw_length(kind) * 1.1, -0.02),
    ]  # fmt: skip
    arm = arranged(arm_at_rest, turn=swing, to=(0.42 * broad, 1.58))
    head = arranged(
        wild_head(kind, "front", coat, rng),
        turn=rng.uniform(-8, 8),
        scale=head_scale(kind) * 0.86,
        to=(0, 1.98),
    )
    return [
        *hump(kind, coat, 1.88),
        Part(symmetric([(x * broad, y) for x, y in outline]), coat.fur),
        Part(ellipse(0, 0.95, 0.26, 0.42), darker(coat.fur, 0.16), "patch", soft=0.14, sketched=False),
        *torso_marks(kind, coat, rng, 1.72),
        *both_sides(leg),
        *both_sides(arm),
        Part(ellipse(0, 1.60, 0.30, 0.11), darker(coat.fur, 0.35), "patch", soft=0.07, sketched=False),
        *head,
    ]


def coming(kind: str, coat: Coat, rng: np.random.Generator) -> list[Part]:
    """On all fours, walking towards the viewer with a lowered head."""
    hind = Part(
        smooth([(0.30, 0.75), (0.62, 0.70), (0.62, 0.35), (0.56, 0.12), (0.44, 0.08), (0.34, 0.14), (0.33, 0.4)]),
        darker(coat.legs, 0.4),
    )
    shoulder, foot = [(0.10, 0.85), (0.52, 0.95), (0.50, 0.45)], [(0.47, 0.10), (0.38, 0.0), (0.18, 0.0), (0.13, 0.10)]
    front_leg = [
        Part(smooth([*shoulder, *foot, (0.15, 0.45)]), mix(coat.fur, coat.legs, 0.45), fade=0.35),
        Part(ellipse(0.31, 0.14, 0.22, 0.25), coat.legs, "patch", soft=0.1, sketched=False),
        claws(0.31, 0.04, coat, claw_length(kind), 0.0),
    ]
    stepping_leg = arranged(front_leg, to=(0, max(0.0, rng.uniform(-0.07, 0.07))))
    top = 1.36 if kind == "grizzly" else 1.18
    body = symmetric([(0, top), (0.28, top - 0.03), (0.52, 1.05), (0.60, 0.75), (0.55, 0.48), (0.30, 0.38), (0, 0.36)])
    head = arranged(
        wild_head(kind, "front", coat, rng),
        turn=rng.uniform(-7, 7),
        scale=head_scale(kind) * 0.92,
        to=(0, 0.93),
    )
    frosted_back = Part(ellipse(0, top - 0.1, 0.34, 0.14), coat.frost, "patch", soft=0.08, sketched=False)
    return [
        *both_sides([hind]),
        Part(body, coat.fur),
        *([frosted_back] if kind == "grizzly" else []),
        Part(ellipse(0, 0.45, 0.42, 0.2), darker(coat.fur, 0.4), "patch", soft=0.1, sketched=False),
        *mirrored(front_leg),
        *stepping_leg,
        Part(ellipse(0, 0.86, 0.50, 0.50), darker(coat.fur, 0.38), "patch", soft=0.11, sketched=False),
        *head,
    ]


def portrait(kind: str, coat: Coat, rng: np.random.Generator) -> list[Part]:
    """Head and shoulders from the front; the shoulders go on below y = 0."""
    broad = 0.95 if kind == "grizzly" else 0.8
    outline = [(0, 0.95), (0.35, 0.90), (0.75, 0.60), (0.98, 0.1), (1.0, -0.6), (0, -0.6)]
    shoulders = symmetric([(x * broad, y) for x, y in outline])
    head = arranged(wild_head(kind, "front", coat, rng), turn=rng.uniform(-8, 8), to=(0, 0.82))
    return [
        *hump(kind, coat, 0.95),
        Part(shoulders, coat.fur),
        *torso_marks(kind, coat, rng, 0.52),
        Part(ellipse(0, 0.30, 0.42, 0.16), darker(coat.fur, 0.35), "patch", soft=0.1, sketched=False),
        *head,
    ]


WILD_POSES: dict[str, Callable[[str, Coat, np.random.Generator], list[Part]]] = {
    "walking": walking,
    "sitting": sitting,
    "standing": standing,
    "coming": coming,
    "portrait": portrait,
    "side_portrait": side_portrait,
}
