"""P-values from a sample of ordinary scores, also for scores beyond the largest of the sample."""

from dataclasses import dataclass
from math import erfc
from statistics import NormalDist
from typing import Any

import numpy as np
from numpy.typing import NDArray

Values = NDArray[np.float64]

MAX_VALUES = 2000  # of a larger sample evenly many are kept of every size
MAX_OUTLIERS = 0.1  # share of a sample: more of them belong to it
SMALLEST_LOGARITHM = -30.0


@dataclass(frozen=True)
class Tail:
    """Ordinary scores, sorted, and how their tail is described."""

    values: Values  # (n,), n at least 1
    share: float  # of the values, the largest ones, that a fitted curve describes
    least_scale: float  # of the curve, in units of the scores: a difference that counts as none

    def p_values(self, scores: NDArray[Any]) -> Values:
        """How probable a score at least as large is among ordinary ones: (n,) in (0, 1], falling as scores rise.

        Below the tail it is the conformal p-value (1 + how many are as large) / (1 + n) (Vovk et al. 2005). In the tail
        it is an exponential curve: the generalized Pareto distribution with shape 0, to which the tails of the usual
        distributions tend (Pickands 1975). So it does not end at 1 / (1 + n) as counting does.
        """
        count, start, scale = len(self.values), *self._curve()
        inside = (1 + count - np.searchsorted(self.values, scores, side="left")) / (count + 1)
        beyond = np.maximum(-np.maximum(scores - start, 0) / scale, SMALLEST_LOGARITHM)
        return np.where(scores > start, self.share * np.exp(beyond), np.maximum(inside, self.share))

    def _curve(self) -> tuple[float, float]:
        """Where the tail starts, and its scale: the mean excess over the start, the maximum likelihood estimate."""
        largest = max(1, round(len(self.values) * self.share))
        start = float(self.values[-largest - 1] if largest < len(self.values) else self.values[0])
        return start, max(float((self.values[-largest:] - start).mean()), self.least_scale)


def fit_tail(scores: NDArray[Any], share: float, least_scale: float) -> Tail:
    """Fit to a sample (n,) of which a few per cent may be outliers, with n at least 1; they are left out."""
    return tail_of(scores[are_ordinary(scores, share, least_scale)], share, least_scale)


def are_ordinary(scores: NDArray[Any], share: float, least_scale: float, unlikely: float = 0.0) -> NDArray[np.bool_]:
    """Which (n,) of a sample (n,) are not outliers, with n at least 1.

    A score so large that of n ordinary ones less than one is expected to reach it counts as an outlier: it is left
    out and the rest fitted again, until there is none (or a tenth is gone: more are not outliers). That costs an
    ordinary sample about its largest score: of 60 it makes 5 % false alarms 6 to 8, of 200 it does not matter. In a
    large sample many strangers are less unlikely than that: a p-value below `unlikely` makes an outlier there too.
    """
    sample = np.sort(scores.astype(np.float64))
    count = len(sample)
    while True:
        tail = Tail(sample[:count], share, least_scale)
        ordinary = int((tail.p_values(sample[:count]) >= max(1 / count, unlikely)).sum())
        if ordinary == count or ordinary < (1 - MAX_OUTLIERS) * len(sample):
            break
        count = ordinary
    return scores <= sample[count - 1]


def winsorized(scores: NDArray[Any], ordinary: NDArray[np.bool_], unlikely: float) -> NDArray[Any]:
    """A sample without its outliers, with as many ordinary scores put back as are expected among them: (at most n,).

    Leaving out all beyond a limit also leaves out the largest ordinary scores, and what remains looks narrower than it
    is. So as many as are expected beyond the limit are put back, at least one if any was left out, each with the
    largest score that stayed (winsorizing, Dixon 1960): their own values may be those of out-of-domain pictures.

    Parameters
    ----------
    scores
        (n,) the sample.
    ordinary, unlikely
        (n,) what `are_ordinary` says of them, and the p-value below which it calls a score an outlier.
    """
    kept = scores[ordinary]
    expected = min(len(scores) - len(kept), max(1, round(unlikely * len(scores))))
    return np.concatenate([kept, np.full(expected, kept.max())])


def tail_of(scores: NDArray[Any], share: float, least_scale: float) -> Tail:
    """The tail of a sample (n,) of ordinary scores, with n at least 1."""
    values = np.sort(scores.astype(np.float64))
    kept = np.linspace(0, len(values) - 1, min(len(values), MAX_VALUES)).round().astype(int)
    return Tail(values[kept], share, least_scale)


def with_normal_tail(p_values: Values, share: float) -> Values:
    """What p-values (n,) of a `Tail` with a share below 1 are if it is a normal distribution's.

    Both curves start at the same score and have the same mean excess over it; the normal one falls faster, the further
    out the more. Such are the tails of scores that sum over many features: a generalized Pareto distribution fitted to
    them had a shape of -0.1 to -0.35 on drawn pictures and on photos.
    """
    start = -NormalDist().inv_cdf(share)  # of a standard normal distribution
    mean_excess = np.exp(-(start**2) / 2) / np.sqrt(2 * np.pi) / share - start
    excess = np.log(share / np.minimum(p_values, share))  # in units of its mean
    return np.where(p_values < share, _normal_p_values(start + mean_excess * excess), p_values)


def _normal_p_values(scores: Values) -> Values:
    """How probable a score (n,) at least as large is in a standard normal distribution."""
    return np.array([erfc(score / np.sqrt(2)) / 2 for score in scores], dtype=np.float64)
