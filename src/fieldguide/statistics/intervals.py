"""Intervals: Wilson's for shares, percentiles over bootstrap samples for any other figure."""

from collections.abc import Callable

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.stats import beta, binomtest

from fieldguide.base.progress import progress

Positions = NDArray[np.intp]
Figures = dict[str, float]

BOOTSTRAP_SEED = 0


def bootstrap(figures: Callable[[Positions], Figures], pictures: int, resamples: int) -> Figures:
    """Percentile intervals (95 %) of figures over samples of the pictures with replacement (Efron 1979), seeded.

    Parameters
    ----------
    figures
        Gives the figures of some rows: positions (pictures,) between 0 and `pictures` - 1.

    Returns
    -------
    `<figure>_low` and `<figure>_high` of every figure.
    """
    chance = np.random.default_rng(BOOTSTRAP_SEED)
    rounds = progress(range(resamples), "intervals", unit="samples")
    samples = pd.DataFrame([figures(chance.integers(pictures, size=pictures)) for _ in rounds])
    intervals: Figures = {}
    for name in samples:
        low, high = np.quantile(samples[name], [0.025, 0.975])
        intervals |= {f"{name}_low": float(low), f"{name}_high": float(high)}
    return intervals


def wilson(right: int, pictures: int) -> tuple[float, float]:
    """The 95 % interval of a share (Wilson 1927); 0 to 1 where there is nothing to count."""
    if not pictures:
        return 0.0, 1.0
    interval = binomtest(right, pictures).proportion_ci(0.95, method="wilson")
    return float(interval.low), float(interval.high)


def calibrated_share(share: float, pictures: int) -> tuple[float, float]:
    """The 95 % interval of the true share of false alarms where so many pictures calibrate a promised one.

    Each set of pictures sets another threshold: over all sets the true share has the beta distribution of the order
    statistic that counting would take (Vovk 2012). Screening uses every picture twice, for the parts of its score and
    for their combination, and tells the outliers by the same pictures: its rates spread like those of half as many
    (bench/alarm_rate.py). 0 to 1 where there are no pictures.
    """
    if not pictures:
        return 0.0, 1.0
    low, high = beta.ppf([0.025, 0.975], share * (pictures / 2 + 1), (1 - share) * (pictures / 2 + 1))
    return float(low), float(high)
