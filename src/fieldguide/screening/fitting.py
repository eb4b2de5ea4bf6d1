"""Fitting and calibrating the out-of-domain detector."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fieldguide.base.progress import progress
from fieldguide.screening.calibration import Calibration
from fieldguide.screening.detectors import Detector, Known
from fieldguide.screening.label_margin import fit_label_margin
from fieldguide.screening.measurements import NAMES, SIDES
from fieldguide.screening.neighbours import fit_local_density
from fieldguide.screening.observations import Observations
from fieldguide.screening.orientation import Orientation, Turned, fit_orientation, learn_turned
from fieldguide.screening.p_values import Tail, are_ordinary, fit_tail, tail_of, winsorized, with_normal_tail
from fieldguide.screening.screen import (
    WEIGHTS,
    Numbers,
    Scorers,
    Screen,
    Verdicts,
    combine,
    judge_scores,
    part_p_values,
    side_name,
)
from fieldguide.statistics.groups import Groups, alone
from fieldguide.statistics.intervals import effective_number

FOLDS = 5
# Shares of the tails. Of a hundred valid pictures a quarter describe a tail better than a few. The combined score falls
# faster than exponentially from its median on, and about exponentially from the largest fifth on; but fewer than twenty
# pictures tell no scale. That fifth, and the p-value below which a picture is taken for out of domain, kept the promise
# best in trials on 30 to 400 pictures, with 4.5 % such pictures among them and without; bench/README.md says what else
# was tried.
LEARNED_TAIL, MEASURED_TAIL, COMBINED_TAIL = 0.25, 0.1, 0.2
LEAST_IN_TAIL, LARGEST_TAIL = 20, 0.5  # pictures of the combined score's, and share, which counts more
UNLIKELY = 0.01
SMALLEST_SCALE = 1e-6  # of scores, which have no natural unit


@dataclass(frozen=True)
class Learned:
    """What is learned from the training pictures; it is calibrated on others."""

    detector: Detector
    scorers: Scorers
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
    outliers: int  # pictures that look out of domain among those that calibrate, see `are_ordinary`


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

    def learn(rows: NDArray[np.intp]) -> Scorers:
        orientation = fit_orientation(_views(train)[rows], _views(turned)[rows])
        return _learn(detector, train[rows], labels[rows], groups[rows], orientation)

    of_train, of_turned = _scores_by_the_others([train, turned], groups, learn)
    like_turned = learn_turned(of_train["orientation"], of_turned["orientation"], of_turned["features"])
    scorers = learn(np.arange(len(train)))
    tails = _measured_tails(train.measurements)
    return Learned(detector, scorers, like_turned, tails, of_train, train.measurements, groups)


def learn_from_some(learned: Learned, train: Observations, labels: NDArray[np.intp], rows: NDArray[np.intp]) -> Learned:
    """What some of the training pictures teach, except for the orientation, which stays as all of them taught it.

    Parameters
    ----------
    learned, train, labels
        What was learned from all, and what it was learned from, see `learn_screen`.
    rows
        Positions of the pictures, at least two.
    """
    some, groups = train[rows], np.unique(learned.groups[rows], return_inverse=True)[1]

    def learn(of_them: NDArray[np.intp]) -> Scorers:
        orientation = learned.scorers.orientation
        return _learn(learned.detector, some[of_them], labels[rows][of_them], groups[of_them], orientation)

    (scores,) = _scores_by_the_others([some], groups, learn)
    scores["orientation"] = learned.scores["orientation"][rows]
    scorers, tails = learn(np.arange(len(rows))), _measured_tails(some.measurements)
    return Learned(learned.detector, scorers, learned.turned, tails, scores, some.measurements, groups)


def _learn(
    detector: Detector, train: Observations, labels: NDArray[np.intp], groups: Groups, orientation: Orientation
) -> Scorers:
    known = Known(np.asarray(train.features), np.asarray(train.logits), labels)
    density = fit_local_density(known.features, detector.neighbours, groups)
    margin = fit_label_margin(known.features, labels)
    return Scorers(detector.detector, detector.fit(known), density, margin, orientation)


def _measured_tails(measurements: Numbers) -> dict[str, Tail]:
    tails = {}
    for number, side in enumerate(SIDES):
        scores = side.sign * measurements[:, NAMES.index(side.part)]
        tails[side_name(number)] = fit_tail(scores, MEASURED_TAIL, side.least_scale)
    return tails


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

    Outliers are left out of the combined score alone, where the promise is made, and not of the learned parts as well;
    as many as ordinary pictures are expected among them come back at the largest score that stayed (`winsorized`).
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
    of_valid = learned.scorers.scores(valid)
    scores, measurements = of_valid, valid.measurements
    groups = alone(len(valid)) if groups is None else groups
    if frozen and not detector.uses_logits:
        scores = {name: np.concatenate([learned.scores[name], values]) for name, values in of_valid.items()}
        measurements = np.concatenate([learned.measurements, valid.measurements])
        groups = np.concatenate([learned.groups, groups + learned.groups.max() + 1])
    p_values = {name: _cross_fitted(values, groups) for name, values in scores.items()}
    parts, _ = part_p_values(tails, p_values, measurements)
    share = min(max(COMBINED_TAIL, LEAST_IN_TAIL / len(measurements)), LARGEST_TAIL)
    ordinary = are_ordinary(combine(parts), share, SMALLEST_SCALE, UNLIKELY)
    parts |= {name: with_normal_tail(values, LEARNED_TAIL) for name, values in p_values.items()}
    together = combine(parts)
    combined = tail_of(winsorized(together, ordinary, UNLIKELY), share, SMALLEST_SCALE)
    alarms = combined.p_values(together[ordinary]) <= detector.alarm_rate
    calibration = Calibration(len(alarms), len(set(groups[ordinary])), effective_number(alarms, groups[ordinary]))
    tails = tails | {name: tail_of(values, LEARNED_TAIL, SMALLEST_SCALE) for name, values in scores.items()}
    screen = Screen(learned.scorers, WEIGHTS, learned.turned, tails, combined, detector.alarm_rate, calibration)
    return Fitted(
        screen,
        judge_scores(screen, learned.scores, learned.measurements),
        judge_scores(screen, of_valid, valid.measurements),
        int((~ordinary).sum()),
    )


def _scores_by_the_others(
    views: Sequence[Observations], groups: Groups, learn: Callable[[NDArray[np.intp]], Scorers]
) -> list[dict[str, Numbers]]:
    """The learned scores (n,) of n pictures in each of several views, by what was learned from other folds."""
    folds = _folds(groups)
    found: list[dict[str, Numbers]] = [{} for _ in views]
    for fold in progress(np.unique(folds), "screen, folds of train", unit="folds"):
        scorers = learn(np.flatnonzero(folds != fold))
        for scored, pictures in zip(found, views, strict=True):
            for name, scores in scorers.scores(pictures[folds == fold]).items():
                scored.setdefault(name, np.zeros(len(folds)))[folds == fold] = scores
    return found


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
