"""Intervals of shares that screening tells of new pictures, by NumPy and the standard library alone."""

from math import exp, lgamma, log, log1p, sqrt
from statistics import NormalDist

Z_95 = NormalDist().inv_cdf(0.975)
TERMS = 1000  # of a continued fraction at most; it needs about the root of its larger parameter
SMALLEST = 1e-300


def wilson(right: int, pictures: int) -> tuple[float, float]:
    """The 95 % interval of a share (Wilson 1927); 0 to 1 where there is nothing to count."""
    if not pictures:
        return 0.0, 1.0
    share, square = right / pictures, Z_95**2
    middle = share + square / (2 * pictures)
    reach = Z_95 * sqrt(share * (1 - share) / pictures + square / (4 * pictures**2))
    whole = 1 + square / pictures
    low = 0.0 if right == 0 else (middle - reach) / whole
    return low, 1.0 if right == pictures else (middle + reach) / whole


def calibrated_share(share: float, pictures: float) -> tuple[float, float]:
    """The 95 % interval of the true share of false alarms where so many pictures calibrate a promised one.

    Each set of pictures sets another threshold: over all sets the true share has the beta distribution of the order
    statistic that counting would take (Vovk 2012). Screening uses every picture twice, for the parts of its score and
    for their combination, and tells the outliers by the same pictures: its rates spread like those of half as many
    (bench/alarm_rate.py). 0 to 1 where there are no pictures.

    `pictures` is how many independent ones they are worth, see `fieldguide.statistics.intervals.effective_number`.
    """
    if not pictures:
        return 0.0, 1.0
    below, above = share * (pictures / 2 + 1), (1 - share) * (pictures / 2 + 1)
    low, high = (_quantile(wanted, below, above) for wanted in (0.025, 0.975))
    return low, high


def beta_share(x: float, a: float, b: float) -> float:
    """The share of the beta distribution with the parameters a and b, both above 0, that is below x.

    By its continued fraction (Abramowitz and Stegun 1964, 26.5.8), computed forwards (Lentz 1976).
    """
    if x <= 0 or x >= 1:
        return float(x >= 1)
    if x > (a + 1) / (a + b + 2):  # there it converges slowly
        return 1 - beta_share(1 - x, b, a)
    fraction, above, below = 1.0, 1.0, 0.0
    for term in range(TERMS):
        half = term // 2
        if term == 0:
            coefficient = 1.0
        elif term % 2:
            coefficient = -(a + half) * (a + b + half) * x / ((a + 2 * half) * (a + 2 * half + 1))
        else:
            coefficient = half * (b - half) * x / ((a + 2 * half - 1) * (a + 2 * half))
        below = 1 / (1 + coefficient * below or SMALLEST)
        above = 1 + coefficient / above or SMALLEST
        fraction *= above * below
        if abs(1 - above * below) < 1e-15:
            break
    front = exp(lgamma(a + b) - lgamma(a) - lgamma(b) + a * log(x) + b * log1p(-x)) / a
    return front * (fraction - 1)


def _quantile(share: float, a: float, b: float) -> float:
    """What a share of the beta distribution is below, to the last digits."""
    low, high = 0.0, 1.0
    while low < (middle := (low + high) / 2) < high:
        low, high = (low, middle) if beta_share(middle, a, b) > share else (middle, high)
    return middle
