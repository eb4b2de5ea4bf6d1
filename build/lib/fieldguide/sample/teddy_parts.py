"""Pieces of teddy bears: round ears, button eyes, seams, felt pads and a ribbon."""

import numpy as np

from .coats import Coat
from .curves import Pair, ellipse, smooth, symmetric
from .parts import Part, arranged, both_sides, darker, mix

BUTTON = (0.055, 0.04, 0.04)
THREAD = (0.10, 0.07, 0.06)


def seam(points: list[Pair], coat: Coat, stitches: int = 0) -> list[Part]:
    """A seam along `points`, with short threads across it."""
    path = smooth(points, closed=False)
    parts = [Part(path, coat.frost, "line", width=0.016)]
    for index in np.linspace(1, len(path) - 2, stitches).astype(int) if stitches else []:
        along = path[index + 1] - path[index - 1]
        across = np.array([-along[1], along[0]]) / np.hypot(*along) * 0.028
        thread = np.stack([path[index] - across, path[index] + across])
        parts.append(Part(thread, coat.frost, "line", width=0.014, sketched=False))
    return parts


def _button_eye(x: float, y: float) -> list[Part]:
    return [
        Part(ellipse(x, y, 0.066, 0.066), BUTTON, "gloss"),
        Part(ellipse(x - 0.02, y + 0.024, 0.02, 0.018), (0.97, 0.97, 0.97), "gloss", sketched=False),
    ]


def bow(coat: Coat, x: float, y: float, size: float) -> list[Part]:
    """A tied ribbon with two loops and two ends around (x, y), about two `size` across."""
    loop = [
        Part(
            smooth([(0.04, -0.05), (0.20, -0.95), (0.42, -1.0), (0.52, -0.75), (0.14, 0.0)]),
            darker(coat.accent, 0.15),
            "cloth",
        ),
        Part(
            smooth([(0.0, 0.05), (0.55, 0.52), (0.98, 0.45), (1.0, -0.25), (0.60, -0.35)]),
            coat.accent,
            "cloth",
        ),
        Part(ellipse(0.30, 0.05, 0.22, 0.10), darker(coat.accent, 0.5), "patch", soft=0.07, sketched=False),
    ]
    knot = Part(ellipse(0, 0, 0.2, 0.22), darker(coat.accent, 0.08), "cloth")
    return arranged([*both_sides(loop), knot], scale=size, to=(x, y))


def head(coat: Coat) -> list[Part]:
    """The head from the front, about one unit across, the origin in the middle of the face."""
    face = symmetric([(0, 0.44), (0.24, 0.41), (0.45, 0.22), (0.54, -0.05), (0.47, -0.28), (0.26, -0.42), (0, -0.45)])
    ear = [
        Part(ellipse(0.43, 0.35, 0.215, 0.215), coat.fur, "plush"),
        Part(ellipse(0.44, 0.335, 0.125, 0.125), coat.claws, "felt"),
    ]
    nose = symmetric([(0, -0.02), (0.085, -0.03), (0.095, -0.075), (0.03, -0.13), (0, -0.135)])
    mouth = [(-0.14, -0.235), (-0.085, -0.265), (0, -0.205), (0.085, -0.265), (0.14, -0.235)]
    return [
        *both_sides(ear),
        Part(face, coat.fur, "plush"),
        *seam([(0, 0.43), (0, 0.25), (0, 0.04)], coat, stitches=3),
        Part(ellipse(0, -0.16, 0.235, 0.185), coat.muzzle, "plush"),
        Part(np.array([(0, -0.12), (0, -0.205)]), THREAD, "line", width=0.024),
        Part(smooth(mouth, closed=False), THREAD, "line", width=0.024),
        Part(nose, BUTTON, "gloss"),
        *both_sides(_button_eye(0.195, 0.06)),
    ]


def side_head(coat: Coat) -> list[Part]:
    """The head looking right."""
    brow = [(-0.44, 0.0), (-0.36, 0.28), (-0.08, 0.44), (0.20, 0.38), (0.36, 0.16)]
    jaw = [(0.40, -0.10), (0.26, -0.34), (0.0, -0.43), (-0.32, -0.32)]
    face = smooth([*brow, *jaw])
    return [
        Part(face, coat.fur, "plush"),
        Part(ellipse(0.40, -0.13, 0.22, 0.165), coat.muzzle, "plush"),
        Part(smooth([(0.58, -0.18), (0.48, -0.23), (0.38, -0.19)], closed=False), THREAD, "line", width=0.024),
        Part(ellipse(0.58, -0.06, 0.065, 0.06), BUTTON, "gloss"),
        *seam([(-0.20, -0.38), (0.02, -0.15), (0.16, 0.10), (0.26, 0.33)], coat),
        Part(ellipse(-0.08, 0.38, 0.20, 0.21, 12), coat.fur, "plush"),
        Part(ellipse(-0.06, 0.37, 0.11, 0.125, 12), coat.claws, "felt"),
        *_button_eye(0.26, 0.07),
    ]


def trunk(coat: Coat) -> list[Part]:
    """A pear-shaped body with a belly and a seam, seen from the front; it stands on y = 0."""
    outline = symmetric([(0, 1.16), (0.24, 1.12), (0.42, 0.85), (0.52, 0.48), (0.44, 0.16), (0.22, 0.02), (0, 0.0)])
    return [
        Part(outline, coat.fur, "plush"),
        Part(ellipse(0, 0.48, 0.29, 0.34), mix(coat.fur, coat.muzzle, 0.6), "plush", sketched=False),
        *seam([(0, 1.08), (0, 0.7), (0, 0.16)], coat, stitches=6),
    ]


def arm(coat: Coat, turn: float) -> list[Part]:
    """A stub arm hanging from its shoulder at the origin, turned away from the body by `turn` degrees."""
    outline = smooth(
        [
            (-0.13, 0.04),
            (0.04, 0.11),
            (0.15, -0.10),
            (0.17, -0.40),
            (0.08, -0.58),
            (-0.09, -0.58),
            (-0.16, -0.38),
        ]
    )
    paw = [
        Part(outline, coat.fur, "plush"),
        Part(ellipse(0.0, -0.48, 0.095, 0.075), coat.claws, "felt"),
    ]
    return arranged(paw, turn=turn)


def sole(coat: Coat) -> list[Part]:
    """The sole of a foot, turned to the viewer."""
    toes = [
        Part(ellipse(x, y, 0.042, 0.042), darker(coat.claws, 0.35), "felt")
        for x, y in ((-0.1, 0.09), (0, 0.13), (0.1, 0.09))
    ]
    return [
        Part(ellipse(0, 0, 0.235, 0.255), coat.fur, "plush"),
        Part(ellipse(0, -0.01, 0.165, 0.185), coat.claws, "felt"),
        Part(ellipse(0, -0.06, 0.08, 0.065), darker(coat.claws, 0.35), "felt"),
        *toes,
    ]
