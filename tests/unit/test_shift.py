"""A batch is called shifted where it is another world, and hardly ever where it is not."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray

from fieldguide.prediction.batch_page import BatchFindings, loss_in_words, verdict
from fieldguide.prediction.batch_verdict import Kind, Loss, expected_loss, kind_of
from fieldguide.screening.batch_reference import load_errors, loss_errors, save_reference
from fieldguide.screening.observations import Observations
from fieldguide.statistics import two_sample
from fieldguide.statistics.two_sample import ALPHA, Columns, Shift, detect_shift, permutation_p_value

REFERENCE, BATCH, FEATURES = 120, 50, 40


def world(seed: int, count: int, move: float = 0.0, share: float = 0.5) -> tuple[Columns, NDArray[np.float64]]:
    """Probabilities of a label that `share` of the pictures have, and features that are moved by so many deviations."""
    chance = np.random.default_rng(seed)
    sure = np.where(chance.random(count) < share, 0.9, 0.1) + chance.normal(0, 0.05, count)
    return {"black": sure, "grizzly": 1 - sure}, chance.normal(move, 1, (count, FEATURES))


def compared(reference: int, batch: int, parts: int = 1, **change: float) -> Shift:
    columns, features = world(reference, REFERENCE // parts)
    new_columns, new_features = world(batch, BATCH // parts, **change)
    return detect_shift(columns, new_columns, features, new_features)


@pytest.mark.slow
def test_batches_of_the_same_world_are_hardly_ever_called_shifted() -> None:
    """Small ones, for speed: the tests are exact whatever the number of pictures."""
    called = sum(compared(2 * seed, 2 * seed + 1, parts=2).differs for seed in range(100))
    assert called <= 4  # ALPHA of 100 is 1; more than 4 happens in one of 270


def test_another_world_is_seen_in_the_features_alone() -> None:
    found = [compared(2 * seed, 2 * seed + 1, move=0.5) for seed in range(20)]
    assert all(shift.differs for shift in found)
    assert all(shift.tests[0].name == "features" and shift.tests[0].effect > 0.5 for shift in found)


def test_another_mix_of_labels_is_seen_in_the_probabilities() -> None:
    found = [compared(2 * seed, 2 * seed + 1, share=0.95) for seed in range(20)]
    assert all(shift.differs for shift in found)
    assert all(shift.tests[0].name in ("black", "grizzly") for shift in found)


def test_the_pictures_that_shifted_are_the_typical_ones() -> None:
    columns, features = world(0, REFERENCE)
    new_columns, new_features = world(1, BATCH)
    new_features[:10] += 2.0
    shift = detect_shift(columns, new_columns, features, new_features)
    assert set(np.argsort(-shift.typical)[:8]) <= set(range(10))


def test_features_alone_are_enough_beside_the_columns_of_many_labels() -> None:
    """By 2,000 permutations no p-value could stay below ALPHA after the correction for 40 tests."""
    columns, features = world(0, REFERENCE)
    new_columns, new_features = world(1, BATCH, move=1.0)
    many = {f"label {n}": np.random.default_rng(n).random(REFERENCE) for n in range(37)}
    new_many = {f"label {n}": np.random.default_rng(100 + n).random(BATCH) for n in range(37)}
    shift = detect_shift({**columns, **many}, {**new_columns, **new_many}, features, new_features)
    assert [test.name for test in shift.tests if test.differs] == ["features"]


def test_of_a_large_batch_the_test_on_features_takes_some(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("fieldguide.statistics.two_sample.MAX_PICTURES", 20)
    shift = compared(0, 1, move=1.0)
    assert np.flatnonzero(np.isfinite(shift.typical)).tolist() == np.linspace(0, BATCH - 1, 20).round().tolist()
    assert shift.differs


def test_the_correction_pays_for_every_test() -> None:
    """The more columns are looked at, the less each of them counts: p-values never become smaller by more tests."""
    columns, features = world(0, REFERENCE)
    new_columns, new_features = world(1, BATCH, move=0.2)
    few = detect_shift(columns, new_columns, features, new_features)
    more = {f"noise {n}": np.random.default_rng(n).random(REFERENCE) for n in range(10)}
    new_more = {f"noise {n}": np.random.default_rng(100 + n).random(BATCH) for n in range(10)}
    many = detect_shift({**columns, **more}, {**new_columns, **new_more}, features, new_features)
    corrected = {test.name: test.p_value for test in many.tests}
    assert all(corrected[test.name] >= test.p_value for test in few.tests)
    assert any(corrected[test.name] > test.p_value for test in few.tests)


def test_a_batch_that_is_alike_costs_no_more_among_many(monkeypatch: pytest.MonkeyPatch) -> None:
    """A test that is far from significant stops early, however small its p-value would have to be."""
    drawn: list[int] = []
    ranks = two_sample._ranks

    def counted(rows: NDArray[np.float64]) -> NDArray[np.float64]:
        drawn.append(len(rows))
        return ranks(rows)

    monkeypatch.setattr(two_sample, "_ranks", counted)
    columns, features = world(0, REFERENCE)
    new_columns, new_features = world(1, BATCH)
    one = detect_shift(columns, new_columns, features, new_features)
    alone = sum(drawn)
    many = detect_shift(columns, new_columns, features, new_features, among=1000)
    assert one.tests == many.tests and not one.differs
    assert sum(drawn) == 2 * alone < 2 * 1999


@pytest.mark.parametrize(("share", "told"), [(1.0, True), (0.5, False)])
def test_a_part_that_a_column_tells_apart_draws_no_more_among_many(
    monkeypatch: pytest.MonkeyPatch, share: float, told: bool
) -> None:
    """Where the features alone differ they need the permutations; else the answers are the same without them."""
    most: list[int] = []

    def counted(as_large: Callable[[int], NDArray[np.bool_]], permutations: int) -> float:
        most.append(permutations)
        return 1 / (permutations + 1)

    monkeypatch.setattr(two_sample, "permutation_p_value", counted)
    columns, features = world(0, REFERENCE)
    new_columns, new_features = world(1, BATCH, move=0.5, share=share)
    one, many = (detect_shift(columns, new_columns, features, new_features, among=among) for among in (1, 500))
    assert most[0] == two_sample.PERMUTATIONS
    assert most[1] == most[0] if told else most[1] > 20 * most[0]
    assert two_sample.differ_together([many] * 500) == [True] * 500
    assert one.differs


def test_a_p_value_by_permutations_that_stop_early_is_exact() -> None:
    """Of what is alike it is below any level in at most so large a share."""
    chance = np.random.default_rng(0)

    def p_value() -> float:
        found = chance.random()
        return permutation_p_value(lambda count: chance.random(count) >= found, 1999)

    p_values = np.array([p_value() for _ in range(4000)])
    for level in (0.005, 0.01, 0.05, 0.2, 0.5, 0.9):
        assert abs((p_values <= level).mean() - level) < 4 * np.sqrt(level / 4000)
    assert permutation_p_value(lambda count: np.zeros(count, bool), 1999) == 1 / 2000
    assert permutation_p_value(lambda count: np.ones(count, bool), 1999) == 1


def test_the_same_batch_gives_the_same_answer() -> None:
    first, second = compared(0, 1, move=0.3), compared(0, 1, move=0.3)
    assert first.tests == second.tests
    np.testing.assert_array_equal(first.typical, second.typical)


@pytest.mark.parametrize("constant", [0.0, 1.0])
def test_features_that_never_change_say_nothing(constant: float) -> None:
    columns, _ = world(0, REFERENCE)
    new_columns, _ = world(1, BATCH)
    shift = detect_shift(columns, new_columns, np.full((REFERENCE, 3), constant), np.full((BATCH, 3), constant))
    features = next(test for test in shift.tests if test.name == "features")
    assert features.effect == 0
    assert features.p_value > ALPHA


def answers(count: int, sure: float) -> NDArray[np.float64]:
    """Probabilities whose confidence is this on average."""
    confidence = np.random.default_rng(count).normal(sure, 0.05, count).clip(0.5, 1)
    return np.stack([confidence, 1 - confidence], axis=1)


@pytest.mark.parametrize(
    ("move", "alarms", "sure", "kind"),
    [
        (0.0, 3, 0.9, Kind.KNOWN),
        (1.0, 3, 0.9, Kind.OTHER_SOURCE),  # alarms as promised, as sure as usual
        (1.0, 5, 0.88, Kind.OTHER_SOURCE),
        (1.0, 20, 0.9, Kind.SHIFTED),
        (1.0, 3, 0.75, Kind.SHIFTED),
    ],
)
def test_a_batch_has_shifted_only_if_alarms_or_confidence_say_so_too(
    move: float, alarms: int, sure: float, kind: Kind
) -> None:
    loss = expected_loss(answers(REFERENCE, 0.9), answers(BATCH, sure))
    assert kind_of(compared(0, 1, move=move), alarms, BATCH, 0.05, loss) == kind


def test_the_expected_loss_is_the_fall_of_the_confidence_within_its_interval() -> None:
    loss = expected_loss(answers(200, 0.9), answers(100, 0.7))
    assert loss.low < 0.2 < loss.high and loss.expected == pytest.approx(0.2, abs=0.02)


def findings(alarms: int, errors: dict[str, float]) -> BatchFindings:
    shift = compared(0, 1, move=1.0)
    return BatchFindings("new/", Kind.SHIFTED, BATCH, 0, alarms, Loss(0.2, 0.15, 0.25), errors, 0.05, 60, shift, [])


def test_the_expected_loss_comes_with_its_error_and_is_not_claimed_of_what_is_out_of_domain() -> None:
    errors = {"night": -0.2, "rain": 0.04, "hand_drawn": -0.46}
    told = loss_in_words(findings(20, errors))
    assert told.startswith("expected loss of accuracy +20.0 points (+15 to +25)")
    assert told.endswith("under 3 simulated shifts it was off by 23 points on average, by 46 at most (hand drawn)")
    strange = verdict(findings(30, errors))
    assert "confidence says nothing about the accuracy on what is not known; if they show known labels" in strange
    assert "its error was not measured" in loss_in_words(findings(20, {}))


def test_the_error_of_the_expected_loss_is_measured_where_the_true_one_is_known(tmp_path: Path) -> None:
    """Confidence falls by 10 points and accuracy by 30: 20 points too little; and it is kept beside the reference."""
    shifts = pd.DataFrame(
        {"shift": ["unchanged", "night", "rain"], "accuracy": [0.9, 0.6, 0.9], "confidence": [0.9, 0.8, 0.85]}
    )
    errors = loss_errors(shifts)
    assert errors == {"night": -0.2, "rain": 0.05}
    empty = np.zeros((2, 3), np.float32)
    observations = Observations(empty, empty, empty, np.zeros((2, 3)))
    for expected in (errors, {}):
        save_reference(observations, tmp_path / "reference.safetensors", expected)
        assert load_errors(tmp_path / "reference.safetensors") == expected
