"""Whether there is a reason to retrain, and whether the delivery is fit for training."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from scipy.stats import chisquare

from fieldguide.base.config import RetrainConfig
from fieldguide.base.shares import percent

ALPHA_DRIFT = 0.01  # of a false alarm: there are many nights
ALPHA_DOUBT = 0.02  # of holding a delivery back whose labels are as good as usual: a person then looks at it


@dataclass(frozen=True)
class Disputed:
    """A new picture (its path below data/incoming), the label that it came with, and the one that is suggested."""

    file: str
    label: str
    suggested: str


@dataclass(frozen=True)
class Doubts:
    """New pictures whose label is disputed, of all, beside the known pictures, which are predicted in the same way.

    `usual` is the share of disputed labels among known pictures of the same labels, `excess` how much more of the new
    labels than of theirs are expected to be wrong, and `p_value` that the new labels are as good. `which` begins with
    the most confident.
    """

    disputed: int
    pictures: int
    usual: float
    excess: float
    p_value: float
    which: Sequence[Disputed] = ()


@dataclass(frozen=True)
class Facts:
    """What a job knows when it decides. `shift` is None where it was not measured."""

    new: Mapping[str, int] = field(default_factory=dict)  # labelled new pictures that no job has tried yet, by label
    had: Mapping[str, int] = field(default_factory=dict)  # pictures of the data set, by label
    sites: Mapping[str, int] = field(default_factory=dict)  # new pictures by site, where a layout names it
    had_sites: Mapping[str, int] = field(default_factory=dict)  # pictures of the data set, by site
    reviews: int = 0  # lines of data/reviews.csv that are new or changed
    shift: str | None = None  # what has shifted, in words; "" for nothing
    doubts: Doubts | None = None
    unchecked: Sequence[str] = ()  # whose labels were not checked, and why
    first: bool = False  # there is no champion
    forced: bool = False


@dataclass(frozen=True)
class Choice:
    """`train`: whether to; `hold`: the delivery goes to data/held instead. `reasons` are for people."""

    train: bool
    hold: bool
    reasons: list[str]


def decide(facts: Facts, rules: RetrainConfig) -> Choice:
    """Decide about what is new. A delivery whose labels are in doubt is held back even where training is forced."""
    if facts.doubts and (doubt := _in_doubt(facts.doubts, rules)):
        return Choice(False, True, [doubt])
    count = sum(facts.new.values())
    reasons = ["forced"] if facts.forced else []
    if facts.first:
        reasons.append("there is no champion yet")
    if count >= rules.min_new:
        reasons.append(f"{count} new pictures; the least for training is {rules.min_new}")
    if facts.reviews >= rules.min_reviews:
        reasons.append(f"{facts.reviews} new reviews; the least for training is {rules.min_reviews}")
    if count >= rules.min_shifted:
        if facts.shift:
            reasons.append(f"{count} new pictures have shifted: {facts.shift}")
        if drift := _drift(facts, rules):
            reasons.append(drift)
    if reasons:
        return Choice(True, False, reasons)
    return Choice(
        False,
        False,
        [
            f"{count} new pictures of {rules.min_new}, {facts.reviews} new reviews of "
            f"{rules.min_reviews}" + (", no shift" if facts.shift == "" else "")
        ],
    )


def _drift(facts: Facts, rules: RetrainConfig) -> str:
    """How the mix of labels has changed, "" for not beyond chance (chi-square test) or by less than `class_drift`."""
    labels = sorted(label for label, count in facts.had.items() if count)
    new = np.array([facts.new.get(label, 0) for label in labels], dtype=np.float64)
    had = np.array([facts.had[label] for label in labels], dtype=np.float64)
    if len(labels) < 2 or not new.sum():
        return ""
    share, old = new / new.sum(), had / had.sum()
    distance = float(np.abs(share - old).sum() / 2)  # total variation
    if distance < rules.class_drift or chisquare(new, old * new.sum()).pvalue >= ALPHA_DRIFT:
        return ""
    most = int(np.argmax(np.abs(share - old)))
    return f"the mix of labels has changed: {percent(share[most], 0)} {labels[most]}, was {percent(old[most], 0)}"


def _in_doubt(doubts: Doubts, rules: RetrainConfig) -> str:
    """Why the labels of a delivery are in doubt; "" if they are not, or no more than chance explains."""
    if doubts.excess <= rules.max_label_doubt or doubts.p_value >= ALPHA_DOUBT:
        return ""
    return (
        f"labels in doubt: {doubts.disputed} of {doubts.pictures} are disputed "
        f"({percent(doubts.disputed / doubts.pictures, 0)}), usually {percent(doubts.usual, 0)}; "
        f"about {percent(doubts.excess, 0)} more than usual are wrong, or the pictures are "
        "of a kind that is new to the models"
    )
