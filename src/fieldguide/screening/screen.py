"""One calibrated p-value for "this picture is like those that the model knows", and the reason if it is not."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fieldguide.base.operations import DETECTORS
from fieldguide.screening.calibration import Calibration
from fieldguide.screening.detectors import State
from fieldguide.screening.label_margin import LabelMargin
from fieldguide.screening.measurements import NAMES, SIDES
from fieldguide.screening.neighbours import LocalDensity
from fieldguide.screening.observations import Observations
from fieldguide.screening.orientation import Orientation, Turned
from fieldguide.screening.p_values import Tail, with_normal_tail

Numbers = NDArray[np.float64]

# Each part's share of the false alarms. The first three look at what is in a picture: the detector finds what is far
# from everything known, the density and the margin find what is near to it and of another kind. A measurement has
# little weight and still finds what it alone sees: black and white or night is far beyond all that is ordinary.
SUBJECT = ("features", "density", "margin")
WEIGHTS = {
    "features": 0.20,
    "density": 0.30,
    "margin": 0.25,
    "orientation": 0.15,
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
REASONS = {
    "features": "far from every known picture",
    "density": "unlike the known pictures that are nearest to it",
    "margin": "of none of the known labels clearly",
    "orientation": "upside down",
}


@dataclass(frozen=True)
class Scorers:
    """What is learned from the training pictures, and gives each picture scores."""

    detector: str  # one of DETECTORS
    state: State
    density: LocalDensity | None  # None in screens of older versions
    margin: LabelMargin | None  # likewise
    orientation: Orientation

    def scores(self, observations: Observations) -> dict[str, Numbers]:
        """The scores (n,) of the parts that are learned, by the part, larger = further out."""
        features, layout = np.asarray(observations.features), np.asarray(observations.layout)
        found = {"features": DETECTORS[self.detector].score(self.state, features, np.asarray(observations.logits))}
        if self.density is not None and self.margin is not None:
            found |= {"density": self.density.score(features), "margin": self.margin.score(features)}
        found["orientation"] = self.orientation.score(np.concatenate([features, layout], axis=1))
        return {name: scores.astype(np.float64) for name, scores in found.items()}


@dataclass(frozen=True)
class Screen:
    """A fitted out-of-domain detector."""

    scorers: Scorers
    weights: Mapping[str, float]  # of the parts, see `WEIGHTS`
    turned: Turned
    tails: dict[str, Tail]  # of each learned part, and each side of each measurement, see `side_name`
    combined: Tail
    alarm_rate: float
    calibration: Calibration


@dataclass(frozen=True)
class Verdicts:
    """About n pictures: p-value, alarm, the reason for it in words ("" if there is none), and the parts' p-values."""

    p_value: Numbers  # (n,) in (0, 1]
    out_of_domain: NDArray[np.bool_]  # (n,)
    reason: list[str]
    parts: dict[str, Numbers]  # (n,) for each part


def side_name(number: int) -> str:
    """The name of the tail that belongs to SIDES[number]."""
    return f"{SIDES[number].part}_{'high' if SIDES[number].sign > 0 else 'low'}"


def part_p_values(
    tails: Mapping[str, Tail], learned: Mapping[str, Numbers], measurements: Numbers
) -> tuple[dict[str, Numbers], dict[str, NDArray[np.str_]]]:
    """The p-value (n,) of each part, and the words (n,) for what each would raise the alarm for.

    `learned` holds the p-values (n,) of the learned parts.
    """
    values = dict(learned)
    words = {name: np.full(len(measurements), REASONS[name]) for name in values}
    for column, name in enumerate(NAMES):
        numbers = [number for number, side in enumerate(SIDES) if side.part == name]
        signed = {number: SIDES[number].sign * measurements[:, column] for number in numbers}
        sides = np.stack([tails[side_name(number)].p_values(scores) for number, scores in signed.items()])
        values[name] = np.minimum(len(numbers) * sides.min(axis=0), 1)
        words[name] = np.array([SIDES[number].reason for number in numbers])[sides.argmin(axis=0)]
    return values, words


def combine(parts: Mapping[str, Numbers], weights: Mapping[str, float] = WEIGHTS) -> Numbers:
    """One score (n,) of the parts' p-values, larger = further out."""
    return np.log(_contributions(parts, weights).sum(axis=0)) / MERGING_POWER


def judge(screen: Screen, observations: Observations) -> Verdicts:
    """Judge n pictures."""
    return judge_scores(screen, screen.scorers.scores(observations), observations.measurements)


def judge_scores(screen: Screen, scores: Mapping[str, Numbers], measurements: Numbers) -> Verdicts:
    """Judge n pictures by their learned scores (n,) and measurements.

    An alarm is wherever the p-value is at most the promised rate; its reason is the part that counts most in it. It is
    the orientation only of what could be a turned picture.
    """
    tails = {name: screen.tails[name] for name in scores}
    learned = {name: with_normal_tail(tail.p_values(scores[name]), tail.share) for name, tail in tails.items()}
    parts, words = part_p_values(screen.tails, learned, measurements)
    turned = screen.turned.is_like(scores["features"], scores["orientation"])
    p_value = screen.combined.p_values(combine(parts, screen.weights))
    named = {**parts, "orientation": np.where(turned, parts["orientation"], 1)}
    alarm = p_value <= screen.alarm_rate
    leading = _leading_parts(named, screen.weights)
    reason = [str(words[part][row]) if alarm[row] else "" for row, part in enumerate(leading)]
    return Verdicts(p_value, alarm, reason, parts)


def _leading_parts(parts: Mapping[str, Numbers], weights: Mapping[str, float]) -> list[str]:
    """The part (n,) that counts most. That is none of `SUBJECT` where another is clear by itself: it says more."""
    names, contributions = list(weights), _contributions(parts, weights)
    plain = [number for number, name in enumerate(names) if name not in SUBJECT]
    is_clear = np.stack([parts[names[number]] for number in plain]).min(axis=0) <= CLEAR_P_VALUE
    of_plain = np.array(plain)[contributions[plain].argmax(axis=0)]
    return [names[number] for number in np.where(is_clear, of_plain, contributions.argmax(axis=0))]


def _contributions(parts: Mapping[str, Numbers], weights: Mapping[str, float]) -> Numbers:
    return np.stack([weight * parts[name] ** -MERGING_POWER for name, weight in weights.items()])
