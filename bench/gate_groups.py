"""How often the gate calls one of two equal models better, on frames of few sites.

A model is right or wrong about whole sites rather than about single frames: at each site the two differ by chance, in
both directions alike. The verdicts are simulated, nothing is timed.
"""

import numpy as np
import yaml
from numpy.typing import NDArray

from common import ROOT, Figure, report
from fieldguide.statistics.groups import alone
from fieldguide.statistics.noninferiority import Verdict, compare, verdict_of

COMPARED = "how often the gate calls one of two equal models better, on frames of few sites"
SIMULATIONS = 400
PICTURES = 300
SITES = (6, 12, 30)
SPREAD = 0.1  # standard deviation between sites of the difference in accuracy
DIFFERING = 0.2  # share of the pictures on which only one of the two is right


def differences(chance: np.random.Generator, sites: NDArray[np.intp]) -> NDArray[np.float64]:
    """1, -1 or 0 for each picture: which of two equal models alone is right."""
    at_site = np.clip(chance.normal(0, SPREAD, sites.max() + 1), -DIFFERING, DIFFERING)[sites]
    draw = chance.random(len(sites))
    won, lost = (DIFFERING + at_site) / 2, (DIFFERING - at_site) / 2
    return np.where(draw < won, 1.0, np.where(draw < won + lost, -1.0, 0.0))


def praised(sites: int) -> tuple[float, float]:
    """The shares of simulations in which the challenger is called better: by groups, and by pictures."""
    rules = yaml.safe_load((ROOT / "conf" / "gate" / "standard.yaml").read_text(encoding="utf-8"))
    chance, groups = np.random.default_rng(sites), np.arange(PICTURES) % sites
    counts = np.zeros(2)
    for _ in range(SIMULATIONS):
        found = differences(chance, groups)
        for place, numbers in enumerate((groups, alone(PICTURES))):
            verdict = verdict_of(compare(found, numbers, rules["confidence"]), rules["margin"])
            counts[place] += verdict == Verdict.BETTER
    by_group, by_picture = counts / SIMULATIONS
    return float(by_group), float(by_picture)


def measure() -> list[Figure]:
    """By groups, with the goal, and by pictures, which shows what groups are good for."""
    figures = []
    for sites in SITES:
        by_group, by_picture = praised(sites)
        detail = f"{SIMULATIONS} simulations, {PICTURES} frames of {sites} sites"
        name = f"{sites} sites: equal models called better"
        figures.append(Figure(f"{name}, by groups", by_group, 0.05, at_most=True, unit="of 1", detail=detail))
        figures.append(Figure(f"{name}, by pictures", by_picture, unit="of 1", detail=detail))
    return figures


if __name__ == "__main__":
    report(measure)
