"""Groups of pictures that are one witness: the frames of a site, of a day, of a burst, or look-alikes.

A classifier that is right about one frame of a burst is mostly right about the others. So intervals and tests count
groups, not pictures: 300 frames of 5 cameras are five witnesses. Where every picture is a group of its own, they are
those of pictures.
"""

import numpy as np
from numpy.typing import NDArray
from scipy.special import stdtrit

Groups = NDArray[np.intp]  # (n,) a number for each picture, the same for those of one group


def alone(pictures: int) -> Groups:
    """Every picture a group of its own."""
    return np.arange(pictures)


def group_sizes(groups: Groups) -> NDArray[np.intp]:
    """(groups,) how many pictures each has, in the order of their numbers."""
    return np.unique(groups, return_counts=True)[1]


def sums_by_group(values: NDArray[np.float64] | NDArray[np.bool_], groups: Groups) -> NDArray[np.float64]:
    """(groups,) the sum of some values (n,) over each group, in the order of their numbers."""
    sums: NDArray[np.float64] = np.bincount(np.unique(groups, return_inverse=True)[1], weights=values).astype(float)
    return sums


def few_groups(groups: Groups, coverage: float = 0.95) -> float:
    """How much wider an interval has to be since there are fewer groups than pictures: 1 where there are as many.

    The ratio of Student's quantiles with as many degrees of freedom as groups, less one, and as pictures, less one
    (Korn and Graubard 1998), each with the bias of the variance of so few (Hesterberg 2015). There are two groups or
    more.
    """
    quantiles = [
        stdtrit(count - 1, (1 + coverage) / 2) * np.sqrt(count / (count - 1))
        for count in (len(group_sizes(groups)), len(groups))
    ]
    return float(quantiles[0] / quantiles[1])


def widened(samples: NDArray[np.float64], tail: float, factor: float) -> tuple[float, float]:
    """The percentile interval of bootstrap samples that leaves out `tail` on each side, drawn out from the median."""
    low, median, high = np.quantile(samples, [tail, 0.5, 1 - tail])
    return float(low - (factor - 1) * (median - low)), float(high + (factor - 1) * (high - median))
