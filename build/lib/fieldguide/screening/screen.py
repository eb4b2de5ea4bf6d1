"""One calibrated p-value for "this picture is like those that the model knows", and the reason if it is not."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fieldguide.base.operations import DETECTORS
from fieldguide.screening.calibration import Calibration
from fieldguide.screening.detectors import State
from fieldguide.screening.measurements import NAMES, SIDES
from fieldguide.screening.observations import Observations
from fieldguide.screening.orientation import Orientation, Turned
from fieldguide.screening.p_values import Tail, with_normal_tail

Numbers = NDArray[np.float64]

# Each part's share of the false alarms. The features see most kinds of out-of-domain pictures; a measurement has little
# weight and still finds what it alone sees, since black and white or night is far beyond all that is ordinary.
WEIGHTS = {
    "features": 0.70,
    "orientation": 0.20,
    "brightness": 0.02,
    "saturation": 0.02,
    "sharpness": 0.02,
    "noise": 0.01,
    "aspect_ratio": 0.01,
    "resolution": 0.01,
    "border": 0.01,
}
PARTS = tuple(WEIGHTS)
# Of the weighted mean of p-values to the power of minus this (Vovk and Wang 2020): 0 is Fisher's sum of logarithms, in
# which one clear sign drowns among many; infinity the smallest p-value, to which several weak signs are as none.
MERGING_POWER = 0.7
CLEAR_P_VALUE = 0.001  # a part with so small a p-value of its own needs no other
REASONS = {"features": "far from every known picture", "orientation": "upside down"}


@dataclass(frozen=True)
class Screen:
    """A fitted out-of-domain detector."""

    detector: str  # one of DETECTORS
    state: State
    orientation: Orientation
    turned: Turned
    tails: dict[str, Tail]  # of "features", "orientation", and each side of each measurement, see `side_name`
    combined: Tail
    alarm_rate: float
    calibration: Calibration


@dataclass(frozen=True)
class Verdicts:
    """About n pictures: p-value, alarm, the reason for it in words ("" if there is none), and the parts' p-values."""

    p_value: Numbers  # (n,) in (0, 1]
    out_of_domain: NDArray[np.bool_]  # (n,)
    reason: list[str]
    parts: dict[str, Numbers]  # (n,) for each of PARTS


def side_name(number: int) -> str:
    """The name of the tail that belongs to SIDES[number]."""
    return f"{SIDES[number].part}_{'high' if SIDES[number].sign > 0 else 'low'}"


def learned_scores(
    detector: str, state: State, orientation: Orientation, observations: Observations
) -> dict[str, Numbers]:
    """The scores (n,) of the two parts that are learned, larger = further out."""
    features, layout = np.asarray(observations.features), np.asarray(observations.layout)
    far = DETECTORS[detector].score(state, features, np.asarray(observations.logits))
    upside_down = orientation.score(np.concatenate([features, layout], axis=1))
    return {"features": far.astype(np.float64), "orientation": upside_down.astype(np.float64)}


def part_p_values(
    tails: Mapping[str, Tail], learned: Mapping[str, Numbers], measurements: Numbers
) -> tuple[dict[str, Numbers], list[NDArray[np.str_]]]:
    """The p-value (n,) of each of PARTS, and the words (n,) for what each would raise the alarm for.

    `learned` holds the p-values (n,) of the learned parts.
    """
    values = dict(learned)
    words = [np.full(len(measurements), REASONS[name]) for name in values]
    for column, name in enumerate(NAMES):
        numbers = [number for number, side in enumerate(SIDES) if side.part == name]
        signed = {number: SIDES[number].sign * measurements[:, column] for number in numbers}
        sides = np.stack([tails[side_name(number)].p_values(scores) for number, scores in signed.items()])
        values[name] = np.minimum(len(numbers) * sides.min(axis=0), 1)
        words.append(np.array([SIDES[number].reason for number in numbers])[sides.argmin(axis=0)])
    return values, words


def combine(parts: Mapping[str, Numbers]) -> Numbers:
    """One score (n,) of the parts' p-values, larger = further out."""
    return np.log(_contributions(parts).sum(axis=0)) / MERGING_POWER


def judge(screen: Screen, observations: Observations) -> Verdicts:
    """Judge n pictures."""
    scores = learned_scores(screen.detector, screen.state, screen.orientation, observations)
    return judge_scores(screen, scores, observations.measurements)


def judge_scores(screen: Screen, scores: Mapping[str, Numbers], measurements: Numbers) -> Verdicts:
    """Judge n pictures by their learned scores (n,) and measurements."""
    tails = {name: screen.tails[name] for name in scores}
    learned = {name: with_normal_tail(tail.p_values(scores[name]), tail.share) for name, tail in tails.items()}
    parts, words = part_p_values(screen.tails, learned, measurements)
    turned = screen.turned.is_like(scores["features"], scores["orientation"])
    return verdicts(parts, words, screen.combined.p_values(combine(parts)), screen.alarm_rate, turned)


def verdicts(
    parts: dict[str, Numbers],
    words: list[NDArray[np.str_]],
    p_value: Numbers,
    alarm_rate: float,
    turned: NDArray[np.bool_],
) -> Verdicts:
    """An alarm wherever the p-value is at most the promised rate; its reason is the part that counts most in it.

    That is never the features where another part is clear by itself: it says more than "far". It is the orientation
    only of what could be a turned picture (n,).
    """
    alarm = p_value <= alarm_rate
    named = {**parts, "orientation": np.where(turned, parts["orientation"], 1)}
    contributions = _contributions(named)
    others = np.stack([named[name] for name in PARTS[1:]])
    leading = np.where(
        others.min(axis=0) <= CLEAR_P_VALUE, 1 + contributions[1:].argmax(axis=0), contributions.argmax(axis=0)
    )
    reason = [str(words[part][row]) if alarm[row] else "" for row, part in enumerate(leading)]
    return Verdicts(p_value, alarm, reason, parts)


def _contributions(parts: Mapping[str, Numbers]) -> Numbers:
    return np.stack([weight * parts[name] ** -MERGING_POWER for name, weight in WEIGHTS.items()])
