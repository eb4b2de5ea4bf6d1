"""Where a bear stands in its picture: the frame's shape, the bear's pose, size and place."""

from dataclasses import dataclass

import numpy as np

from .chance import pick_by_share
from .coats import black_coat, grizzly_coat, teddy_coat
from .parts import Part, bounds, mirrored, on_canvas
from .teddy import TEDDY_POSES
from .wild_bears import WILD_POSES

KINDS = ("black", "grizzly", "teddy")
CLOSE_UPS = ("portrait", "side_portrait", "peeking")

WILD_POSE_SHARES = {
    "walking": 0.32, "sitting": 0.22, "standing": 0.13, "coming": 0.09,
    "portrait": 0.10, "side_portrait": 0.07, "peeking": 0.05,
}  # fmt: skip
TEDDY_POSE_SHARES = {
    "sitting": 0.30, "side_sitting": 0.10, "standing": 0.15, "tumbled": 0.06,
    "portrait": 0.12, "side_portrait": 0.07, "peeking": 0.06,
}  # fmt: skip
FORMAT_SHARES = {"usual": 0.65, "wide": 0.17, "tall": 0.18}
IN_FRONT = 0.3  # bear units from the horizon to the feet, at least
ASPECTS = {"usual": (0.75, 1.5), "wide": (2.0, 2.5), "tall": (0.45, 0.62)}


@dataclass(frozen=True)
class Framing:
    """A bear placed in a frame; everything in pixels."""

    width: int
    height: int
    figure: list[Part]
    unit: float  # pixels to one bear unit
    feet: float  # the row on which the bear stands
    middle: float  # the column around which it stands
    facing: int  # 1: to the right, -1: to the left
    close_up: bool
    peeking: bool


def bear_figure(rng: np.random.Generator, kind: str, pose: str) -> tuple[list[Part], int]:
    """The parts of a random bear of this kind and pose, in bear units, and where it faces (1: to the right, or -1)."""
    drawn_as = "portrait" if pose == "peeking" else pose
    if kind == "teddy":
        figure = TEDDY_POSES[drawn_as](teddy_coat(rng), rng)
    else:
        coat = grizzly_coat(rng) if kind == "grizzly" else black_coat(rng)
        figure = WILD_POSES[drawn_as](kind, coat, rng)
    return (mirrored(figure), -1) if rng.random() < 0.5 else (figure, 1)


def frame_size(rng: np.random.Generator, shape: str) -> tuple[int, int]:
    """(width, height) of a picture whose format is "usual", "wide" or "tall"."""
    longest = rng.uniform(240, 380) if shape == "usual" else rng.uniform(300, 420)
    aspect = np.exp(rng.uniform(*np.log(ASPECTS[shape])))
    return round(longest * min(1, aspect)), round(longest * min(1, 1 / aspect))


def frame_bear(
    rng: np.random.Generator,
    kind: str,
    pose: str | None = None,
    shape: str | None = None,
    size: float | None = None,
) -> Framing:
    """Poses a bear, chooses a frame and places the bear in it; see `place_bear`."""
    pose = pose or pick_by_share(rng, TEDDY_POSE_SHARES if kind == "teddy" else WILD_POSE_SHARES)
    figure, facing = bear_figure(rng, kind, pose)
    left, bottom, right, top = bounds(figure)
    if shape is None:
        shape = pick_by_share(rng, FORMAT_SHARES)
        if shape == "tall" and right - left > top - bottom:
            shape = "wide"  # nobody turns the camera upright for a walking bear
    size = size or float(rng.uniform(0.74, 1.02))
    return place_bear(rng, figure, facing, pose, size, frame_size(rng, shape))


def place_bear(
    rng: np.random.Generator,
    figure: list[Part],
    facing: int,
    pose: str,
    size: float,
    frame: tuple[int, int],
    horizon: float = 0.0,
) -> Framing:
    """Places the parts of a bear in a frame of (width, height) pixels.

    `size` is the share of the frame that the bear fills, along the side that limits it. In wide and tall
    frames the bear often stands near an edge, where cutting out the middle would lose it. Its feet are well
    below the share `horizon` of the height.
    """
    (width, height), (left, bottom, right, top) = frame, bounds(figure)
    close_up = pose in CLOSE_UPS
    if close_up:
        bottom = -0.2 if pose == "peeking" else 0.0  # grass needs some room below the chin
        size = max(size, 0.8)
    unit = size * min(width / (right - left), height / (top - bottom))

    slack = width - unit * (right - left)
    edge = rng.uniform(-0.03, 0.08)
    tall, wide = width < 0.65 * height, width > 1.6 * height
    at_edge = (tall or wide) and rng.random() < 0.75
    share = float(rng.choice([edge, 1 - edge])) if at_edge else rng.uniform(0.15, 0.85)
    origin = slack * share - unit * left

    room = height - unit * (top - bottom)
    if pose == "peeking":
        feet = height - unit * rng.uniform(0.05, 0.25)
    elif close_up:
        feet = float(height) + 0.02 * unit
    else:
        below = rng.uniform(0.1, 0.8 if tall else 0.5)
        feet = max(height - below * room + unit * bottom, horizon * height + IN_FRONT * unit)
    return Framing(
        width=width,
        height=height,
        figure=on_canvas(figure, unit, (origin, feet)),
        unit=unit,
        feet=feet,
        middle=origin + unit * (left + right) / 2,
        facing=facing,
        close_up=close_up,
        peeking=pose == "peeking",
    )
