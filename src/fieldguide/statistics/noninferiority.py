"""The verdict of a comparison on the same pictures: better, not worse, worse, or not enough evidence."""

import math
from dataclasses import dataclass
from enum import StrEnum

from scipy.special import ndtri

from fieldguide.statistics.groups import Groups, group_sizes, sums_by_group
from fieldguide.statistics.paired import Differences, accuracy_bounds, sign_flip_test

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
    confidence; `p_value` is two-sided, that of the sign-flip test over groups (McNemar's, where each picture is one).
    `design_effect` is how many times as many pictures of such groups it takes as of independent ones (Kish 1965).
    """

    pictures: int
    groups: int
    only_challenger: int
    only_other: int
    difference: float
    low: float
    high: float
    p_value: float
    confidence: float
    design_effect: float = 1.0


def compare(differences: Differences, groups: Groups, confidence: float) -> Comparison:
    """Compare two models by their answers to the same pictures.

    The bounds are those of a paired bootstrap over groups (Efron 1979), to which one group is added each way (Bonett
    and Price 2012): without that, two models that never differ on a few pictures would count as the same with
    certainty.

    Parameters
    ----------
    differences
        (n,) of the challenger and the other, as `paired_differences` gives them.
    confidence
        Of each bound, between 0.5 and 1.
    """
    low, high = accuracy_bounds(differences, groups, 2 * confidence - 1, added=1)
    return Comparison(
        pictures=len(differences),
        groups=len(group_sizes(groups)),
        only_challenger=int((differences > 0).sum()),
        only_other=int((differences < 0).sum()),
        difference=float(differences.sum()) / max(len(differences), 1),
        low=low,
        high=high,
        p_value=sign_flip_test(differences, groups),
        confidence=confidence,
        design_effect=_design_effect(differences, groups),
    )


def _design_effect(differences: Differences, groups: Groups) -> float:
    """The variance of the mean by groups, as a multiple of that by pictures; at least 1, 1 where nothing varies."""
    sizes, pictures = group_sizes(groups), len(differences)
    if len(sizes) < 2 or len(sizes) == pictures or not differences.std():
        return 1.0
    centred = differences - differences.mean()
    by_group = (sums_by_group(centred, groups) ** 2).sum() * len(sizes) / (len(sizes) - 1)
    return max(1.0, float(by_group / ((centred**2).sum() * pictures / (pictures - 1))))


def verdict_of(comparison: Comparison, margin: float) -> Verdict:
    """What a comparison shows; `margin` is the loss of accuracy that still counts as not worse.

    "Better" asks the bound and the exact test alike, so it is said of two equally good models in at most
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
    paired shares, as in Connor 1987), in groups like these.
    """
    differing = (comparison.only_challenger + comparison.only_other + 2) / (comparison.pictures + 2)
    deviations = ndtri(comparison.confidence) + ndtri(POWER)
    needed = comparison.design_effect * differing * (deviations / margin) ** 2
    return max(math.ceil(needed), comparison.pictures + 1)
