"""Heads of wild bears, from the front and in profile (looking right), about one unit across.

The origin of a front head is the middle of the face; of a profile, the point where the head meets the neck.
"""

import numpy as np

from .coats import EYE, NOSE, Coat
from .curves import ellipse, smooth, symmetric
from .parts import Part, both_sides, darker, mix, paler


def _eye(x: float, y: float, size: float) -> list[Part]:
    return [
        Part(ellipse(x, y, size, size * 0.9), EYE, "gloss"),
        Part(
            ellipse(x - 0.3 * size, y + 0.35 * size, 0.3 * size, 0.3 * size),
            (0.9, 0.9, 0.9),
            "gloss",
            sketched=False,
        ),
    ]


def _front_nose(y: float, size: float) -> list[Part]:
    nose = symmetric([(0, y + 0.4 * size), (0.8 * size, y + 0.38 * size), (size, y), (0.45 * size, y - 0.5 * size)])
    lip = [(0, y - 0.45 * size), (0, y - 1.0 * size)]
    smile = [(-1.1 * size, y - 1.2 * size), (-0.6 * size, y - 1.3 * size), (0, y - 1.0 * size)]
    smile += [(-x, height) for x, height in reversed(smile[:-1])]
    shine = ellipse(-0.1 * size, y + 0.22 * size, 0.4 * size, 0.1 * size)
    return [
        Part(smooth(lip, closed=False), NOSE, "line", width=0.16 * size),
        Part(smooth(smile, closed=False), NOSE, "line", width=0.16 * size),
        Part(nose, NOSE, "gloss"),
        Part(shine, (0.42, 0.42, 0.45), "patch", soft=0.12 * size, sketched=False),
    ]


def grizzly_front(coat: Coat) -> list[Part]:
    """Broad, with a ruff on the cheeks, small ears set wide apart and a dish between the eyes."""
    fur, deep = coat.fur, darker(coat.fur, 0.45)
    crown = [(0, 0.46), (0.22, 0.45), (0.42, 0.30), (0.53, 0.04)]
    jaw = [(0.58, -0.20), (0.45, -0.42), (0.24, -0.53), (0, -0.55)]
    face = symmetric([*crown, *jaw])
    snout = symmetric([(0, 0.02), (0.13, -0.02), (0.215, -0.17), (0.225, -0.33), (0.14, -0.45), (0, -0.48)])
    ear = [
        Part(ellipse(0.40, 0.40, 0.15, 0.15), darker(fur, 0.12), comb=70),
        Part(ellipse(0.405, 0.385, 0.07, 0.075), deep, "patch", soft=0.035),
    ]
    socket = [
        Part(ellipse(0.155, 0.06, 0.085, 0.13, -25), deep, "patch", soft=0.06, sketched=False),
        Part(ellipse(0.24, 0.20, 0.12, 0.045, 20), coat.frost, "patch", soft=0.05, sketched=False),
        *_eye(0.18, 0.075, 0.042),
    ]
    return [
        *both_sides(ear),
        Part(face, fur),
        Part(ellipse(0, 0.30, 0.30, 0.13), coat.frost, "patch", soft=0.1, sketched=False),
        *both_sides([Part(ellipse(0.44, -0.24, 0.11, 0.18), darker(fur, 0.22), "patch", soft=0.08, sketched=False)]),
        Part(snout, coat.muzzle),
        Part(ellipse(0, 0.05, 0.07, 0.13), paler(coat.muzzle, 0.1), "patch", soft=0.06, sketched=False),
        *both_sides(socket),
        *_front_nose(-0.20, 0.13),
    ]


def black_front(coat: Coat, eyebrows: bool) -> list[Part]:
    """Narrow, with tall ears and a long tan muzzle with a sharp edge."""
    crown = [(0, 0.45), (0.20, 0.43), (0.35, 0.27), (0.42, 0.02)]
    jaw = [(0.41, -0.20), (0.31, -0.40), (0.17, -0.52), (0, -0.55)]
    face = symmetric([*crown, *jaw])
    snout = symmetric(
        [(0, 0.15), (0.09, 0.12), (0.13, -0.04), (0.21, -0.22), (0.215, -0.36), (0.13, -0.50), (0, -0.53)]
    )
    ear = [
        Part(ellipse(0.30, 0.45, 0.12, 0.18, -16), coat.fur, comb=75),
        Part(ellipse(0.302, 0.44, 0.062, 0.105, -16), paler(coat.fur, 0.22), "patch", soft=0.03),
    ]
    eye = _eye(0.195, 0.10, 0.042)
    if eyebrows:
        eye.append(Part(ellipse(0.19, 0.20, 0.05, 0.032), coat.muzzle, "patch", soft=0.015, sketched=False))
    rim = Part(ellipse(0.195, 0.10, 0.065, 0.05), paler(coat.fur, 0.16), "patch", soft=0.02, sketched=False)
    return [
        *both_sides(ear),
        Part(face, coat.fur),
        Part(snout, coat.muzzle, "plush"),
        Part(ellipse(0, 0.08, 0.06, 0.10), mix(coat.muzzle, coat.fur, 0.5), "patch", soft=0.04, sketched=False),
        *both_sides([rim, *eye]),
        *_front_nose(-0.27, 0.12),
    ]


def _profile_details(
    nose: tuple[float, float], eye: tuple[float, float], mouth: list[tuple[float, float]]
) -> list[Part]:
    return [
        Part(smooth(mouth, closed=False), NOSE, "line", width=0.022),
        Part(ellipse(*nose, 0.065, 0.075, -20), NOSE, "gloss"),
        *_eye(*eye, 0.036),
    ]


def grizzly_profile(coat: Coat) -> list[Part]:
    """A high round forehead, a dished face and a small round ear."""
    skull = smooth(
        [
            (-0.34, 0.18), (-0.12, 0.36), (0.10, 0.43), (0.28, 0.36), (0.38, 0.19), (0.52, 0.105), (0.70, 0.09),
            (0.79, 0.02), (0.77, -0.09), (0.62, -0.16), (0.40, -0.22), (0.20, -0.34), (-0.05, -0.42), (-0.34, -0.34),
        ]
    )  # fmt: skip
    snout = smooth(
        [(0.40, 0.13), (0.55, 0.09), (0.73, 0.07), (0.78, -0.04), (0.66, -0.14), (0.46, -0.17), (0.36, -0.03)]
    )
    return [
        Part(ellipse(-0.16, 0.39, 0.10, 0.11), darker(coat.fur, 0.3)),
        Part(skull, coat.fur, comb=15),
        Part(snout, coat.muzzle, "patch", comb=0, soft=0.05, sketched=False),
        Part(ellipse(0.12, 0.30, 0.17, 0.09, -15), coat.frost, "patch", soft=0.06, sketched=False),
        Part(ellipse(0.0, -0.16, 0.16, 0.15), darker(coat.fur, 0.25), "patch", soft=0.1, sketched=False),
        Part(ellipse(-0.02, 0.38, 0.12, 0.13, 10), darker(coat.fur, 0.08), comb=80),
        Part(ellipse(-0.01, 0.37, 0.055, 0.07, 10), darker(coat.fur, 0.5), "patch", soft=0.03),
        Part(ellipse(0.345, 0.155, 0.07, 0.055), darker(coat.fur, 0.45), "patch", soft=0.035, sketched=False),
        *_profile_details((0.765, 0.035), (0.345, 0.16), [(0.76, -0.06), (0.62, -0.085), (0.45, -0.10), (0.36, -0.05)]),
    ]


def black_profile(coat: Coat) -> list[Part]:
    """A straight line from forehead to nose, a tall ear and a sharp tan muzzle."""
    skull = smooth(
        [
            (-0.34, 0.16), (-0.15, 0.29), (0.05, 0.34), (0.22, 0.31), (0.42, 0.225), (0.62, 0.14), (0.79, 0.065),
            (0.83, -0.01), (0.79, -0.10), (0.62, -0.16), (0.40, -0.19), (0.18, -0.27), (-0.06, -0.34), (-0.34, -0.30),
        ]
    )  # fmt: skip
    snout = smooth(
        [(0.34, 0.245), (0.44, 0.21), (0.62, 0.135), (0.78, 0.06), (0.815, -0.02), (0.78, -0.09), (0.62, -0.15),
         (0.42, -0.17), (0.35, -0.05), (0.40, 0.08)]
    )  # fmt: skip
    return [
        Part(ellipse(-0.13, 0.37, 0.08, 0.15, 12), darker(coat.fur, 0.25)),
        Part(skull, coat.fur, comb=165),
        Part(snout, coat.muzzle, "plush", comb=165),
        Part(ellipse(0.0, 0.37, 0.095, 0.165, 4), coat.fur, comb=90),
        Part(ellipse(0.005, 0.36, 0.05, 0.10, 4), paler(coat.fur, 0.2), "patch", soft=0.025),
        Part(ellipse(0.285, 0.165, 0.06, 0.045), paler(coat.fur, 0.16), "patch", soft=0.02, sketched=False),
        *_profile_details((0.80, 0.0), (0.285, 0.165), [(0.80, -0.075), (0.64, -0.095), (0.46, -0.10), (0.38, -0.05)]),
    ]


def wild_head(kind: str, view: str, coat: Coat, rng: np.random.Generator) -> list[Part]:
    """The head of a grizzly or a black bear, seen from the "front" or in "profile"."""
    if kind == "grizzly":
        return grizzly_front(coat) if view == "front" else grizzly_profile(coat)
    if view == "front":
        return black_front(coat, eyebrows=bool(rng.random() < 0.3))
    return black_profile(coat)
