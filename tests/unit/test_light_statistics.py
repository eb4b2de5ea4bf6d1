"""The statistics of screening, which do without SciPy, against SciPy's."""

import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import beta, binomtest, ks_2samp, rankdata

from conftest import examples
from fieldguide.statistics.kolmogorov_smirnov import LARGEST_EXACT, kolmogorov_smirnov
from fieldguide.statistics.shares import beta_share, calibrated_share, wilson
from fieldguide.statistics.two_sample import _ranks


@given(st.integers(1, 60), st.integers(1, 60), st.integers(0, 2**32), st.sampled_from([0.0, 0.5, 3.0]))
@settings(max_examples=examples(60), deadline=None)
def test_the_kolmogorov_smirnov_test_is_scipys(n: int, m: int, seed: int, shift: float) -> None:
    """Also with ties, as of probabilities that are all 1."""
    chance = np.random.default_rng(seed)
    one, other = chance.standard_normal(n).round(1), (chance.standard_normal(m) + shift).round(1)
    with warnings.catch_warnings(action="ignore"):  # where SciPy falls back on an approximation
        wanted = ks_2samp(one, other, method="exact")
    np.testing.assert_allclose(kolmogorov_smirnov(one, other), (wanted.statistic, wanted.pvalue), rtol=1e-9)


@pytest.mark.parametrize("shift", [0.0, 0.04, 0.2])
def test_of_very_many_pictures_the_limit_distribution_is_near(shift: float) -> None:
    chance = np.random.default_rng(1)
    one, other = chance.standard_normal(900), chance.standard_normal(LARGEST_EXACT + 1) + shift
    wanted = ks_2samp(one, other[:-1], method="exact")
    assert kolmogorov_smirnov(one, other)[1] == pytest.approx(wanted.pvalue, rel=0.05, abs=1e-9)
    assert kolmogorov_smirnov(other, other) == (0.0, 1.0)


@given(st.floats(0.05, 2000), st.floats(0.05, 2000), st.floats(0, 1))
@settings(deadline=None)
def test_the_beta_distribution_is_scipys(below: float, above: float, x: float) -> None:
    assert beta_share(x, below, above) == pytest.approx(beta.cdf(x, below, above), abs=1e-9)


@given(st.floats(0.001, 0.5), st.integers(1, 20_000))
@settings(deadline=None)
def test_the_interval_of_a_promise_is_that_of_scipys_quantiles(share: float, pictures: int) -> None:
    wanted = beta.ppf([0.025, 0.975], share * (pictures / 2 + 1), (1 - share) * (pictures / 2 + 1))
    np.testing.assert_allclose(calibrated_share(share, pictures), wanted, atol=1e-9)


@given(st.integers(1, 5000).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_wilsons_interval_is_scipys(counts: tuple[int, int]) -> None:
    wanted = binomtest(*counts).proportion_ci(0.95, method="wilson")
    np.testing.assert_allclose(wilson(*counts), (wanted.low, wanted.high), rtol=1e-12, atol=1e-15)


@given(st.integers(1, 5), st.integers(1, 30), st.integers(0, 2**32))
def test_ranks_are_scipys(rows: int, columns: int, seed: int) -> None:
    values = np.random.default_rng(seed).integers(0, 8, (rows, columns)).astype(float)
    np.testing.assert_array_equal(_ranks(values), rankdata(values, axis=1))
