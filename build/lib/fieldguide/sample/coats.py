"""Colours of bears. They overlap between the kinds on purpose: shape must tell the bears apart, not colour."""

from dataclasses import dataclass

import numpy as np

from .chance import pick, pick_by_share
from .parts import Colour, darker, mix, paler

NOSE: Colour = (0.07, 0.06, 0.06)
EYE: Colour = (0.06, 0.045, 0.04)

GRIZZLY_COATS: dict[Colour, float] = {
    (0.70, 0.52, 0.31): 0.21,  # blond
    (0.56, 0.38, 0.21): 0.28,  # honey
    (0.43, 0.28, 0.16): 0.25,  # brown
    (0.46, 0.39, 0.31): 0.11,  # silvertip
    (0.28, 0.19, 0.13): 0.11,  # dark
    (0.155, 0.125, 0.11): 0.02,  # almost black
}
BLACK_COATS: dict[Colour, float] = {
    (0.095, 0.092, 0.10): 0.59,  # black
    (0.135, 0.125, 0.12): 0.22,  # faded
    (0.17, 0.135, 0.115): 0.12,  # black with a brown sheen
    (0.33, 0.21, 0.125): 0.02,  # brown
    (0.47, 0.29, 0.16): 0.015,  # cinnamon
}
TEDDY_COATS: dict[Colour, float] = {
    (0.78, 0.58, 0.32): 0.24,  # golden
    (0.60, 0.40, 0.22): 0.14,  # honey
    (0.48, 0.30, 0.17): 0.14,  # brown
    (0.86, 0.78, 0.64): 0.15,  # cream
    (0.53, 0.50, 0.47): 0.10,  # grey
    (0.29, 0.19, 0.13): 0.10,  # chocolate
    (0.13, 0.115, 0.11): 0.025,  # black
}
RIBBONS: list[Colour] = [
    (0.75, 0.12, 0.14),
    (0.16, 0.30, 0.66),
    (0.14, 0.48, 0.26),
    (0.55, 0.20, 0.58),
    (0.90, 0.70, 0.16),
    (0.86, 0.45, 0.55),
]


@dataclass(frozen=True)
class Coat:
    """The colours of one bear."""

    fur: Colour
    legs: Colour
    frost: Colour  # the pale hair tips of a grizzly; a teddy's seams
    muzzle: Colour
    claws: Colour  # of a teddy: the pads
    accent: Colour  # a ribbon, or the mark on a chest


def _varied(rng: np.random.Generator, colours: dict[Colour, float]) -> Colour:
    base = pick_by_share(rng, colours)
    brightness = rng.uniform(0.88, 1.12)
    red, green, blue = (float(np.clip(c * brightness * rng.uniform(0.97, 1.03), 0.03, 0.95)) for c in base)
    return red, green, blue


def grizzly_coat(rng: np.random.Generator) -> Coat:
    """Brown to nearly black, darker on the legs, with pale tips on back and hump."""
    fur = _varied(rng, GRIZZLY_COATS)
    return Coat(
        fur=fur,
        legs=darker(fur, rng.uniform(0.2, 0.5)),
        frost=mix(fur, (0.90, 0.80, 0.62), rng.uniform(0.45, 0.7)),
        muzzle=mix(fur, (0.72, 0.58, 0.42), rng.uniform(0.0, 0.15)),
        claws=(0.88, 0.83, 0.70),
        accent=fur,
    )


def black_coat(rng: np.random.Generator) -> Coat:
    """Mostly black, about one in thirty brown, always with a tan muzzle."""
    fur = _varied(rng, BLACK_COATS)
    return Coat(
        fur=fur,
        legs=darker(fur, 0.1),
        frost=fur,
        muzzle=mix((0.92, 0.76, 0.54), (0.70, 0.50, 0.30), rng.uniform(0, 1) * (1 - fur[0])),  # palest on brown bears
        claws=(0.10, 0.09, 0.09),
        accent=(0.90, 0.86, 0.78),
    )


def teddy_coat(rng: np.random.Generator) -> Coat:
    """Any colour that plush comes in, with paler pads and a bright ribbon."""
    fur = _varied(rng, TEDDY_COATS)
    return Coat(
        fur=fur,
        legs=fur,
        frost=darker(fur, 0.45),
        muzzle=paler(fur, rng.uniform(0.25, 0.5)) if rng.random() < 0.7 else darker(fur, 0.15),
        claws=mix(fur, (0.90, 0.80, 0.66), rng.uniform(0.6, 0.85)),
        accent=pick(rng, RIBBONS),
    )
