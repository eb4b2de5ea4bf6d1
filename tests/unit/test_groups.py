"""Intervals and tests that count groups: those of pictures where each stands alone, and honest where few groups do."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binomtest

from fieldguide.data.groups import group_numbers, inseparable_groups
from fieldguide.evaluation.metrics import headline, headline_intervals, per_label
from fieldguide.statistics.calibration import Right
from fieldguide.statistics.groups import Groups, alone, few_groups
from fieldguide.statistics.intervals import bootstrap, share_interval
from fieldguide.statistics.noninferiority import Verdict, compare, verdict_of
from fieldguide.statistics.paired import accuracy_bounds, mean_bounds, sign_flip_test
from fieldguide.statistics.shares import wilson

NUMBERS = st.lists(st.integers(0, 6), min_size=2, max_size=60).map(np.array)


def sites(chance: np.random.Generator, count: int, size: int, accuracy: float, alike: float) -> tuple[Groups, Right]:
    """The sites of some frames, and which the classifier has right; it is better at some sites than at others."""
    sizes = np.maximum(1, np.round(size * chance.lognormal(-0.32, 0.8, count))).astype(int)
    share = chance.beta(accuracy * (1 - alike) / alike, (1 - accuracy) * (1 - alike) / alike, count)
    groups = np.repeat(np.arange(count), sizes)
    return groups, chance.random(len(groups)) < share[groups]


# What pictures are one group.


def test_a_group_is_what_has_one_key_else_one_group_of_look_alikes() -> None:
    keys = pd.DataFrame({"group": ["a", "a", "b", "c", "c"], "split_key": ["x", "y", "x", None, None]})
    assert group_numbers(keys).tolist() == [0, 1, 0, 2, 2]
    assert group_numbers(keys[["group"]]).tolist() == [0, 0, 1, 2, 2]
    assert group_numbers(pd.DataFrame({"id": ["a", "b"]})).tolist() == [0, 1]


def test_boxes_of_one_file_are_inseparable_whatever_they_look_like() -> None:
    boxes = pd.DataFrame({"group": ["a", "b", "c", "c", "e"], "path": ["1", "1", "2", "3", "4"]})
    assert inseparable_groups(boxes).tolist() == ["a", "a", "c", "c", "e"]
    chain = pd.DataFrame({"group": ["b", "b", "a"], "path": ["1", "2", "2"]})
    assert inseparable_groups(chain).nunique() == 1
    whole = pd.DataFrame({"group": ["a", "b", "b"], "path": ["1", "2", "3"]})
    assert inseparable_groups(whole).tolist() == ["a", "b", "b"], "without boxes, the groups as they are"
    assert inseparable_groups(whole[:0]).empty


def test_a_key_is_never_taken_for_a_group_of_the_same_name() -> None:
    assert group_numbers(pd.DataFrame({"group": ["a", "b"], "split_key": [None, "a"]})).tolist() == [0, 1]


# Pictures that stand alone: the statistics of pictures.


def test_the_interval_of_a_share_of_pictures_that_stand_alone_is_wilsons() -> None:
    right = np.arange(30) < 27
    assert share_interval(right, alone(30)) == wilson(27, 30)
    assert share_interval(right[:0], alone(0)) == (0, 1)


def test_the_bootstrap_of_pictures_that_stand_alone_is_that_of_pictures() -> None:
    values = np.random.default_rng(4).normal(size=50)
    found = bootstrap(lambda rows: {"mean": float(values[rows].mean())}, alone(50), 300)
    chance = np.random.default_rng(0)
    means = [values[chance.integers(50, size=50)].mean() for _ in range(300)]
    assert [found["mean_low"], found["mean_high"]] == np.quantile(means, [0.025, 0.975]).tolist()


@given(st.integers(0, 40), st.integers(0, 40), st.integers(0, 100))
def test_the_test_of_pictures_that_stand_alone_is_mcnemars(first: int, second: int, neither: int) -> None:
    differences = np.repeat([1.0, -1.0, 0.0], [first, second, neither])
    expected = binomtest(first, first + second, 0.5).pvalue if first + second else 1.0
    assert sign_flip_test(differences, alone(len(differences))) == pytest.approx(expected)


def test_the_bounds_of_pictures_that_stand_alone_are_those_of_counts() -> None:
    differences = np.repeat([1.0, -1.0, 0.0], [9, 4, 87])
    drawn = np.random.default_rng(0).multinomial(100, np.array([10, 5, 87]) / 102, size=10_000)
    expected = np.quantile((drawn[:, 0] - drawn[:, 1]) / 100, [0.05, 0.95])
    assert accuracy_bounds(differences, alone(100), 0.9, added=1) == tuple(expected)


# Groups: what must hold.


@settings(deadline=None)
@given(NUMBERS, st.integers(0, 1000))
def test_the_names_and_the_order_of_groups_do_not_matter(groups: Groups, seed: int) -> None:
    chance = np.random.default_rng(seed)
    right = chance.random(len(groups)) < 0.8
    order = chance.permutation(len(groups))
    low, high = share_interval(right, groups)
    assert share_interval(right[order], 100 - groups[order]) == pytest.approx((low, high))
    assert 0 <= low <= right.mean() <= high <= 1
    gains = np.where(right, 1.0, -1.0)
    assert sign_flip_test(gains, groups) == pytest.approx(sign_flip_test(gains[order], 7 * groups[order]))


@settings(deadline=None)
@given(NUMBERS, st.integers(0, 1000))
def test_an_interval_by_groups_is_never_narrower_than_that_of_pictures(groups: Groups, seed: int) -> None:
    right = np.random.default_rng(seed).random(len(groups)) < 0.7
    low, high = share_interval(right, groups)
    assert high - low >= np.subtract(*wilson(int(right.sum()), len(right))[::-1]) - 1e-9
    if len(np.unique(groups)) > 1:
        assert few_groups(groups) >= 1


@given(NUMBERS)
def test_pictures_that_are_all_right_tell_as_much_as_their_groups_do(groups: Groups) -> None:
    sizes = np.unique(groups, return_counts=True)[1]
    low, high = share_interval(np.ones(len(groups), bool), groups)
    assert high == pytest.approx(1)
    if (sizes == sizes[0]).all():
        assert low == pytest.approx(wilson(len(sizes), len(sizes))[0])


def test_of_a_single_group_next_to_nothing_is_known() -> None:
    groups, targets = np.zeros(40, int), np.arange(40) % 2
    assert share_interval(np.ones(40, bool), groups) == pytest.approx(wilson(1, 1))
    found = headline_intervals(targets, np.full((40, 2), 0.5), groups, 100)
    assert (found["macro_f1_low"], found["macro_f1_high"], found["log_loss_low"]) == (0, 1, 0)
    assert found["accuracy_high"] - found["accuracy_low"] > 0.75
    assert found["log_loss_high"] == pytest.approx(-np.log(1e-15))
    assert mean_bounds(np.ones(40), groups, 0.95) == (-np.inf, np.inf)
    compared = compare(np.ones(40), groups, 0.95)
    assert (compared.low, compared.high, compared.p_value) == (-1, 1, 1)
    assert verdict_of(compared, 0.03) == Verdict.NOT_ENOUGH


def test_five_groups_never_show_a_difference_and_six_do() -> None:
    assert sign_flip_test(np.ones(50), np.arange(50) % 5) == pytest.approx(2 / 2**5)
    assert sign_flip_test(np.ones(60), np.arange(60) % 6) == pytest.approx(2 / 2**6)


def test_groups_of_several_sizes_are_flipped_by_hand() -> None:
    """Totals 3, 2 and -1: of eight choices of signs the sums are 6, 4, 2, 0 and their opposites; 4 or more are four."""
    differences = np.array([1.0, 1, 1, 1, 1, -1])
    assert sign_flip_test(differences, np.array([0, 0, 0, 1, 1, 2])) == pytest.approx(4 / 8)


def test_figures_per_label_count_the_groups_that_have_it() -> None:
    targets, predicted = np.array([0, 0, 0, 0, 1, 1]), np.array([0, 0, 0, 0, 1, 0])
    table = per_label(targets, predicted, ["a", "b"], np.array([0, 0, 1, 1, 1, 2])).set_index("label")
    assert table["groups"].tolist() == [2, 2]
    assert (table.loc["a", "recall_low"], table.loc["a", "recall_high"]) == pytest.approx(wilson(2, 2))
    assert table.loc["b", "f1"] == pytest.approx(2 / 3)
    assert (table["f1_low"] <= table["f1"]).all()
    assert (table["f1"] <= table["f1_high"]).all()


def test_intervals_by_groups_hold_the_figures_and_stay_within_what_these_can_be() -> None:
    chance = np.random.default_rng(0)
    groups = np.repeat(np.arange(4), 10)
    targets = chance.integers(3, size=40)
    probabilities = chance.dirichlet([1, 1, 1], 40) * 0.5 + 0.5 * np.eye(3)[targets]
    found, intervals = headline(targets, probabilities), headline_intervals(targets, probabilities, groups, 200)
    for name in ("accuracy", "macro_f1", "log_loss"):
        assert 0 <= intervals[f"{name}_low"] <= found[name] <= intervals[f"{name}_high"]
    assert intervals["macro_f1_high"] <= 1


# Simulations.


def test_an_interval_of_few_sites_holds_the_accuracy_at_new_sites() -> None:
    chance, held, counted_pictures = np.random.default_rng(1), 0, 0
    for _ in range(300):
        groups, right = sites(chance, 6, 30, 0.9, 0.1)
        low, high = share_interval(right, groups)
        held += low <= 0.9 <= high
        low, high = wilson(int(right.sum()), len(right))
        counted_pictures += low <= 0.9 <= high
    assert held >= 0.93 * 300
    assert counted_pictures < 0.7 * 300


@pytest.mark.slow
def test_two_equal_models_on_300_frames_of_12_sites_are_seldom_called_better() -> None:
    """The aim of issue 16: at most 5 %. By pictures it would be twice that."""
    chance, by_group, by_picture = np.random.default_rng(2), 0, 0
    groups = np.repeat(np.arange(12), 25)
    for _ in range(400):
        bias = np.clip(chance.normal(0, 0.08, 12), -0.16, 0.16)[groups]
        draw = chance.random(300)
        differences = (draw < 0.08 + bias / 2).astype(float) - (draw > 1 - (0.08 - bias / 2))
        by_group += verdict_of(compare(differences, groups, 0.95), 0.03) == Verdict.BETTER
        by_picture += sign_flip_test(differences, alone(300)) < 0.05 and differences.sum() > 0
    assert by_group <= 0.05 * 400
    assert by_picture > 0.05 * 400
