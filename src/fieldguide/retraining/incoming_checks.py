"""The champion's view of new pictures: whether each is in domain, and whether they have shifted."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from fieldguide.base.progress import progress
from fieldguide.base.shares import decimal
from fieldguide.data.images import PictureError
from fieldguide.prediction.batch_verdict import Kind, expected_loss, kind_of
from fieldguide.statistics.two_sample import Columns, detect_shift, probability_columns

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Observed:
    """The champion's observations of n pictures: probabilities (n, labels), features (n, f), measurements by name (n,).

    `out_of_domain` (n,) is what its screen says, at the promised `alarm_rate`; without one nothing but False, at 0.
    Files that cannot be read are not among them: `unread` says why.
    """

    vocabulary: Sequence[str]
    probabilities: Floats
    features: Floats
    measurements: Columns
    out_of_domain: NDArray[np.bool_]
    alarm_rate: float
    unread: Mapping[Path, str] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.probabilities)


def observe(weights: Path, files: Sequence[Path]) -> Observed:
    """Look at pictures, as screening does, with the classifier whose description is beside its weights."""
    from fieldguide.model.inference import calibrated, open_for
    from fieldguide.prediction.answers import load_screened
    from fieldguide.prediction.batch import measurement_columns
    from fieldguide.screening.observations import observe_pictures
    from fieldguide.screening.screen import judge

    classifier, screening = load_screened(weights, weights.with_suffix(".json"))
    feature_network = screening[1] if screening else classifier.network
    unread: dict[Path, str] = {}

    def opened() -> Iterator[Image.Image]:
        for file in progress(files, "ask the champion"):
            try:
                yield open_for(classifier, file)
            except PictureError as error:  # it could be read before
                unread[file] = str(error)

    pictures = opened()
    first = next(pictures, None)
    if first is None:
        none = np.zeros((0, len(classifier.vocabulary)))
        return Observed(classifier.vocabulary, none, np.zeros((0, 0)), {}, np.zeros(0, bool), 0.0, unread)
    seen = observe_pictures(classifier, feature_network, chain([first], pictures))
    return Observed(
        classifier.vocabulary,
        calibrated(seen.logits.astype(np.float64), classifier.temperature),
        seen.features.astype(np.float64),
        measurement_columns(seen.measurements),
        judge(screening[0], seen).out_of_domain if screening else np.zeros(len(seen), bool),
        screening[0].alarm_rate if screening else 0.0,
        unread,
    )


def shift_in_words(reference: Observed, new: Observed) -> str | None:
    """How new pictures have shifted, the largest first; "" where they have not: see `batch_verdict.kind_of`.

    None where there is no picture. `reference` are pictures that the champion was not trained on.
    """
    if not len(reference) or not len(new):
        return None

    def columns(observed: Observed) -> Columns:
        return {**observed.measurements, **probability_columns(observed.vocabulary, observed.probabilities)}

    found = detect_shift(columns(reference), columns(new), reference.features, new.features)
    loss = expected_loss(reference.probabilities, new.probabilities)
    if kind_of(found, int(new.out_of_domain.sum()), len(new), new.alarm_rate, loss) != Kind.SHIFTED:
        return ""
    return ", ".join(f"{test.name} ({decimal(test.effect, 2)})" for test in found.tests if test.differs)
