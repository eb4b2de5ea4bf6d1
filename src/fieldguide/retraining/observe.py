"""What the champion makes of new pictures: whether they have shifted, and whether their labels are in doubt."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.distance import cdist

from fieldguide.checks.shift import detect_shift
from fieldguide.data.images import measure
from fieldguide.retraining.decide import Doubts

Floats = NDArray[np.float64]
SURE = 0.9  # the probability from which the champion counts as sure
NEIGHBOURS = 10
INSIDE = 0.95  # so large a share of the reference counts as inside the domain


@dataclass(frozen=True)
class Observed:
    """n pictures through the champion's eyes: probabilities (n, labels), features (n, f), measurements by name (n,)."""

    vocabulary: Sequence[str]
    probabilities: Floats
    features: Floats
    measurements: dict[str, Floats]

    def only(self, rows: NDArray[np.bool_]) -> "Observed":
        """Some of the pictures."""
        measurements = {name: values[rows] for name, values in self.measurements.items()}
        return Observed(self.vocabulary, self.probabilities[rows], self.features[rows], measurements)

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
    """Count new pictures whose given label the champion surely disputes; what is unlike the reference does not count.

    A champion is sure of nonsense about pictures from another world, so what it says there is no reason for doubt.

    Parameters
    ----------
    reference, labels
        Pictures that the champion was not trained on, and their labels.
    new, given, names
        The new pictures, the labels that they came with, and what to call them.
    """
    sure = new.probabilities.max(axis=1) >= SURE
    counted = sure & inside(reference, new)
    disputed = counted & (new.answers != np.array(given))
    usual = reference.probabilities.max(axis=1) >= SURE
    wrong = float((reference.answers != np.array(labels))[usual].mean()) if usual.any() else 0.0
    return Doubts(int(disputed.sum()), int(counted.sum()), wrong, [names[int(n)] for n in np.flatnonzero(disputed)])


def inside(reference: Observed, new: Observed) -> NDArray[np.bool_]:
    """Which new pictures (m,) look like the reference: by their nearest neighbours, and by every plain measurement."""
    ours, theirs = _unit(reference.features), _unit(new.features)
    count = min(NEIGHBOURS, len(ours) - 1)
    among = np.sort(cdist(ours, ours), axis=1)[:, 1 : count + 1].mean(axis=1)  # without itself
    near = np.sort(cdist(theirs, ours), axis=1)[:, :count].mean(axis=1) <= np.quantile(among, INSIDE)
    for name, values in reference.measurements.items():
        low, high = np.quantile(values, [(1 - INSIDE) / 4, 1 - (1 - INSIDE) / 4])
        near &= (new.measurements[name] >= low) & (new.measurements[name] <= high)
    found: NDArray[np.bool_] = near
    return found


def _unit(features: Floats) -> Floats:
    return features / np.maximum(np.linalg.norm(features, axis=1, keepdims=True), 1e-12)
