"""Intervals: of shares, and percentiles over bootstrap samples for any other figure; both count groups."""

from collections.abc import Callable

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.special import fdtri

from fieldguide.base.progress import progress
from fieldguide.statistics.groups import Groups, few_groups, group_sizes, sums_by_group, widened
from fieldguide.statistics.shares import Z_95, wilson

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

    Parameters
    ----------
    right
        (n,) which pictures count; 0 to 1 where there is none.
    """
    if len(right) == len(group_sizes(groups)):
        return wilson(int(right.sum()), len(right))
    share, worth = float(right.mean()), effective_number(right, groups)
    middle = (share + Z_95**2 / (2 * worth)) / (1 + Z_95**2 / worth)
    reach = Z_95 * np.sqrt(share * (1 - share) / worth + Z_95**2 / (4 * worth**2)) / (1 + Z_95**2 / worth)
    return float(min(max(middle - reach, 0), share)), float(max(min(middle + reach, 1), share))  # to the last digit


def effective_number(right: NDArray[np.bool_], groups: Groups) -> float:
    """How many independent pictures would tell as much of a share: the effective sample size.

    Pictures of one group are more alike than others, so n of them tell as much as n / (1 + (m - 1) r) independent ones
    (the design effect, Kish 1965), where m is the mean size of a picture's group and r the intraclass correlation. r is
    not known from few groups: the upper end of its one-sided 80 % interval is taken (from the F distribution, Searle
    1971), with which the interval holds in about 19 of 20 cases from 3 groups up (bench/group_intervals.py). Where no
    group is of two minds, and of a single group, it is 1: n pictures that are all right tell as much as their groups.

    Parameters
    ----------
    right
        (n,) which pictures count.
    """
    pictures, sizes = len(right), group_sizes(groups)
    if pictures == len(sizes):
        return float(pictures)
    return float(pictures / (1 + (_mean_size(sizes) - 1) * _correlation(right, groups)))


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
    ratio = between / within / float(fdtri(len(sizes) - 1, len(right) - len(sizes), 0.2))
    return float(np.clip((ratio - 1) / (ratio - 1 + usual), 0, 1))
