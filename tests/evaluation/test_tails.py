import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binom, false_discovery_control, fisher_exact, hypergeom, poisson

from finemo_zarr.evaluation.tails import (
    benjamini_hochberg,
    log_binomial_tail,
    log_hypergeometric_tail,
    log_poisson_tail,
)


@settings(deadline=None, max_examples=150)
@given(data=st.data(), total=st.integers(1, 400))
def test_fisher__is_that_of_scipy(data, total: int) -> None:
    first, second = (data.draw(st.integers(0, total)) for _ in range(2))
    both = data.draw(st.integers(max(0, first + second - total), min(first, second)))
    found = log_hypergeometric_tail(*(np.array([n]) for n in (both, first, second)), total)[0]
    assert np.exp(found) == pytest.approx(hypergeom.sf(both - 1, total, first, second), rel=1e-9)
    table = [[both, first - both], [second - both, total - first - second + both]]
    assert np.exp(found) == pytest.approx(fisher_exact(table, "greater").pvalue, rel=1e-7)


def test_fisher__stays_exact_where_probabilities_vanish() -> None:
    # All of 5000 with the first have the second, of a million: the product of shares.
    found = log_hypergeometric_tail(np.array([5000]), np.array([5000]), np.array([6000]), 10**6)
    exact = np.log((6000 - np.arange(5000.0)) / (1e6 - np.arange(5000.0))).sum()
    assert found[0] == pytest.approx(exact, rel=1e-8)
    assert np.exp(found[0]) == 0


def test_tails__keep_shapes_and_take_what_is_certain() -> None:
    count = np.array([[0, 3], [7, 0]])
    np.testing.assert_allclose(log_poisson_tail(count, np.ones((2, 2)))[[0, 1], [0, 1]], 0)
    assert log_poisson_tail(count, np.zeros((2, 2)))[0, 1] == -np.inf
    assert log_binomial_tail(count, np.full((2, 2), 7), 0.5)[1, 0] == pytest.approx(7 * np.log(0.5))
    assert log_hypergeometric_tail(np.zeros((0,)), np.zeros(0), np.zeros(0), 5).shape == (0,)


@settings(deadline=None, max_examples=100)
@given(count=st.integers(0, 300), mean=st.floats(1e-6, 200), share=st.floats(0.001, 0.999))
def test_poisson_and_binomial__are_those_of_scipy(count: int, mean: float, share: float) -> None:
    found = log_poisson_tail(np.array([count]), np.array([mean]))[0]
    expected = poisson.sf(count - 1, mean)
    if expected > 1e-290:
        assert np.exp(found) == pytest.approx(expected, rel=1e-8)
    found = log_binomial_tail(np.array([count]), np.array([300]), share)[0]
    expected = binom.sf(count - 1, 300, share)
    if expected > 1e-290:
        assert np.exp(found) == pytest.approx(expected, rel=1e-8)


def test_q_values__are_those_of_scipy_and_skip_what_is_no_test() -> None:
    p = np.random.default_rng(0).uniform(0, 1, 200) ** 3
    with_gaps = np.full((20, 20), np.nan)
    with_gaps.ravel()[::2] = np.log(p)
    found = np.exp(benjamini_hochberg(with_gaps).ravel()[::2])
    np.testing.assert_allclose(found, false_discovery_control(p), rtol=1e-10)
    assert np.isnan(benjamini_hochberg(with_gaps).ravel()[1::2]).all()
    assert benjamini_hochberg(np.array([-np.inf, 0.0])).tolist() == [-np.inf, 0.0]
