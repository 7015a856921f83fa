import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from finemo_zarr.postprocess._isotonic import IsotonicCurve

SCORES = st.lists(st.integers(0, 6), min_size=1, max_size=8)


def brute(hits: list[int], background: list[int]) -> dict[int, float]:
    """The min-max formula of isotonic regression: no algorithm, only its definition."""
    values = sorted({*hits, *background})
    ones = np.array([hits.count(v) for v in values], float)
    count = ones + [background.count(v) for v in values]

    def mean(i: int, j: int) -> float:
        return ones[i : j + 1].sum() / count[i : j + 1].sum()

    n = len(values)
    return {
        v: max(min(mean(i, j) for j in range(k, n)) for i in range(k + 1))
        for k, v in enumerate(values)
    }


@settings(deadline=None)
@given(SCORES, SCORES)
def test_isotonic__is_the_best_rising_curve(hits, background):
    curve = IsotonicCurve.fit(np.array(hits, float), np.array(background, float))
    expected = brute(hits, background)
    assert curve.x.tolist() == list(expected)
    assert curve.y.tolist() == pytest.approx(list(expected.values()))


def test_isotonic__is_straight_between_scores_and_nothing_outside():
    curve = IsotonicCurve.fit(np.array([3.0, 3.0]), np.array([1.0]))
    found = curve.at(np.array([0.9, 1.0, 2.0, 3.0, 3.1]))
    assert found[1:4].tolist() == [0, 0.5, 1]
    assert np.isnan(found[[0, 4]]).all()
    grid = np.linspace(0, 4, 9)
    assert curve.first(grid, 0.5) == 2.0
    assert curve.first(grid, 0.51) == 2.5
    assert curve.first(grid[:3], 0.5) is None


def test_isotonic__of_nothing_is_nothing():
    curve = IsotonicCurve.fit(np.zeros(0), np.zeros(0))
    assert np.isnan(curve.at(np.array([1.0]))).all()
    assert curve.first(np.array([1.0]), 0.1) is None
