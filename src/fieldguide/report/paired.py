"""Whether one classifier is better than another beyond chance, on the same pictures."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.stats import binomtest

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
        """Whether the two are told apart at the 5 % level."""
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
    pictures, differ = len(both), only_first + only_second
    p_value = float(binomtest(only_first, differ, 0.5).pvalue) if differ else 1.0
    difference = (only_first - only_second) / max(pictures, 1)
    low, high = _bootstrap(pictures, only_first, only_second)
    return PairedTest(pictures, only_first, only_second, p_value, difference, low, high)


def _bootstrap(pictures: int, only_first: int, only_second: int) -> tuple[float, float]:
    if not pictures:
        return -1.0, 1.0
    shares = np.array([only_first, only_second, pictures - only_first - only_second]) / pictures
    drawn = np.random.default_rng(BOOTSTRAP_SEED).multinomial(pictures, shares, size=RESAMPLES)
    low, high = np.quantile((drawn[:, 0] - drawn[:, 1]) / pictures, [0.025, 0.975])
    return float(low), float(high)
