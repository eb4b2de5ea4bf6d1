"""Whether one classifier is better than another beyond chance, on the same pictures."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.stats import binomtest, bootstrap

from fieldguide.data.status import Split

RESAMPLES = 10_000
BOOTSTRAP_SEED = 0


@dataclass(frozen=True)
class PairedTest:
    """Test pictures that both saw, how many of them only the first or only the second has right, McNemar's p-value.

    `difference` is the accuracy of the first less that of the second, between -1 and 1, with its 95 % interval.
    """

    pictures: int
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
    """McNemar's exact test (1947) on the test pictures that both classifiers predicted.

    The interval is a paired bootstrap (Efron 1979): drawing pictures with replacement is drawing how many of them only
    one has right from a multinomial distribution. It may leave out 0 where the exact test still sees chance: so few
    pictures then decide that the test is the one to believe.

    Parameters
    ----------
    first, second
        Predictions with columns id, split, label, prediction.

    Returns
    -------
    The two-sided p-value is 1 where they never differ, or share no picture.
    """
    columns = ["id", "label", "prediction"]
    both = first.loc[first["split"] == Split.TEST, columns].merge(
        second.loc[second["split"] == Split.TEST, columns], on="id", suffixes=("_first", "_second")
    )
    first_right = both["prediction_first"] == both["label_first"]
    second_right = both["prediction_second"] == both["label_second"]
    only_first, only_second = int((first_right & ~second_right).sum()), int((second_right & ~first_right).sum())
    pictures = len(both)
    difference = (only_first - only_second) / max(pictures, 1)
    p_value = mcnemar(only_first, only_second)
    low, high = bootstrap_bounds(pictures, only_first, only_second, 0.95)
    return PairedTest(pictures, only_first, only_second, p_value, difference, low, high)


def mcnemar(only_first: int, only_second: int) -> float:
    """The two-sided p-value of McNemar's exact test; 1 where the two never differ."""
    differ = only_first + only_second
    return float(binomtest(only_first, differ, 0.5).pvalue) if differ else 1.0


def bootstrap_bounds(
    pictures: int, only_first: int, only_second: int, coverage: float, added: int = 0
) -> tuple[float, float]:
    """The interval, with this coverage, of the accuracy of the first less that of the second, by a paired bootstrap.

    Parameters
    ----------
    added
        Pictures that are thought to be there besides, so many that only the first has right and as many that only the
        second has: with 1 (Bonett and Price 2012) two that never differ are not taken for the same with certainty.
    """
    if not pictures:
        return -1.0, 1.0
    counts = np.array([only_first + added, only_second + added, pictures - only_first - only_second])
    drawn = np.random.default_rng(BOOTSTRAP_SEED).multinomial(pictures, counts / counts.sum(), size=RESAMPLES)
    tail = (1 - coverage) / 2
    low, high = np.quantile((drawn[:, 0] - drawn[:, 1]) / pictures, [tail, 1 - tail])
    return float(low), float(high)


def mean_bounds(differences: NDArray[np.float64], coverage: float) -> tuple[float, float]:
    """The interval, with this coverage, of the mean of paired differences (n,), n at least 1, by a bootstrap.

    As in `bootstrap_bounds` one picture is added each way, with the largest difference that was seen: so a few pictures
    prove nothing, however much alike.
    """
    largest = np.abs(differences).max()
    drawn = bootstrap(
        (np.concatenate([differences, [-largest, largest]]),),
        np.mean,
        n_resamples=RESAMPLES,
        batch=100,
        confidence_level=coverage,
        method="percentile",
        rng=np.random.default_rng(BOOTSTRAP_SEED),
    )
    return float(drawn.confidence_interval.low), float(drawn.confidence_interval.high)
