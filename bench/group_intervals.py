"""How often intervals and tests that count groups hold what they promise, beside those that count pictures; simulated.

Sites differ: at each the accuracy is drawn from a beta distribution, and so is by how much two equal models differ. The
truth is the mean over all sites there could be. `python bench/group_intervals.py` prints the figures.
"""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from common import Figure, report
from fieldguide.statistics.calibration import Right
from fieldguide.statistics.groups import Groups, alone
from fieldguide.statistics.intervals import bootstrap, share_interval
from fieldguide.statistics.noninferiority import Verdict, compare, verdict_of

COMPARED = "what groups promise: intervals hold the accuracy at other sites, equal models are seldom called better"
SIMULATIONS, BOOTSTRAPS = 400, 100
CASES = [(accuracy, alike) for accuracy in (0.7, 0.9, 0.96) for alike in (0.0, 0.05, 0.2)]  # intraclass correlation
FRAMES = 25  # of a site, on average; half of them between 10 and 30
MARGIN, CONFIDENCE = 0.03, 0.95  # of conf/gate/standard.yaml


def measure() -> Iterator[Figure]:
    """Coverage of the accuracy's interval by groups and by pictures, of the bootstrap, and false praise of the gate."""
    for sites in (3, 5, 8, 12, 20, 40):
        chance = np.random.default_rng(sites)
        cases = [(one, _sites(chance, sites, *one)) for one in CASES for _ in range(SIMULATIONS // 4)]
        detail = f"{len(cases)} simulations of {sites} sites x {FRAMES} frames, accuracy 0.7 to 0.96"
        held = [_holds(share_interval(right, groups), truth) for (truth, _), (groups, right) in cases]
        counted = [_holds(share_interval(right, alone(len(right))), truth) for (truth, _), (_, right) in cases]
        yield Figure(f"{sites} sites: 95 % interval by groups holds", np.mean(held), 0.9, unit="of 1", detail=detail)
        yield Figure(f"{sites} sites: by pictures", float(np.mean(counted)), unit="of 1", detail=detail)
        yield Figure(f"{sites} sites: bootstrap of a mean", _bootstrap(chance, sites), unit="of 1", detail="log losses")
    for sites in (5, 12, 40):
        by_groups, by_pictures = _called_better(sites)
        detail = f"{SIMULATIONS} simulations of 300 frames of {sites} sites"
        yield Figure(f"equal models called better, {sites} sites", by_groups, 0.05, True, unit="of 1", detail=detail)
        yield Figure(f"the same, counting pictures, {sites} sites", by_pictures, unit="of 1", detail=detail)


def _sites(chance: np.random.Generator, count: int, accuracy: float, alike: float) -> tuple[Groups, Right]:
    sizes = np.maximum(1, np.round(FRAMES * chance.lognormal(-0.32, 0.8, count))).astype(int)
    spread = (1 - alike) / alike if alike else 1e9
    share = chance.beta(accuracy * spread, (1 - accuracy) * spread, count)
    groups = np.repeat(np.arange(count), sizes)
    return groups, chance.random(len(groups)) < share[groups]


def _bootstrap(chance: np.random.Generator, sites: int) -> float:
    """How often the bootstrap holds the mean of losses that are alike within a site."""
    held = []
    for _ in range(BOOTSTRAPS):
        groups, _ = _sites(chance, sites, 0.9, 0.05)
        level = chance.lognormal(-0.125, 0.5, sites)
        losses = 0.3 * level[groups] * chance.exponential(1, len(groups))

        def mean(rows: NDArray[np.intp], losses: NDArray[np.float64] = losses) -> dict[str, float]:
            return {"loss": float(losses[rows].mean())}

        found = bootstrap(mean, groups, 300)
        held.append(found["loss_low"] <= 0.3 <= found["loss_high"])
    return float(np.mean(held))


def _called_better(sites: int) -> tuple[float, float]:
    """The shares of comparisons of equal models that end with "better": by groups, by pictures."""
    chance, by_groups, by_pictures = np.random.default_rng(sites), 0, 0
    groups = np.arange(300) % sites
    for _ in range(SIMULATIONS):
        bias = np.clip(chance.normal(0, 0.08, sites), -0.16, 0.16)[groups]
        draw = chance.random(300)
        differences = (draw < 0.08 + bias / 2).astype(float) - (draw > 0.92 + bias / 2)
        by_groups += verdict_of(compare(differences, groups, CONFIDENCE), MARGIN) == Verdict.BETTER
        by_pictures += verdict_of(compare(differences, alone(300), CONFIDENCE), MARGIN) == Verdict.BETTER
    return by_groups / SIMULATIONS, by_pictures / SIMULATIONS


def _holds(interval: tuple[float, float], truth: float) -> bool:
    return interval[0] <= truth <= interval[1]


if __name__ == "__main__":
    report(lambda: list(measure()))
