"""Whether one classifier is better than another beyond chance, on the same pictures."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.stats import binom

from fieldguide.data.groups import group_numbers
from fieldguide.data.status import Split
from fieldguide.statistics.groups import Groups, few_groups, group_sizes, sums_by_group, widened

RESAMPLES = 10_000
AT_ONCE = 100  # of them, to save memory
BOOTSTRAP_SEED = 0

Differences = NDArray[np.float64]  # (n,) of paired pictures


@dataclass(frozen=True)
class PairedTest:
    """Test pictures that both saw, how many of them only the first or only the second has right, and the p-value.

    `difference` is the accuracy of the first less that of the second, between -1 and 1, with its 95 % interval;
    `groups` is how many witnesses the pictures are (see `fieldguide.statistics.groups`).
    """

    pictures: int
    groups: int
    only_first: int
    only_second: int
    p_value: float
    difference: float
    difference_low: float
    difference_high: float

    @property
    def beyond_chance(self) -> bool:
        """Whether the difference is significant at the 5 % level."""
        return self.p_value < 0.05


def paired_test(first: pd.DataFrame, second: pd.DataFrame) -> PairedTest:
    """The sign-flip test over groups of the test pictures that both classifiers predicted; see `sign_flip_test`.

    The interval is a paired bootstrap. It may leave out 0 where the exact test still sees chance: so few pictures then
    decide that the test is the one to believe.

    Parameters
    ----------
    first, second
        Predictions with columns id, split, label, prediction; and what the groups follow from (see `group_numbers`),
        which is read from `first`.

    Returns
    -------
    The two-sided p-value is 1 where they never differ, or share no picture.
    """
    is_test = first["split"] == Split.TEST
    both = first[is_test].merge(
        second.loc[second["split"] == Split.TEST, ["id", "label", "prediction"]], on="id", suffixes=("", "_second")
    )
    right, right_second = both["prediction"] == both["label"], both["prediction_second"] == both["label_second"]
    differences = paired_differences(right, right_second)
    groups = group_numbers(both)
    low, high = accuracy_bounds(differences, groups, 0.95)
    return PairedTest(
        pictures=len(both),
        groups=len(group_sizes(groups)),
        only_first=int((differences > 0).sum()),
        only_second=int((differences < 0).sum()),
        p_value=sign_flip_test(differences, groups),
        difference=float(differences.sum()) / max(len(both), 1),
        difference_low=low,
        difference_high=high,
    )


def paired_differences(first: "pd.Series[bool]", second: "pd.Series[bool]") -> Differences:
    """1 where only the first is right, -1 where only the second is, else 0."""
    differences: Differences = first.to_numpy(float) - second.to_numpy(float)
    return differences


def sign_flip_test(differences: Differences, groups: Groups) -> float:
    """The two-sided p-value of the exact sign-flip test over groups (Fisher 1935); 1 where the two never differ.

    If neither is better, the total difference of each group might as well have the other sign: the p-value is the share
    of all choices of signs whose sum is as far from 0. It is exact for any number of groups, and for pictures that are
    groups of their own it is McNemar's exact test (1947). Fewer than 6 groups never give a p-value below 5 %.

    Parameters
    ----------
    differences
        (n,), as `paired_differences` gives them.
    """
    totals = np.rint(sums_by_group(differences, groups)).astype(int)
    if not totals.sum():
        return 1.0
    chances = np.ones(1)  # of the sum of those with the sign +, from 0
    for size, count in zip(*np.unique(np.abs(totals[totals != 0]), return_counts=True), strict=True):
        steps = np.zeros(size * count + 1)
        steps[::size] = binom.pmf(np.arange(count + 1), count, 0.5)
        chances = np.convolve(chances, steps)
    smaller = (np.abs(totals).sum() - abs(totals.sum())) // 2  # the sum of the signs that are in the minority
    return min(1.0, 2 * float(chances[: smaller + 1].sum()))


def accuracy_bounds(
    differences: Differences, groups: Groups, coverage: float, added: float | None = None
) -> tuple[float, float]:
    """`mean_bounds` of differences that are -1, 0 or 1: so is the interval within -1 and 1."""
    low, high = mean_bounds(differences, groups, coverage, added)
    return max(low, -1.0), min(high, 1.0)


def mean_bounds(
    differences: Differences, groups: Groups, coverage: float, added: float | None = None
) -> tuple[float, float]:
    """The interval, with this coverage, of the mean of paired differences, by a bootstrap over groups (Efron 1979).

    Groups are drawn with replacement; where there are fewer of them than pictures, the interval is widened as
    `few_groups` says, on each side from the median.

    Parameters
    ----------
    differences
        (n,) one for each picture.
    added
        A number: one group of mean size is thought to be there besides each way, in which one picture has the largest
        difference that was seen, at least this number (as Bonett and Price 2012): so a few groups prove nothing,
        however much alike. None: no group is.

    Returns
    -------
    Minus infinity to infinity for fewer than two groups, of which nothing is known.
    """
    sizes, totals = group_sizes(groups).astype(float), sums_by_group(differences, groups)
    if len(sizes) < 2:
        return -np.inf, np.inf
    kinds = np.stack([totals, sizes], axis=1)
    if added is not None:
        largest, mean_size = max(np.abs(differences).max(), added), sizes.mean()
        kinds = np.concatenate([kinds, [[largest, mean_size], [-largest, mean_size]]])
    kinds, counts = np.unique(kinds, axis=0, return_counts=True)  # groups alike are drawn together
    order = np.lexsort((-kinds[:, 0], -np.abs(kinds[:, 0])))
    kinds, chances = kinds[order], counts[order] / counts.sum()
    generator = np.random.default_rng(BOOTSTRAP_SEED)
    drawn = [
        generator.multinomial(len(sizes), chances, size=AT_ONCE) @ kinds for _ in range(RESAMPLES // AT_ONCE)
    ]  # (AT_ONCE, 2): totals and sizes
    means = np.divide(*np.concatenate(drawn).T)
    tail = (1 - coverage) / 2
    return widened(means, tail, few_groups(groups, coverage))
