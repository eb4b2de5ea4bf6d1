"""The verdict on a batch of pictures: like the known ones, from another source but in domain, or shifted.

With enough pictures a two-sample test separates any two sources, even if the classifier is as good on both. So a
batch has shifted only if, besides, its pictures raise more alarms or the classifier is less confident about them.
"""

from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from fieldguide.statistics.shares import Z_95, wilson
from fieldguide.statistics.two_sample import Shift

# The promised alarm rate is an estimate: by a hundred pictures 5 % may be anything from 2 to 9 %.
MAX_ALARMS = 2.0  # times the promised rate
MAX_LOSS = 0.05  # of accuracy, expected


class Kind(StrEnum):
    """The three verdicts on a batch."""

    KNOWN = "like what is known"
    OTHER_SOURCE = "another source, but in domain"
    SHIFTED = "shifted"


@dataclass(frozen=True)
class Loss:
    """How much less accurate predictions are than on known pictures, as a share of them, with its 95 % interval."""

    expected: float
    low: float
    high: float


def expected_loss(known: NDArray[np.float64], batch: NDArray[np.float64]) -> Loss:
    """The fall of the mean confidence (the difference of confidences of Guillory et al. 2021).

    It needs no label of the batch. It is no better than the confidence itself: where a classifier is wrong with
    confidence, as about sketches, the loss is larger than expected.

    Parameters
    ----------
    known, batch
        (n, labels) and (m, labels), calibrated probabilities of pictures that the classifier was not trained on.
    """
    confidence = [probabilities.max(axis=1) for probabilities in (known, batch)]
    fall = float(confidence[0].mean() - confidence[1].mean())
    error = float(np.sqrt(sum(each.var() / len(each) for each in confidence)))
    return Loss(fall, fall - Z_95 * error, fall + Z_95 * error)


def kind_of(shift: Shift, alarms: int, pictures: int, alarm_rate: float, loss: Loss) -> Kind:
    """The verdict on a batch.

    Parameters
    ----------
    alarms, pictures, alarm_rate
        Pictures of the batch that are out of domain, of all, and the promised share of false alarms.
    """
    if not shift.differs:
        return Kind.KNOWN
    many_alarms = wilson(alarms, pictures)[0] > MAX_ALARMS * alarm_rate
    return Kind.SHIFTED if many_alarms or loss.low > MAX_LOSS else Kind.OTHER_SOURCE
