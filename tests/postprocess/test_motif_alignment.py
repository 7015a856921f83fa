import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from finemo_zarr.postprocess._alignment import align, match_one_to_one

MATRICES = st.integers(1, 6).flatmap(
    lambda width: arrays(float, (4, width), elements=st.integers(-3, 3))
)


def unit(column: np.ndarray) -> np.ndarray:
    centred = column - column.mean()
    length = np.linalg.norm(centred)
    return centred / length if length else centred * 0


def score(a: np.ndarray, b: np.ndarray, offset: int) -> tuple[float, float]:
    """Sum of the cosines at an offset, and their mean: column by column."""
    columns = [j for j in range(b.shape[1]) if 0 <= j + offset < a.shape[1]]
    total = sum(float(unit(a[:, j + offset]) @ unit(b[:, j])) for j in columns)
    return total, total / len(columns)


@settings(deadline=None)
@given(MATRICES, MATRICES)
def test_align__is_best_by_the_sum_and_reports_the_mean(a, b):
    found = align(a, b)
    other = b[::-1, ::-1] if found.reverse else b
    total, mean = score(a, other, found.offset)
    assert found.similarity == pytest.approx(mean, abs=1e-9)
    offsets = range(1 - b.shape[1], a.shape[1])
    best = max(score(a, each, k)[0] for each in (b, b[::-1, ::-1]) for k in offsets)
    assert total == pytest.approx(best, abs=1e-8)
    assert -1 - 1e-9 <= found.similarity <= 1


@settings(deadline=None)
@given(MATRICES, MATRICES)
def test_align__does_not_depend_on_the_strand_of_either(a, b):
    found, turned = align(a, b), align(a, b[::-1, ::-1])
    total = score(a, b[::-1, ::-1] if found.reverse else b, found.offset)[0]
    other = b if turned.reverse else b[::-1, ::-1]
    assert score(a, other, turned.offset)[0] == pytest.approx(total, abs=1e-8)


def test_align__finds_a_motif_in_itself_on_either_strand():
    rng = np.random.default_rng(0)
    a = rng.normal(size=(4, 12))
    assert align(a, 3 * a[:, 4:10]) == pytest.approx((1.0, 4, False))
    assert align(a, a[::-1, ::-1][:, 2:10]) == pytest.approx((1.0, 2, True))
    assert align(a[:, 3:8], a) == pytest.approx((1.0, -3, False))


def test_align__of_one_column_does_not_fail():
    one = np.array([[1.0], [0], [0], [0]])
    assert align(one, one) == (1.0, 0, False)
    assert align(one, one * 0).similarity == 0


def test_match__takes_the_best_pair_first():
    similarity = np.array([[0.95, 0.99, 0.2], [0.92, 0.98, 0.3]])
    assert match_one_to_one(similarity, 0.9) == [(0, 1), (1, 0)]
    assert match_one_to_one(similarity, 0.93) == [(0, 1)]
    assert match_one_to_one(similarity, 1.0) == []
    assert match_one_to_one(similarity, -1) == [(0, 1), (1, 0)]
    assert match_one_to_one(np.zeros((0, 3)), 0.5) == []


@given(arrays(float, (3, 4), elements=st.floats(-1, 1)), st.floats(-1, 1))
def test_match__is_one_to_one_and_greedy(similarity, least):
    pairs = match_one_to_one(similarity, least)
    assert len({a for a, _ in pairs}) == len({b for _, b in pairs}) == len(pairs)
    values = [similarity[pair] for pair in pairs]
    assert values == sorted(values, reverse=True)
    assert all(value >= least for value in values)
    rest = np.delete(np.delete(similarity, [a for a, _ in pairs], 0), [b for _, b in pairs], 1)
    assert not (rest >= least).any()
