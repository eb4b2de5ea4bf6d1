"""What fits of the temperature do to the log loss on new pictures, by simulation: `python bench/temperature.py`.

The truth is known: logits that are right up to a true temperature, labels drawn from their probabilities (at accuracy
1 the label is always the most probable one). A network is calibrated on n pictures and asked about 4,000 others, 200
times for every cell of a grid. A second grid has networks that were taught with label smoothing, by its rule.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import product

import numpy as np
from numpy.typing import NDArray
from scipy.special import log_softmax, softmax

from common import Figure, report
from fieldguide.statistics.temperature import HIGHEST, LOWEST, SPREAD, fit_temperature

COMPARED = "test log loss with a fitted temperature against that with none, simulated"
DRAWS, TESTED = 200, 4000
GRID = tuple(product((2, 3, 10), (10, 30, 60, 200), (0.5, 1.0, 2.0), (0.8, 0.9, 0.95, 0.98, 1.0)))
SMOOTHING = 0.1
SMOOTHED = tuple(product((3, 10), (10, 30, 60, 200), (0.75, 1.0, 1.5), (0.8, 0.95, 1.0)))
TEMPERATURES = np.geomspace(LOWEST, HIGHEST, 121)  # that are tried; the one in the middle is 1
ONE = 60
ALMOST = 0.995  # the mean confidence at accuracy 1

Logits = NDArray[np.float64]
Targets = NDArray[np.intp]


@dataclass(frozen=True)
class World:
    """So many labels, pictures to calibrate by, the true temperature, the accuracy, and the label smoothing."""

    labels: int
    pictures: int
    temperature: float
    accuracy: float
    smoothing: float = 0.0

    def draw(self, count: int, chance: np.random.Generator) -> tuple[Logits, Targets]:
        """Logits (count, labels) and true labels (count,)."""
        logits = chance.normal(size=(count, self.labels))
        logits[np.arange(count), chance.integers(self.labels, size=count)] += 2
        low, high = 0.01, 60.0
        for _ in range(40):  # until the mean confidence is the accuracy
            scale = (low * high) ** 0.5
            sure = softmax(scale * logits, axis=1).max(axis=1).mean() > min(self.accuracy, ALMOST)
            low, high = (low, scale) if sure else (scale, high)
        right = softmax(scale * logits, axis=1)
        said = self.temperature * np.log((1 - self.smoothing) * right + self.smoothing / self.labels)
        if self.accuracy == 1:
            return said, logits.argmax(axis=1)
        passed = chance.random((count, 1)) > right.cumsum(axis=1)
        return said, passed.sum(axis=1).clip(0, self.labels - 1)


@dataclass(frozen=True)
class Sample:
    """n pictures: logits, targets, and with each of TEMPERATURES the loss of the label and the mean over all labels."""

    logits: Logits
    targets: Targets
    loss: NDArray[np.float64]  # (n, temperatures)
    of_any: NDArray[np.float64]  # (n, temperatures)

    def __getitem__(self, rows: NDArray[np.intp] | NDArray[np.bool_]) -> "Sample":
        """Some of the pictures."""
        return Sample(self.logits[rows], self.targets[rows], self.loss[rows], self.of_any[rows])


Fit = Callable[[Sample], float]


def known(logits: Logits, targets: Targets) -> Sample:
    """A sample with its losses."""
    scaled = [-log_softmax(logits / temperature, axis=1) for temperature in TEMPERATURES]
    loss = np.stack([each[np.arange(len(targets)), targets] for each in scaled], axis=1)
    return Sample(logits, targets, loss, np.stack([each.mean(axis=1) for each in scaled], axis=1))


def ratios(fits: Sequence[Fit], world: World) -> NDArray[np.float64]:
    """The log loss on new pictures as a multiple of that without a temperature, (fits, draws)."""
    seed = world.labels, world.pictures, round(100 * world.temperature), round(100 * world.accuracy)
    chance = np.random.default_rng(seed)
    everything = known(*world.draw(TESTED, chance))
    draws = [everything[chance.choice(TESTED, world.pictures, replace=False)] for _ in range(DRAWS)]
    found = np.log([[fit(some) for some in draws] for fit in fits])
    losses = everything.loss.mean(axis=0)
    return np.interp(found, np.log(TEMPERATURES), losses / losses[ONE])


def least_loss(some: Sample) -> float:
    """Guo et al. 2017."""
    return _least(some.loss.sum(axis=0))


def smoothed_targets(some: Sample) -> float:
    """With the targets of Platt 1999, for more than two labels: n pictures of a label count as n + 1 of n + labels."""
    labels = some.logits.shape[1]
    share = (labels / (np.bincount(some.targets, minlength=labels)[some.targets] + labels))[:, None]
    return _least(((1 - share) * some.loss + share * some.of_any).sum(axis=0))


def with_prior(some: Sample) -> float:
    """The most probable one under the prior of `fit_temperature`."""
    return _least(some.loss.sum(axis=0) + np.log(TEMPERATURES) ** 2 / (2 * SPREAD**2))


def nearest_to_one(some: Sample) -> float:
    """What the product does for a network that was taught without label smoothing."""
    return fit_temperature(some.logits, some.targets)


def nearest_to_smoothing(some: Sample) -> float:
    """What the product does for one that was taught with it."""
    return fit_temperature(some.logits, some.targets, SMOOTHING)


def cross_validated(fit: Fit) -> Fit:
    """Only used where, fitted to four fifths, it lowers the loss of the others; else 1."""

    def guarded(some: Sample) -> float:
        fold, gain = np.arange(len(some.targets)) % 5, 0.0
        for held_out in range(5):
            fitted = np.abs(np.log(TEMPERATURES / fit(some[fold != held_out]))).argmin()
            own = some.loss[fold == held_out]
            gain += float((own[:, ONE] - own[:, fitted]).sum())
        return fit(some) if gain > 0 else 1.0

    return guarded


def _least(loss: NDArray[np.float64]) -> float:
    return float(TEMPERATURES[loss.argmin()])


FITS: dict[str, Fit] = {
    "the least log loss": least_loss,
    "the least log loss, cross-validated": cross_validated(least_loss),
    "smoothed targets": smoothed_targets,
    "smoothed targets, cross-validated": cross_validated(smoothed_targets),
    "a prior": with_prior,
    "a prior, cross-validated": cross_validated(with_prior),
    "nearest to 1 in the interval": nearest_to_one,
}


def measure() -> Iterator[Figure]:
    """For each fit the worst cell on average, the worst draw of all, and what is gained."""
    yield from _with_smoothing()
    found = np.stack([ratios(list(FITS.values()), World(*world)) for world in GRID])  # (cells, fits, draws)
    gaining = [place for place, world in enumerate(GRID) if world[1] == 200 and world[2] != 1]
    detail = f"{len(GRID)} cells, {DRAWS} draws each"
    for place, (name, fit) in enumerate(FITS.items()):
        of_fit = found[:, place]
        goals = (1.005, 1.05) if fit is nearest_to_one else (None, None)
        yield Figure(
            f"{name}: the mean in the worst cell", float(of_fit.mean(axis=1).max()), goals[0], True, detail=detail
        )
        yield Figure(f"{name}: the worst draw", float(of_fit.max()), goals[1], True, detail=detail)
        gained = float(of_fit[gaining].mean())
        yield Figure(f"{name}: the mean with 200 pictures, true temperature 0.5 or 2", gained, detail=detail)


def _with_smoothing() -> Iterator[Figure]:
    fits = {"nearest to 1 in the interval": nearest_to_one, "nearest to what undoes smoothing": nearest_to_smoothing}
    found = np.stack([ratios(list(fits.values()), World(*world, SMOOTHING)) for world in SMOOTHED])
    surer = np.array([world[2] > 1 for world in SMOOTHED])  # than it was taught to be, and than it is right
    for place, name in enumerate(fits):
        of_fit = found[:, place]
        for some, kind in ((~surer, "as it was taught, or less sure"), (surer, "too sure all the same")):
            title = f"taught with smoothing {SMOOTHING}, {kind}: {name}"
            detail = f"{some.sum()} cells, {DRAWS} draws each; the mean of all {of_fit[some].mean():.3f}"
            worst = float(of_fit[some].mean(axis=1).max())
            yield Figure(f"{title}: the mean in the worst cell", worst, 1.005, True, detail=detail)
            yield Figure(f"{title}: the worst draw", float(of_fit[some].max()), 1.05, True, detail=detail)


if __name__ == "__main__":
    report(lambda: list(measure()))
