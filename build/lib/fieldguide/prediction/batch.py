"""A batch of new pictures beside the known ones: what was seen of it, and whether it has shifted."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fieldguide.base.errors import UserError
from fieldguide.model.inference import Classifier, calibrated
from fieldguide.pages.parts import in_words
from fieldguide.prediction.answers import Answer
from fieldguide.prediction.batch_page import BatchFindings, Share
from fieldguide.prediction.batch_verdict import expected_loss, kind_of
from fieldguide.prediction.given import Given
from fieldguide.screening.measurements import NAMES
from fieldguide.statistics.two_sample import Columns, detect_shift, probability_columns


@dataclass
class Batch:
    """What was seen of the pictures that could be read, in order."""

    pictures: list[Given]
    answers: list[Answer]
    unread: int


def findings(
    name: str,
    classifier: Classifier,
    alarm_rate: float,
    known: tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]],
    errors: Mapping[str, float],
    batch: Batch,
    among: int = 1,
) -> BatchFindings:
    """Compare a batch with the `known` pictures, as `fieldguide.screening.batch_reference.load_reference` gives them.

    `name`, the promised `alarm_rate` and the `errors` of the expected loss (`load_errors`) are passed on; `among` as in
    `detect_shift`. Raises UserError if these are of another classifier.
    """
    logits, features, measurements = known
    reference = calibrated(logits, classifier.temperature)
    probabilities = np.stack([answer.probabilities for answer in batch.answers if answer.probabilities is not None])
    new_features = np.stack([answer.features for answer in batch.answers if answer.features is not None]).astype(float)
    if new_features.shape[1] != features.shape[1]:
        raise UserError("reference.safetensors does not belong to this classifier: run `dvc repro`")
    new_measurements = np.stack([answer.measurements for answer in batch.answers if answer.measurements is not None])
    shift = detect_shift(
        named_columns(classifier.vocabulary, reference, measurements),
        named_columns(classifier.vocabulary, probabilities, new_measurements),
        features,
        new_features,
        among=among,
    )
    alarms, loss = sum(bool(answer.out_of_domain) for answer in batch.answers), expected_loss(reference, probabilities)
    return BatchFindings(
        name=name,
        kind=kind_of(shift, alarms, len(batch.pictures), alarm_rate, loss),
        pictures=len(batch.pictures),
        unread=batch.unread,
        alarms=alarms,
        loss=loss,
        errors=errors,
        alarm_rate=alarm_rate,
        reference=len(reference),
        shift=shift,
        mix=_mix(classifier.vocabulary, reference, probabilities),
    )


def named_columns(vocabulary: Sequence[str], answered: NDArray[np.float64], measured: NDArray[np.float64]) -> Columns:
    """What the univariate tests compare: probabilities (n, labels) and measurements (n, NAMES), each by its name."""
    return {**probability_columns(vocabulary, answered), **measurement_columns(measured)}


def measurement_columns(measured: NDArray[np.float64]) -> Columns:
    """Measurements (n, NAMES) by their names in words, not as the logarithms that all but the border's share are."""
    return {
        in_words(name): measured[:, place] if name == "border" else np.exp(measured[:, place])
        for place, name in enumerate(NAMES)
    }


def _mix(vocabulary: Sequence[str], reference: NDArray[np.float64], batch: NDArray[np.float64]) -> list[Share]:
    shares = [np.bincount(rows.argmax(axis=1), minlength=len(vocabulary)) / len(rows) for rows in (reference, batch)]
    return [Share(label, float(known), float(new)) for label, known, new in zip(vocabulary, *shares, strict=True)]
