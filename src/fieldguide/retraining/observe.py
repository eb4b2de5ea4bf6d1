"""What the champion makes of new pictures: whether they have shifted, and whether their labels are in doubt."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.stats import mannwhitneyu

from fieldguide.checks.shift import detect_shift
from fieldguide.data.images import measure
from fieldguide.retraining.decide import Doubts

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Observed:
    """n pictures through the champion's eyes: probabilities (n, labels), features (n, f), measurements by name (n,)."""

    vocabulary: Sequence[str]
    probabilities: Floats
    features: Floats
    measurements: dict[str, Floats]

    @property
    def answers(self) -> NDArray[np.str_]:
        """The label of each."""
        return np.array(self.vocabulary)[self.probabilities.argmax(axis=1)]


def observe(weights: Path, files: Sequence[Path], batch_size: int = 32) -> Observed:
    """Look at readable pictures with the classifier whose description stands beside its weights."""
    import torch

    from fieldguide.model.predict import calibrated, load_classifier, open_for, to_input

    classifier = load_classifier(weights, weights.with_suffix(".json"))
    device = "cuda" if torch.cuda.is_available() else "cpu"
    network = classifier.network.to(device)
    logits, features, measured = [], [], []
    for start in range(0, len(files), batch_size):
        pictures = [open_for(classifier, file) for file in files[start : start + batch_size]]
        measured += [measure(picture) for picture in pictures]
        inputs = torch.stack([to_input(picture, classifier.preprocessing) for picture in pictures])
        with torch.inference_mode():
            found = network.get_submodule("body")(inputs.to(device, memory_format=torch.channels_last))
            logits.append(network.get_submodule("head")(found).double().cpu().numpy())
            features.append(found.double().cpu().numpy())
    return Observed(
        classifier.vocabulary,
        calibrated(np.concatenate(logits), classifier.temperature),
        np.concatenate(features),
        {name: np.array([row[name] for row in measured]) for name in measured[0]},
    )


def shift_in_words(reference: Observed, new: Observed) -> str:
    """What has shifted beyond chance, the largest first; "" for nothing."""

    def columns(observed: Observed) -> dict[str, Floats]:
        each = {f"probability of {label}": observed.probabilities[:, n] for n, label in enumerate(observed.vocabulary)}
        return {**observed.measurements, **each}

    found = detect_shift(columns(reference), columns(new), reference.features, new.features)
    return ", ".join(f"{test.name} ({test.effect:.2f})" for test in found.tests if test.shifted)


def doubts_about(
    reference: Observed, labels: Sequence[str], new: Observed, given: Sequence[str], names: Sequence[str]
) -> Doubts:
    """How much more the champion disputes the labels of new pictures than those of pictures that it was tested on.

    Only to be asked where the pictures have not shifted: about another world a champion is sure of nonsense.

    Parameters
    ----------
    reference, labels
        n pictures that the champion was not trained on, and their labels.
    new, given, names
        m new pictures, the labels that they came with, and what to call them.
    """
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
