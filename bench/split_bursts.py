"""Which share of bursts and of fixed cameras' frames is used, and on which side: by look-alikes, and by their key.

The pictures are hashes: those of a burst differ in a few bits, others at random. Nothing is timed.
"""

from dataclasses import replace
from random import Random

import numpy as np
import pandas as pd

from common import Figure, report
from fieldguide.base.config import SplitConfig
from fieldguide.data.split_proposal import propose_split
from fieldguide.data.split_search import SIDES
from fieldguide.data.splits import split_pictures
from fieldguide.data.status import Split

COMPARED = (
    "pictures left out and the sides' shares for bursts and fixed cameras: by look-alikes, and by sequence or site"
)
ASKED = SplitConfig(valid=0.13, test=0.24, min_per_label=5)
PICTURES = 600
BURSTS = (2, 5, 10, 30)
CAMERAS, FRAMES = 10, 36
LABELS = 3
SEEDS = 20
DEVIATIONS = 3.0


def pictures(groups: int, frames: int, key: str) -> pd.DataFrame:
    """So many groups of frames that look alike: each a burst of one label, or a site at which every label is seen."""
    rows = []
    for group in range(groups):
        scene = Random(group).getrandbits(256)
        for frame in range(frames):
            label = f"label {(group if key == 'sequence' else frame) % LABELS}"
            alike = scene ^ 1 << Random(f"{group} {frame}").randrange(256)
            rows.append(
                (f"{Random(f'{key} {group} {frame}').getrandbits(64):016x}", label, f"{key} {group}", f"{alike:064x}")
            )
    table = pd.DataFrame(rows, columns=["id", "label", key, "perceptual_hash"])
    return table.assign(**{name: None for name in ("site", "time", "sequence", "given_split") if name != key})


def shares(table: pd.DataFrame, split: SplitConfig) -> tuple[float, list[float]]:
    """The share of pictures that are left out, and those of train, valid and test among the others."""
    sides = split_pictures(table, split)["split"]
    used = sides[sides != Split.LEFT_OUT]
    return float((sides == Split.LEFT_OUT).mean()), [float((used == side).mean()) for side in SIDES]


def in_words(parts: list[float]) -> str:
    """Shares as `63/13/24 %`."""
    return "/".join(f"{100 * part:.0f}" for part in parts) + " %"


def case(name: str, groups: int, frames: int, key: str) -> list[Figure]:
    """What is left out, with the key and without; how far the shares are from those asked for; what `add` proposes."""
    table = pictures(groups, frames, key)
    alike, by_look = shares(table, ASKED)
    seeds = [shares(table, replace(ASKED, group_by=key, seed=seed)) for seed in range(SEEDS)]
    left = max(share for share, _ in seeds)
    test = np.array([parts[2] for _, parts in seeds])
    deviation = abs(test.mean() - ASKED.test) / (np.sqrt(ASKED.test * (1 - ASKED.test) / groups / SEEDS))
    proposal = propose_split(table, ASKED).split
    _, proposed = shares(table, proposal)
    detail = f"{groups} groups of {frames}; shares asked 63/13/24 %"
    return [
        Figure(f"{name}: left out by look_alike", alike, unit="of 1", detail=f"{detail}, come out {in_words(by_look)}"),
        Figure(f"{name}: left out by {key}", left, 0.0, at_most=True, unit="of 1", detail=f"most of {SEEDS} seeds"),
        Figure(
            f"{name}: test share by {key} over {SEEDS} seeds, from the one asked for",
            float(deviation),
            DEVIATIONS,
            at_most=True,
            unit="standard deviations",
            detail=f"mean {100 * test.mean():.0f} %, by {groups} groups",
        ),
        Figure(
            f"{name}: test share as `add` proposes it",
            proposed[2],
            0.01,
            unit="of 1",
            detail=f"group_by: {proposal.group_by}, seed: {proposal.seed}: {in_words(proposed)}",
        ),
    ]


def measure() -> list[Figure]:
    """All cases of the table in issue 16, and the fewest cameras that are divided."""
    figures = []
    for frames in BURSTS:
        figures += case(f"bursts of {frames}", PICTURES // frames, frames, "sequence")
    for cameras in (CAMERAS, 8):
        figures += case(f"{cameras} fixed cameras", cameras, FRAMES, "site")
    return figures


if __name__ == "__main__":
    report(measure)
