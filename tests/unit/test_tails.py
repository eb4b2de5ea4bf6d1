"""P-values from a sample of ordinary scores: kept promises, no end, and strangers in the sample."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.stats import norm

from conftest import examples
from fieldguide.screening.p_values import MAX_VALUES, are_ordinary, fit_tail, tail_of, winsorized, with_normal_tail
from fieldguide.statistics.shares import calibrated_share

scores = arrays(np.float64, st.integers(2, 80), elements=st.floats(-1e6, 1e6), unique=True)
shares = st.sampled_from([0.1, 0.25, 0.5])


@given(scores, shares)
def test_p_values_fall_as_scores_rise_and_stay_above_zero(sample: np.ndarray, share: float) -> None:
    tail = fit_tail(sample, share, least_scale=1e-6)
    asked = np.sort(np.concatenate([sample, [-1e9, 0.0, 1e9]]))
    p_values = tail.p_values(asked)
    assert (np.diff(p_values) <= 0).all()
    assert (p_values > 0).all()
    assert (p_values <= 1).all()


@given(scores, shares, st.floats(0.5, 100), st.floats(-100, 100))
def test_units_do_not_matter(sample: np.ndarray, share: float, factor: float, shift: float) -> None:
    sample = np.round(sample)
    if len(np.unique(sample)) < len(sample):
        return
    asked = sample + 0.5
    plain = fit_tail(sample, share, 1e-9).p_values(asked)
    scaled = fit_tail(factor * sample + shift, share, 1e-9).p_values(factor * asked + shift)
    np.testing.assert_allclose(plain, scaled, rtol=1e-3)


@pytest.mark.parametrize("draw", ["standard_normal", "standard_exponential", "standard_gamma"])
@pytest.mark.parametrize("count", [60, 200])
def test_of_exchangeable_scores_a_share_alpha_has_p_at_most_alpha(draw: str, count: int) -> None:
    """Whatever the scores' distribution; over many samples, since each one's own rate varies."""
    chance = np.random.default_rng(0)
    arguments = (3.0,) if draw == "standard_gamma" else ()
    rows = getattr(chance, draw)(*arguments, size=(200, count + 50))
    p_values = np.concatenate([fit_tail(row[:count], 0.5, 1e-6).p_values(row[count:]) for row in rows])
    for alpha in (0.05, 0.1):  # fitted
        assert 0.5 * alpha < (p_values <= alpha).mean() < 1.75 * alpha
    for alpha in (0.6, 0.8):  # counted
        assert (p_values <= alpha).mean() == pytest.approx(alpha, abs=0.03)


def test_beyond_the_sample_p_values_go_on_falling() -> None:
    sample = np.random.default_rng(1).standard_exponential(100)
    far, farther = fit_tail(sample, 0.25, 1e-6).p_values(np.array([10.0, 15.0]))
    assert farther < far < 1 / 101  # where counting ends
    assert far == pytest.approx(np.exp(-10), rel=10)


def test_normal_scores_get_the_p_values_of_a_normal_distribution() -> None:
    sample = np.random.default_rng(3).standard_normal(20000)
    asked = np.linspace(-2, 5, 50)
    p_values = with_normal_tail(fit_tail(sample, 0.25, 1e-6).p_values(asked), 0.25)
    np.testing.assert_allclose(np.log(p_values), norm.logsf(asked), atol=0.5)


@given(scores, shares)
def test_the_normal_tail_is_in_the_same_order_and_nowhere_heavier_far_out(sample: np.ndarray, share: float) -> None:
    exponential = fit_tail(sample, share, least_scale=1e-6).p_values(np.sort(sample))
    normal = with_normal_tail(exponential, share)
    assert (np.diff(normal) <= 0).all()
    assert (normal > 0).all()
    assert (normal[exponential >= share] == exponential[exponential >= share]).all()
    assert (normal[exponential < share / 50] < exponential[exponential < share / 50]).all()


def test_a_few_strangers_in_the_sample_change_little() -> None:
    chance = np.random.default_rng(2)
    rates, naive = [], []
    for _ in range(100):
        ordinary, new = chance.standard_exponential(95), chance.standard_exponential(400)
        sample = np.concatenate([ordinary, chance.uniform(6, 30, 5)])
        rates.append((fit_tail(sample, 0.5, 1e-6).p_values(new) <= 0.05).mean())
        naive.append((new > np.quantile(sample, 0.95)).mean())
    assert np.mean(naive) < 0.02
    assert 0.03 < np.mean(rates) < 0.07


def test_as_many_outliers_come_back_as_are_expected_of_ordinary_scores() -> None:
    sample = np.arange(200.0)
    for outliers, back in ((0, 0), (1, 1), (5, 2)):  # 1 % of 200 are 2
        kept = 200 - outliers
        values = winsorized(sample, sample < kept, 0.01)
        assert values.tolist() == [*range(kept), *[kept - 1] * back]
    assert len(winsorized(sample[:30], sample[:30] < 27, 0.01)) == 28


@pytest.mark.parametrize("count", [103, 400])
@pytest.mark.parametrize("draw", ["standard_normal", "standard_exponential"])
def test_the_largest_fifth_keeps_the_promise_whatever_the_tail_with_strangers_and_without(
    draw: str, count: int
) -> None:
    """An exponential curve from the median on gave normal scores 3.6 % without strangers, and 2 % with them."""
    chance = np.random.default_rng(4)
    new = np.sort(getattr(chance, draw)(20000))[::10]
    median, rare = np.quantile(new, [0.5, 0.99])
    for strangers, most in ((0.0, 0.08), (0.045, 0.07)):
        rates = []
        for _ in range(100):
            sample = getattr(chance, draw)(count)
            strange = chance.random(count) < strangers
            sample[strange] = rare + (rare - median) * chance.random(strange.sum())
            kept = winsorized(sample, are_ordinary(sample, 0.2, 1e-6, 0.01), 0.01)
            rates.append((tail_of(kept, 0.2, 1e-6).p_values(new) <= 0.05).mean())
        assert 0.03 < np.mean(rates) < most


def test_all_scores_the_same_is_no_error() -> None:
    tail = fit_tail(np.zeros(40), 0.1, 0.02)
    assert tail.p_values(np.array([0.0])) >= 0.1
    assert tail.p_values(np.array([1.0])) < 1e-6


@settings(max_examples=examples(5))
@given(st.integers(MAX_VALUES + 1, 3 * MAX_VALUES))
def test_of_a_large_sample_few_values_are_kept_and_mean_the_same(count: int) -> None:
    sample = np.random.default_rng(count).standard_normal(count)
    tail = fit_tail(sample, 0.1, 1e-6)
    assert len(tail.values) == MAX_VALUES
    asked = np.array([0.0, 1.0, 2.0])
    counted = np.array([(sample >= one).mean() for one in asked])
    np.testing.assert_allclose(tail.p_values(asked), counted, rtol=0.3)


@given(st.integers(100, 5000), st.floats(0.05, 0.5))
def test_the_interval_of_a_promise_holds_it_and_narrows_with_more_pictures(count: int, share: float) -> None:
    low, high = calibrated_share(share, count)
    assert 0 <= low < share < high <= 1
    more = calibrated_share(share, 4 * count)
    assert low < more[0] < share < more[1] < high
    assert calibrated_share(share, 0) == (0.0, 1.0)


def test_the_interval_of_a_promise_is_what_draws_of_the_pictures_give() -> None:
    """Thresholds set by counting half as many scores, see `calibrated_share`."""
    chance = np.random.default_rng(5)
    thresholds = np.sort(chance.random((20000, 119)), axis=1)[:, -6]  # 1 - 6 / 120 are below, on average
    wanted = np.quantile(1 - thresholds, [0.025, 0.975])
    np.testing.assert_allclose(calibrated_share(0.05, 236), wanted, rtol=0.05)
