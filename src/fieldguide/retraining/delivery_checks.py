"""What the champion makes of new pictures: whether they have shifted, and whether their labels are in doubt."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from scipy.stats import mannwhitneyu

from fieldguide.data.images import PictureError
from fieldguide.retraining.triggers import Doubts
from fieldguide.statistics.two_sample import Columns, detect_shift, probability_columns

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Observed:
    """n pictures through the champion's eyes: probabilities (n, labels), features (n, f), measurements by name (n,).

    Files that cannot be read are not among them: `unread` says why.
    """

    vocabulary: Sequence[str]
    probabilities: Floats
    features: Floats
    measurements: Columns
    unread: Mapping[Path, str] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.probabilities)

    @property
    def answers(self) -> NDArray[np.str_]:
        """The label of each."""
        return np.array(self.vocabulary)[self.probabilities.argmax(axis=1)]


def observe(weights: Path, files: Sequence[Path]) -> Observed:
    """Look at pictures, as screening does, with the classifier whose description stands beside its weights."""
    from fieldguide.model.inference import calibrated, load_classifier, open_for
    from fieldguide.prediction.batch import measurement_columns
    from fieldguide.screening.observations import observe_pictures
    from fieldguide.screening.viewer import viewer_of

    classifier = load_classifier(weights, weights.with_suffix(".json"))
    unread: dict[Path, str] = {}

    def opened() -> Iterator[Image.Image]:
        for file in files:
            try:
                yield open_for(classifier, file)
            except PictureError as error:  # it could be read a moment ago
                unread[file] = str(error)

    pictures = opened()
    first = next(pictures, None)
    if first is None:
        return Observed(classifier.vocabulary, np.zeros((0, len(classifier.vocabulary))), np.zeros((0, 0)), {}, unread)
    seen = observe_pictures(classifier, viewer_of(classifier), chain([first], pictures))
    return Observed(
        classifier.vocabulary,
        calibrated(seen.logits.double().numpy(), classifier.temperature),
        seen.features.double().numpy(),
        measurement_columns(seen.measurements),
        unread,
    )


def compare(
    reference: Observed, labels: Sequence[str], new: Observed, given: Sequence[str], names: Sequence[str]
) -> dict[str, Any]:
    """What sets new pictures apart from those that the champion was tested on.

    Parameters
    ----------
    reference, labels
        n pictures that the champion was not trained on, and their labels.
    new, given, names
        m new pictures, the labels that they came with, and what to call them.

    Returns
    -------
    `shift` and, unless they have shifted, `doubts` of `fieldguide.retraining.triggers.Facts`: about another world a
    champion is sure of nonsense. Nothing where n or m is 0.
    """
    if not len(reference) or not len(new):
        return {}
    if shift := _shift_in_words(reference, new):
        return {"shift": shift}
    return {"shift": "", "doubts": _doubts(reference, labels, new, given, names)}


def _shift_in_words(reference: Observed, new: Observed) -> str:
    """What has shifted beyond chance, the largest first; "" for nothing."""

    def columns(observed: Observed) -> Columns:
        return {**observed.measurements, **probability_columns(observed.vocabulary, observed.probabilities)}

    found = detect_shift(columns(reference), columns(new), reference.features, new.features)
    return ", ".join(f"{test.name} ({test.effect:.2f})" for test in found.tests if test.shifted)


def _doubts(
    reference: Observed, labels: Sequence[str], new: Observed, given: Sequence[str], names: Sequence[str]
) -> Doubts:
    """How much more the champion disputes the labels of new pictures than those of pictures that it was tested on."""
    disputed = new.answers != np.array(given)
    usual = float((reference.answers != np.array(labels)).mean())
    # Sureness counts: the probability of the given label, compared as a whole.
    p_value = float(mannwhitneyu(_of_label(new, given), _of_label(reference, labels), alternative="less").pvalue)
    return Doubts(int(disputed.sum()), len(disputed), usual, p_value, [names[int(n)] for n in np.flatnonzero(disputed)])


def _of_label(observed: Observed, labels: Sequence[str]) -> Floats:
    """The probability of each picture's own label; 0 for a label that the champion does not know."""
    known = {label: place for place, label in enumerate(observed.vocabulary)}
    rows = zip(observed.probabilities, labels, strict=True)
    return np.array([row[known[label]] if label in known else 0.0 for row, label in rows])
