"""The verdict of a comparison on the same pictures: better, not worse, worse, or not enough evidence."""

import math
from dataclasses import dataclass
from enum import StrEnum

from scipy.stats import norm

from fieldguide.statistics.paired import bootstrap_bounds, mcnemar

POWER = 0.8  # statistical power with the number of pictures that is asked for


class Verdict(StrEnum):
    """The verdict on a challenger."""

    BETTER = "better"
    NOT_WORSE = "not worse"
    WORSE = "worse"
    NOT_ENOUGH = "not enough evidence"


@dataclass(frozen=True)
class Comparison:
    """How a challenger did against another on the same pictures.

    `difference` is its accuracy less the other's; `low` and `high` are one-sided bounds of that, each with the wanted
    confidence; `p_value` is McNemar's, two-sided.
    """

    pictures: int
    only_challenger: int
    only_other: int
    difference: float
    low: float
    high: float
    p_value: float
    confidence: float


def compare(pictures: int, only_challenger: int, only_other: int, confidence: float) -> Comparison:
    """Compare two models by their counts on the same pictures.

    The bounds are those of a paired bootstrap (Efron 1979), to which one picture is added each way (Bonett and Price
    2012): without that, two models that never differ on a few pictures would count as the same with certainty.

    Parameters
    ----------
    only_challenger, only_other
        Pictures that only the one or only the other has right.
    confidence
        Of each bound, between 0.5 and 1.
    """
    low, high = bootstrap_bounds(pictures, only_challenger, only_other, 2 * confidence - 1, added=1)
    return Comparison(
        pictures=pictures,
        only_challenger=only_challenger,
        only_other=only_other,
        difference=(only_challenger - only_other) / max(pictures, 1),
        low=low,
        high=high,
        p_value=mcnemar(only_challenger, only_other),
        confidence=confidence,
    )


def verdict_of(comparison: Comparison, margin: float) -> Verdict:
    """What a comparison shows; `margin` is the loss of accuracy that still counts as not worse.

    "Better" asks the bound and McNemar's exact test alike, so it is said of two equally good models in at most
    (1 - confidence) / 2 of all comparisons. A loss that is beyond chance but within the margin is "not worse".
    """
    if comparison.low > 0 and comparison.p_value < 1 - comparison.confidence:
        return Verdict.BETTER
    if comparison.low >= -margin:
        return Verdict.NOT_WORSE
    return Verdict.WORSE if comparison.high < 0 else Verdict.NOT_ENOUGH


def pictures_needed(comparison: Comparison, margin: float) -> int:
    """How many pictures would show that the challenger is no worse than `margin`, if both are equally good.

    With a chance of 80 %, if they differ on as large a share of the pictures as here (the normal approximation for
    paired shares, as in Connor 1987).
    """
    differing = (comparison.only_challenger + comparison.only_other + 2) / (comparison.pictures + 2)
    deviations = norm.ppf(comparison.confidence) + norm.ppf(POWER)
    return max(math.ceil(differing * (deviations / margin) ** 2), comparison.pictures + 1)
