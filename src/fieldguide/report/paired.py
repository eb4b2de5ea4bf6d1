"""Whether one classifier is better than another beyond chance, on the same pictures."""

from dataclasses import dataclass

import pandas as pd
from scipy.stats import binomtest

from fieldguide.data.status import Split


@dataclass(frozen=True)
class PairedTest:
    """Test pictures that both saw, how many of them only the first or only the second has right, McNemar's p-value."""

    pictures: int
    only_first: int
    only_second: int
    p_value: float


def paired_test(first: pd.DataFrame, second: pd.DataFrame) -> PairedTest:
    """McNemar's exact test (1947) on the test pictures that both classifiers predicted.

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
    differ = only_first + only_second
    p_value = float(binomtest(only_first, differ, 0.5).pvalue) if differ else 1.0
    return PairedTest(len(both), only_first, only_second, p_value)
