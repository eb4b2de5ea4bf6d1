"""When and where the animals of the sample pass: bursts of frames, each at a site and a time."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np

from .chance import pick_by_share
from .sites import Site

FIRST_DAY, DAYS = datetime(2025, 8, 1), 122  # August to November
SEASONS = {"autumn": 45, "snow": 61}  # days after the first on which a place begins to look so
DAYLIGHT, TWILIGHT, DARK = (6.5, 18.5), (18.5, 20.5), (21.5, 29.5)  # hours, from 24 on those of the next day
AT_NIGHT = 0.25  # the share of the bursts of a camera that sees in the dark
FRAMES = {1: 0.35, 2: 0.22, 3: 0.17, 4: 0.12, 5: 0.08, 6: 0.06}  # how many a burst has, and how often
PAUSE = (2, 10)  # seconds between frames


@dataclass(frozen=True)
class Capture:
    """One frame: where and when it was taken, of which animal."""

    site: Site
    time: datetime
    sequence: str  # of the burst, unique within a site
    animal: int  # the seed of the animal, its pose, its way and its light: the same in all frames of a burst
    frame: int = 0  # its number within the burst

    @property
    def by_night(self) -> bool:
        """Whether it is dark."""
        return not 6 <= self.time.hour < 21


def burst(rng: np.random.Generator, site: Site, frames: int, *, by_day: bool = False) -> list[Capture]:
    """The frames of one animal that passes a site; `by_day` only in daylight or twilight."""
    day = rng.integers(SEASONS.get(site.place, 0), DAYS)
    by_night = rng.random() < AT_NIGHT and site.camera.infrared is not None and not by_day
    hours = DARK if by_night else TWILIGHT if site.place == "dusk" else DAYLIGHT
    start = FIRST_DAY + timedelta(days=int(day), seconds=int(3600 * rng.uniform(*hours)))
    pauses = np.cumsum([0, *rng.integers(*PAUSE, max(FRAMES) - 1)])
    animal = int(rng.integers(2**63))
    times = [start + timedelta(seconds=int(pause)) for pause in pauses[:frames]]
    return [Capture(site, time, f"{start:%Y%m%dT%H%M%S}", animal, frame) for frame, time in enumerate(times)]


def bursts_of(rng: np.random.Generator, sites: Sequence[Site], kind: str, count: int) -> list[Capture]:
    """`count` frames of bears of this kind, in bursts of 1 to 6, at the sites where such bears pass."""
    captures: list[Capture] = []
    while len(captures) < count:
        frames = min(pick_by_share(rng, FRAMES), count - len(captures))
        captures += burst(rng, site_for(rng, sites, kind), frames)
    return captures


def site_for(rng: np.random.Generator, sites: Sequence[Site], kind: str) -> Site:
    """A site where a bear of this kind passes."""
    return sites[pick_by_share(rng, {number: site.busy * site.bears[kind] for number, site in enumerate(sites)})]
