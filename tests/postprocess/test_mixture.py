import numpy as np
import pytest

from finemo_zarr.postprocess._mixture import (
    exponential_quantile,
    exponential_rate,
    fit_mixture,
    mode_of,
)
from finemo_zarr.postprocess.filters import ExponentialOptions, exponential_threshold

GRID = (np.arange(20_000) + 0.5) / 20_000


@pytest.mark.parametrize("rate", [0.5, 1.0, 20.0])
def test_exponential__cut_is_a_tenth_of_the_tail(rate):
    # -ln(1 - 0.10) = 0.10536
    assert exponential_quantile(rate, 0.1) == pytest.approx(0.10536 / rate, rel=1e-4)


@pytest.mark.parametrize("rate", [0.5, 1.0, 20.0])
def test_exponential__rate_is_that_of_every_percentile(rate):
    assert exponential_rate(-np.log1p(-GRID) / rate) == pytest.approx(rate, rel=1e-3)


def test_exponential__rate_is_the_steepest_of_all_percentiles():
    above = np.array([0.0] * 10 + [1.0] * 90)
    expected = max(-np.log(1 - q / 100) / 1.0 for q in range(15, 100, 5))
    assert exponential_rate(above) == pytest.approx(expected)
    assert exponential_rate(np.zeros(3)) == np.inf


def test_mode__is_the_centre_of_the_fullest_of_200_bins():
    scores = np.concatenate([[0.0, 2.0], np.full(5, 0.505), np.full(4, 1.5)])
    assert mode_of(scores) == pytest.approx(0.505)  # bins are 0.01 wide: 0.50 to 0.51


def test_threshold__of_an_exponential_lies_a_tenth_of_it_above_the_mode():
    rate = 4.0
    scores = 3 - np.log1p(-GRID) / rate
    threshold, mixture = exponential_threshold(scores)
    assert mixture.mode == mode_of(scores)
    above = scores[scores >= mixture.mode] - mixture.mode
    assert threshold <= mixture.mode + 0.10536 / exponential_rate(above) * 1.02
    assert threshold == pytest.approx(mixture.mode + 0.10536 / mixture.tail_rate, rel=1e-4)
    half, _ = exponential_threshold(scores, ExponentialOptions(share=0.5))
    assert half - mixture.mode == pytest.approx(np.log(2) / mixture.tail_rate)


def test_mixture__tells_the_tail_from_two_bumps():
    rng = np.random.default_rng(0)
    parts = (rng.exponential(1 / 5, 60_000), rng.normal(2, 0.2, 20_000), rng.normal(4, 0.4, 20_000))
    mixture = fit_mixture(np.concatenate(parts))
    assert mixture.rate == pytest.approx(5, rel=0.15)
    assert sorted(mixture.mean + mixture.mode) == pytest.approx([2, 4], abs=0.15)
    assert mixture.weight[0] == pytest.approx(0.6, abs=0.05)
    assert mixture.weight.sum() == pytest.approx(1)
    # No percentile of what is exponential is much off the rate.
    assert mixture.tail_rate == pytest.approx(5, rel=0.3)
    above = np.linspace(0, 8, 4001)
    whole = mixture.densities(above).sum()
    assert whole * (above[1] - above[0]) == pytest.approx(1, abs=0.03)


@pytest.mark.parametrize("scores", [[0.25], [1.0, 1.0, 1.0], [0.0, 1.0], [-3.0, -2.0, -2.0]])
def test_mixture__of_few_scores_keeps_the_most_frequent(scores):
    threshold, mixture = exponential_threshold(np.array(scores))
    assert np.isfinite(threshold)
    assert mixture.mode <= threshold <= max(mixture.mode, *scores) + 1e-9
