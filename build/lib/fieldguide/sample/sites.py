"""The sites of the sample: each has a place, a camera, a climate and its own mix of bears."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeVar

import numpy as np

from .chance import pick
from .framing import KINDS
from .light import WEATHERS, Camera

T = TypeVar("T")

# How many sites see which place, and in which frames (width to height) cameras take it.
SITES_OF_PLACES = {
    "meadow": 6, "forest": 7, "autumn": 5, "river": 5, "snow": 4, "mountains": 4, "dusk": 4, "room": 5,
}  # fmt: skip
FRAMES = {(4, 3): 17, (3, 2): 6, (1, 1): 6, (9, 4): 6, (5, 9): 5}
INDOORS, AT_HOME_INDOORS = "room", "teddy"
MIX = (0.46, 0.32, 0.22)  # the shares of the bears at a site
CLIMATE = (0.6, 0.3, 0.1)  # the shares of the weathers at a site
INFRARED_SITES = 0.5  # the share of the sites outdoors whose cameras see at night


@dataclass(frozen=True)
class Site:
    """Where a camera stands, and what passes there."""

    name: str
    place: str  # a key of PLACES
    seed: int  # of what stands and grows there
    horizon: float  # the share of the height at which the ground begins
    camera: Camera
    climate: Mapping[str, float]  # shares of WEATHERS
    bears: Mapping[str, float]  # shares of KINDS
    busy: float  # how many animals pass, relative to other sites


def plan_sites(seed: int) -> list[Site]:
    """40 sites, S01 to S40; the same seed gives the same ones, another seed gives others."""
    rng = np.random.default_rng(np.random.SeedSequence([seed, 2000]))
    places = _repeated(SITES_OF_PLACES)
    frames = _repeated(FRAMES)
    most_there = [KINDS[number % len(KINDS)] for number in range(len(places))]
    for _ in range(SITES_OF_PLACES[INDOORS]):
        most_there.remove(AT_HOME_INDOORS)
    order, frame_order, kind_order = (rng.permutation(len(each)) for each in (places, frames, most_there))
    outdoors = [most_there[index] for index in kind_order]
    sites = []
    for number, (index, frame) in enumerate(zip(order, frame_order, strict=True), start=1):
        most = AT_HOME_INDOORS if places[index] == INDOORS else outdoors.pop()
        sites.append(_site(rng, f"S{number:02d}", places[index], frames[frame], most))
    return sites


def _repeated(counts: Mapping[T, int]) -> list[T]:
    return [each for each, count in counts.items() for _ in range(count)]


def _site(rng: np.random.Generator, name: str, place: str, frame: tuple[int, int], most: str) -> Site:
    others = [kind for kind in KINDS if kind != most]
    if rng.random() < 0.5:
        others.reverse()
    weathers = [list(WEATHERS)[index] for index in rng.permutation(len(WEATHERS))]
    return Site(
        name=name,
        place=place,
        seed=int(rng.integers(2**63)),
        horizon=float(rng.uniform(0.3, 0.6)),
        camera=_camera(rng, frame, infrared=place != INDOORS and rng.random() < INFRARED_SITES),
        climate=dict(zip(weathers, CLIMATE, strict=False)),
        bears=dict(zip((most, *others), MIX, strict=True)),
        busy=float(rng.uniform(0.75, 1.25)),
    )


def _camera(rng: np.random.Generator, frame: tuple[int, int], *, infrared: bool) -> Camera:
    long = rng.uniform(290, 400)
    across, down = frame
    red, green, blue = (float(rng.uniform(0.93, 1.07)) for _ in range(3))
    faint = float(rng.uniform(0.09, 0.15))
    return Camera(
        width=round(long * min(1, across / down)),
        height=round(long * min(1, down / across)),
        tint=(red, green, blue),
        vignette=float(rng.uniform(0.02, 0.18)),
        grain=float(rng.uniform(0.006, 0.032)),
        blur=float(rng.uniform(0.0, 0.9)),
        quality=int(rng.integers(70, 94)),
        infrared=pick(rng, [(1 + faint, 1.0, 1 + faint), (1.0, 1.0, 1 + faint), (1.0, 1 + faint, 1.0)])
        if infrared
        else None,
    )
