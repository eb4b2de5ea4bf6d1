"""Fitting and calibrating the out-of-domain detector."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fieldguide.base.progress import progress
from fieldguide.screening.calibration import Calibration
from fieldguide.screening.detectors import Detector, Known, State
from fieldguide.screening.measurements import NAMES, SIDES
from fieldguide.screening.observations import Observations
from fieldguide.screening.orientation import Orientation, Turned, fit_orientation, learn_turned
from fieldguide.screening.p_values import Tail, are_ordinary, fit_tail, tail_of, with_normal_tail
from fieldguide.screening.screen import (
    Numbers,
    Screen,
    Verdicts,
    combine,
    judge_scores,
    learned_scores,
    part_p_values,
    side_name,
)
from fieldguide.statistics.groups import Groups, alone
from fieldguide.statistics.intervals import effective_number

FOLDS = 5
# Shares of the tails. Of a hundred valid pictures a quarter or half describe a tail better than a few: these kept the
# promise best in trials on the drawn sample, with up to 5 % outliers among 50 to 200 valid pictures.
LEARNED_TAIL, MEASURED_TAIL, COMBINED_TAIL = 0.25, 0.1, 0.5
# Of 400 calibration pictures with 3 % strangers (frozen), 5 % alarms were 3.3 without it, 4.4 with it, 4.7 with 0.01;
# of as many without strangers 5.5, about 6 and 6.5. Of a hundred it changes nothing.
UNLIKELY = 0.007
SMALLEST_SCALE = 1e-6  # of scores, which have no natural unit


@dataclass(frozen=True)
class Learned:
    """What is learned from the training pictures; it is calibrated on others."""

    detector: Detector
    state: State
    orientation: Orientation
    turned: Turned
    tails: dict[str, Tail]  # of the plain measurements
    scores: dict[str, Numbers]  # the learned scores (n,) of the training pictures, each by what the others taught
    measurements: Numbers  # (n, measurements) of the training pictures
    groups: Groups  # (n,) of the training pictures


@dataclass(frozen=True)
class Fitted:
    """The screen, and its verdicts on the pictures that it was made from; train's by scores learned from the others."""

    screen: Screen
    train: Verdicts
    valid: Verdicts
    outliers: int  # pictures left out of the calibration, see `fit_tail`


def fit_screen(
    train: Observations,
    turned: Observations,
    labels: NDArray[np.intp],
    valid: Observations,
    detector: Detector,
    *,
    groups: tuple[Groups | None, Groups | None] = (None, None),
    frozen: bool = False,
) -> Fitted:
    """Learn from the training pictures (`learn_screen`), calibrate on others (`calibrate_screen`), in their groups."""
    of_train, of_valid = groups
    return calibrate_screen(learn_screen(train, turned, labels, detector, of_train), valid, of_valid, frozen=frozen)


def learn_screen(
    train: Observations,
    turned: Observations,
    labels: NDArray[np.intp],
    detector: Detector,
    groups: Groups | None = None,
) -> Learned:
    """Fit the detector, the orientation, and the tails of the plain measurements to the training pictures.

    Parameters
    ----------
    train, turned
        n training pictures, in an arbitrary order, and the same turned by 180 degrees.
    labels
        (n,) positions of their labels.
    groups
        (n,) numbers from 0 in order of appearance, see `fieldguide.data.groups.group_numbers`; by default each picture
        is alone. What scores a picture has learned from none of its group.
    """
    groups = alone(len(train)) if groups is None else groups

    def learn(rows: NDArray[np.intp]) -> tuple[State, Orientation]:
        known = Known(np.asarray(train.features)[rows], np.asarray(train.logits)[rows], labels[rows])
        return detector.fit(known), fit_orientation(_views(train)[rows], _views(turned)[rows])

    state, orientation = learn(np.arange(len(train)))
    tails = {
        side_name(number): fit_tail(
            side.sign * train.measurements[:, NAMES.index(side.part)], MEASURED_TAIL, side.least_scale
        )
        for number, side in enumerate(SIDES)
    }
    of_train, of_turned = _scores_by_the_others(detector.detector, train, turned, groups, learn)
    like_turned = learn_turned(of_train["orientation"], **of_turned)
    return Learned(detector, state, orientation, like_turned, tails, of_train, train.measurements, groups)


def calibrate_screen(
    learned: Learned, valid: Observations, groups: Groups | None = None, *, frozen: bool = False
) -> Fitted:
    """Calibrate on pictures that the scores were not learned from.

    The distribution of a learned score is estimated from the pictures that calibrate, the valid ones. Where the
    features are frozen, every training picture calibrates too, with its score from the others (cross-fitting); a
    network that was trained on a picture has drawn its features towards the others. The tail of the combined score is
    fitted to values that are made with tails of other folds: every picture calibrates, and none its own parts. Outliers
    among them are those that are outliers with exponential tails: normal ones are right for the learned parts, but
    would exclude ordinary ones too.

    Outliers are left out of the combined score alone, where the promise is made, and not of the learned parts as well.
    Trained features have heavy tails: most pictures are near others of their label, hard ones far from all. Cut once
    for the parts and again for their combination, a hundred such scores lost 6 % of the ordinary pictures, and 5 %
    false alarms became 8 to 9 (bench/alarm_rate.py).

    Folds hold whole groups: of two frames of a site one tells too much about the other.

    Parameters
    ----------
    valid
        Pictures that nothing was learned from, at least two.
    groups
        (n,) of the valid pictures, as `learn_screen` takes them; none has training pictures.
    frozen
        Whether the features are those of a body that was not trained on the training pictures.
    """
    detector, tails = learned.detector, learned.tails
    of_valid = learned_scores(detector.detector, learned.state, learned.orientation, valid)
    scores, measurements = of_valid, valid.measurements
    groups = alone(len(valid)) if groups is None else groups
    if frozen and not detector.uses_logits:
        scores = {name: np.concatenate([learned.scores[name], values]) for name, values in of_valid.items()}
        measurements = np.concatenate([learned.measurements, valid.measurements])
        groups = np.concatenate([learned.groups, groups + learned.groups.max() + 1])
    p_values = {name: _cross_fitted(values, groups) for name, values in scores.items()}
    parts, _ = part_p_values(tails, p_values, measurements)
    ordinary = are_ordinary(combine(parts), COMBINED_TAIL, SMALLEST_SCALE, UNLIKELY)
    parts |= {name: with_normal_tail(values, LEARNED_TAIL) for name, values in p_values.items()}
    combined = tail_of(combine(parts)[ordinary], COMBINED_TAIL, SMALLEST_SCALE)
    alarms = combined.p_values(combine(parts)[ordinary]) <= detector.alarm_rate
    calibration = Calibration(len(alarms), len(set(groups[ordinary])), effective_number(alarms, groups[ordinary]))
    tails = tails | {name: tail_of(values, LEARNED_TAIL, SMALLEST_SCALE) for name, values in scores.items()}
    screen = Screen(
        detector.detector,
        learned.state,
        learned.orientation,
        learned.turned,
        tails,
        combined,
        detector.alarm_rate,
        calibration,
    )
    return Fitted(
        screen,
        judge_scores(screen, learned.scores, learned.measurements),
        judge_scores(screen, of_valid, valid.measurements),
        int((~ordinary).sum()),
    )


def _scores_by_the_others(
    detector: str,
    train: Observations,
    turned: Observations,
    groups: Groups,
    learn: Callable[[NDArray[np.intp]], tuple[State, Orientation]],
) -> tuple[dict[str, Numbers], dict[str, Numbers]]:
    """The learned scores (n,) of the training pictures and of the turned ones, by what was learned from other folds."""
    folds = _folds(groups)
    found, of_turned = ({name: np.zeros(len(train)) for name in ("features", "orientation")} for _ in range(2))
    for fold in progress(np.unique(folds), "screen, folds of train", unit="folds"):
        state, orientation = learn(np.flatnonzero(folds != fold))
        for scored, pictures in ((found, train), (of_turned, turned)):
            for name, scores in learned_scores(detector, state, orientation, pictures[folds == fold]).items():
                scored[name][folds == fold] = scores
    return found, of_turned


def _cross_fitted(scores: Numbers, groups: Groups) -> Numbers:
    """P-values (n,), each by a tail that was fitted to the scores of other folds."""
    folds, values = _folds(groups), np.zeros(len(scores))
    for fold in np.unique(folds):
        values[folds == fold] = tail_of(scores[folds != fold], LEARNED_TAIL, SMALLEST_SCALE).p_values(
            scores[folds == fold]
        )
    return values


def _folds(groups: Groups) -> NDArray[np.intp]:
    """(n,) the fold of each picture, whole groups in turn; of a single group, pictures in turn."""
    count = int(groups.max()) + 1
    return groups % min(FOLDS, count) if count > 1 else np.arange(len(groups)) % min(FOLDS, len(groups))


def _views(observations: Observations) -> NDArray[np.float32]:
    return np.concatenate([np.asarray(observations.features), np.asarray(observations.layout)], axis=1)
