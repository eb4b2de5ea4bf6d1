"""The two-sample test of Kolmogorov and Smirnov, by NumPy alone: screening new pictures does without SciPy."""

from math import exp, gcd, sqrt

import numpy as np
from numpy.typing import NDArray

LARGEST_EXACT = 10_000  # of a sample: above that the limit distribution is as good
TERMS = 100  # of its series


def kolmogorov_smirnov(one: NDArray[np.float64], other: NDArray[np.float64]) -> tuple[float, float]:
    """The largest difference of two samples' distributions, and how probable one as large is if they have the same.

    Parameters
    ----------
    one, other
        (n,) and (m,), n and m at least 1.

    Returns
    -------
    From 0 to 1 each; the p-value is two-sided, and exact for samples of up to 10,000.
    """
    one, other = sorted((np.sort(one), np.sort(other)), key=len)
    both = np.concatenate([one, other])
    below = [np.searchsorted(sample, both, side="right") for sample in (one, other)]
    divisor = gcd(len(one), len(other))
    steps = len(one) // divisor, len(other) // divisor  # differences are whole multiples of 1 / least common multiple
    largest = int(np.abs(below[0] * steps[1] - below[1] * steps[0]).max())
    statistic = largest / (len(one) * steps[1])
    if max(len(one), len(other)) > LARGEST_EXACT:
        return statistic, _limit(statistic, len(one), len(other))
    return statistic, _exact(largest, len(one), len(other), steps)


def _exact(largest: int, n: int, m: int, steps: tuple[int, int]) -> float:
    """The share of the paths from (0, 0) to (n, m), each step one to the right or up, that go so far from the diagonal.

    Of the paths to a place, the share that has been so far already follows from the two places before it, of which
    these paths come in proportion to their coordinates. All places that are as many steps away are computed together.
    """
    if not largest:
        return 1.0
    share = np.zeros(n + 1)  # by the first coordinate
    for away in range(1, n + m + 1):
        first, last = max(0, away - m), min(away, n)
        x = np.arange(first, last + 1)
        y = away - x
        from_left = np.concatenate([[0.0], share[:last]]) if first == 0 else share[first - 1 : last]
        share[first : last + 1] = (x * from_left + y * share[first : last + 1]) / away
        share[first : last + 1][np.abs(x * steps[1] - y * steps[0]) >= largest] = 1
    return float(min(share[n], 1))


def _limit(statistic: float, n: int, m: int) -> float:
    """Kolmogorov's limit distribution, with the correction for finite samples (Stephens 1970)."""
    root = sqrt(n * m / (n + m))
    x = (root + 0.12 + 0.11 / root) * statistic
    if x < 0.2:  # there the series converges slowly, to 1
        return 1.0
    series = sum((-1) ** (term - 1) * exp(-2 * (term * x) ** 2) for term in range(1, TERMS + 1))
    return min(max(2 * series, 0.0), 1.0)
