"""The temperature: what valid splits of any kind do to the probabilities of new pictures, where the truth is known."""

from collections.abc import Iterator

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.special import log_softmax, softmax

from conftest import few_daily
from fieldguide.statistics.temperature import fit_temperature

Logits = NDArray[np.float64]
Targets = NDArray[np.intp]
DRAWS = 200


def world(labels: int, true_temperature: float, scale: float, seed: int = 0) -> tuple[Logits, Targets]:
    """5,000 pictures whose labels follow from their logits, which are off by the true temperature."""
    chance = np.random.default_rng([labels, seed])
    logits = chance.normal(size=(5000, labels))
    logits[np.arange(5000), chance.integers(labels, size=5000)] += 2
    passed = chance.random((5000, 1)) > softmax(scale * logits, axis=1).cumsum(axis=1)
    return true_temperature * scale * logits, passed.sum(axis=1).clip(0, labels - 1)


def loss(logits: Logits, targets: Targets, temperature: float) -> float:
    return float(-log_softmax(logits / temperature, axis=1)[np.arange(len(targets)), targets].mean())


def ratios(logits: Logits, targets: Targets, draws: Iterator[Targets]) -> NDArray[np.float64]:
    """The log loss on all pictures as a multiple of that without scaling, for each valid split that is drawn."""
    before = loss(logits, targets, 1.0)
    return np.array([loss(logits, targets, fit_temperature(logits[rows], targets[rows])) / before for rows in draws])


@pytest.mark.slow
@pytest.mark.parametrize("true_temperature", [0.5, 1.0, 2.0])
@pytest.mark.parametrize(("labels", "scale"), [(2, 1.5), (3, 3.0), (10, 6.0)])
@pytest.mark.parametrize("pictures", [5, 20, 60])
def test_small_valid_splits_never_spoil_the_probabilities(
    labels: int, scale: float, pictures: int, true_temperature: float
) -> None:
    logits, targets = world(labels, true_temperature, scale)
    chance = np.random.default_rng(1)
    draws = (chance.choice(len(targets), pictures, replace=False) for _ in range(DRAWS))
    found = ratios(logits, targets, draws)
    assert found.mean() <= 1.002
    assert found.max() <= 1.05


@pytest.mark.parametrize("mistakes", [0, 1])
def test_a_perfect_or_nearly_perfect_valid_split_does_not_make_mistakes_certain(mistakes: int) -> None:
    """Every valid picture but so many is right, though of all pictures some five in a hundred are wrong."""
    logits, targets = world(3, 1.0, 3.0)
    right = logits.argmax(axis=1) == targets
    assert 0.9 < right.mean() < 0.98
    chance = np.random.default_rng(2)

    def splits() -> Iterator[Targets]:
        for _ in range(DRAWS):
            good = chance.choice(np.flatnonzero(right), 60 - mistakes, replace=False)
            yield np.concatenate([good, chance.choice(np.flatnonzero(~right), mistakes, replace=False)])

    found = ratios(logits, targets, splits())
    assert found.max() <= 1.05


def test_a_label_that_is_missing_in_the_valid_split_changes_nothing_much() -> None:
    logits, targets = world(3, 1.0, 3.0)
    chance, known = np.random.default_rng(3), np.flatnonzero(targets != 2)
    found = ratios(logits, targets, (chance.choice(known, 60, replace=False) for _ in range(DRAWS)))
    assert found.mean() <= 1.002 and found.max() <= 1.05


@pytest.mark.parametrize("true_temperature", [0.5, 2.0])
def test_many_pictures_find_the_true_temperature(true_temperature: float) -> None:
    logits, targets = world(3, true_temperature, 2.0)
    assert fit_temperature(logits, targets) == pytest.approx(true_temperature, rel=0.15)


@pytest.mark.parametrize("true_temperature", few_daily([1.5, 0.75, 1.0], 3))
def test_label_smoothing_is_undone_where_the_pictures_show_it_and_only_there(true_temperature: float) -> None:
    """Taught with smoothing 0.1: the loss falls by a good part, and a network that is too sure all the same is safe."""
    logits, targets = world(3, 1.0, 4.0)
    said = true_temperature * np.log(0.9 * softmax(logits, axis=1) + 0.1 / 3)
    chance, before = np.random.default_rng(4), loss(said, targets, 1.0)
    draws = [chance.choice(len(targets), 100, replace=False) for _ in range(DRAWS)]
    fitted = [fit_temperature(said[rows], targets[rows], 0.1) for rows in draws]
    found = np.array([loss(said, targets, temperature) for temperature in fitted]) / before
    if true_temperature > 1:
        assert found.mean() <= 1.005 and found.max() <= 1.1
    else:
        plain = [loss(said, targets, fit_temperature(said[rows], targets[rows])) / before for rows in draws]
        assert found.max() <= 1.0 and found.mean() < np.mean(plain)


def test_what_the_pictures_do_not_contradict_stays_exactly_as_it_is() -> None:
    logits, targets = world(3, 1.0, 2.0)
    assert fit_temperature(logits[:30], targets[:30]) == 1.0
    sure = np.array([[9.0, 0.0], [0.0, 9.0]] * 10)
    assert fit_temperature(sure, np.array([0, 1] * 10)) == 1.0
