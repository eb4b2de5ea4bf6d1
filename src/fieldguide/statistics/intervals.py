"""Intervals: Wilson's for shares, percentiles over bootstrap samples for any other figure; both count groups."""

from collections.abc import Callable

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.stats import beta, binomtest, norm
from scipy.stats import f as fisher

from fieldguide.base.progress import progress
from fieldguide.statistics.groups import Groups, few_groups, group_sizes, sums_by_group, widened

Positions = NDArray[np.intp]
Figures = dict[str, float]

BOOTSTRAP_SEED = 0


def bootstrap(figures: Callable[[Positions], Figures], groups: Groups, resamples: int) -> Figures:
    """Percentile intervals (95 %) of figures over samples of the groups with replacement (Efron 1979), seeded.

    Where there are fewer groups than pictures, an interval is widened as `few_groups` says, on each side from the
    median; it may then go beyond what the figure can be.

    Parameters
    ----------
    figures
        Gives the figures of some rows: positions between 0 and n - 1.
    groups
        (n,) the group of each row; there are two groups or more.

    Returns
    -------
    `<figure>_low` and `<figure>_high` of every figure.
    """
    chance = np.random.default_rng(BOOTSTRAP_SEED)
    rounds = progress(range(resamples), "intervals", unit="samples")
    in_order, sizes = np.argsort(groups, kind="stable"), group_sizes(groups)
    starts = sizes.cumsum() - sizes

    def sample() -> Positions:
        drawn = chance.integers(len(sizes), size=len(sizes))
        offsets = starts[drawn] - (sizes[drawn].cumsum() - sizes[drawn])
        return in_order[np.repeat(offsets, sizes[drawn]) + np.arange(sizes[drawn].sum())]

    samples = pd.DataFrame([figures(sample()) for _ in rounds])
    factor = few_groups(groups)
    intervals: Figures = {}
    for name in samples:
        low, high = widened(samples[name].to_numpy(), 0.025, factor)
        intervals |= {f"{name}_low": low, f"{name}_high": high}
    return intervals


def share_interval(right: NDArray[np.bool_], groups: Groups) -> tuple[float, float]:
    """The 95 % interval of a share: Wilson's, for as many pictures as the groups are worth.

    Pictures of one group are more alike than others, so n of them tell as much as n / (1 + (m - 1) r) independent ones
    (the design effect, Kish 1965), where m is the mean size of a picture's group and r the intraclass correlation. r is
    not known from few groups: the upper end of its one-sided 80 % interval is taken (from the F distribution, Searle
    1971), with which the interval holds in about 19 of 20 cases from 3 groups up (bench/group_intervals.py). Where no
    group is of two minds, and of a single group, it is 1: n pictures that are all right tell as much as their groups.

    Parameters
    ----------
    right
        (n,) which pictures count; 0 to 1 where there is none.
    """
    pictures, sizes = len(right), group_sizes(groups)
    if pictures == len(sizes):
        return wilson(int(right.sum()), pictures)
    share, worth = float(right.mean()), pictures / (1 + (_mean_size(sizes) - 1) * _correlation(right, groups))
    z = norm.ppf(0.975)
    middle = (share + z**2 / (2 * worth)) / (1 + z**2 / worth)
    reach = z * np.sqrt(share * (1 - share) / worth + z**2 / (4 * worth**2)) / (1 + z**2 / worth)
    return float(min(max(middle - reach, 0), share)), float(max(min(middle + reach, 1), share))  # to the last digit


def _mean_size(sizes: NDArray[np.intp]) -> float:
    """Of the group that a picture is in, over all pictures."""
    return float((sizes**2).sum() / sizes.sum())


def _correlation(right: NDArray[np.bool_], groups: Groups) -> float:
    """The largest intraclass correlation that the groups do not contradict, between 0 and 1; see `share_interval`."""
    sizes, hits = group_sizes(groups), sums_by_group(right, groups)
    if len(sizes) < 2:
        return 1.0
    between = float((hits - sizes * right.mean()) ** 2 @ (1 / sizes)) / (len(sizes) - 1)
    within = float(hits @ (1 - hits / sizes)) / (len(right) - len(sizes))
    if not within:
        return 1.0
    usual = (len(right) - _mean_size(sizes)) / (len(sizes) - 1)
    ratio = between / within / float(fisher.ppf(0.2, len(sizes) - 1, len(right) - len(sizes)))
    return float(np.clip((ratio - 1) / (ratio - 1 + usual), 0, 1))


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
