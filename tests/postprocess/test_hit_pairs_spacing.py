import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binom

from finemo_zarr.postprocess._hit_pairs import PlacedHits, find_pairs, first_of_each
from finemo_zarr.postprocess._spacings import compare_spacings

N_MOTIFS = 3
HITS = st.lists(
    st.tuples(
        st.integers(0, 2), st.integers(0, 30), st.integers(1, 9), st.integers(0, 2 * N_MOTIFS - 1)
    ),
    max_size=14,
)


def placed(rows) -> PlacedHits:
    rows = sorted(rows, key=lambda row: row[:2])
    group, start, length, oriented = np.array(rows, dtype=np.int64).reshape(-1, 4).T
    return PlacedHits(group, start, start + length, oriented)


def read(left: tuple[int, int], right: tuple[int, int]) -> int:
    """Number of an arrangement; on the other strand it is read from the other end."""
    return left[0] * 2 * N_MOTIFS + right[0]


@settings(deadline=None)
@given(HITS, st.integers(-5, 3), st.integers(0, 12))
def test_find_pairs__are_all_that_there_are(rows, least, more):
    hits, spacings = placed(rows), range(least, least + more)
    found = find_pairs(hits, 2 * N_MOTIFS, spacings)
    expected = []
    for i in range(len(rows)):
        for j in range(len(rows)):
            if hits.group[i] != hits.group[j]:
                continue
            if hits.start[i] + hits.end[i] >= hits.start[j] + hits.end[j]:
                continue
            gap = int(hits.start[j] - hits.end[i])
            if gap in spacings:
                here = int(hits.oriented[i] * 2 * N_MOTIFS + hits.oriented[j])
                there = int((hits.oriented[j] ^ 1) * 2 * N_MOTIFS + (hits.oriented[i] ^ 1))
                expected.append((i, j, min(here, there), there < here, gap))
    assert sorted(zip(*(column.tolist() for column in found), strict=True)) == sorted(expected)


@settings(deadline=None)
@given(HITS)
def test_find_pairs__are_the_same_on_the_other_strand(rows):
    turned = [(group, 60 - at - size, size, motif ^ 1) for group, at, size, motif in rows]

    def described(hits):
        pairs = find_pairs(hits, 2 * N_MOTIFS, range(-3, 20))
        return sorted(zip(pairs.arrangement.tolist(), pairs.spacing.tolist(), strict=True))

    assert described(placed(rows)) == described(placed(turned))


def test_first_of_each__takes_a_place_of_the_genome_once():
    # Regions 0 and 1 overlap by all but ten bases.
    hits = placed([(0, 20, 5, 0), (0, 30, 5, 2), (1, 10, 5, 0), (1, 20, 5, 2), (1, 40, 5, 2)])
    place = hits.start + 10 * (hits.group == 1)
    pairs = first_of_each(find_pairs(hits, 6, range(40)), hits, place)
    assert sorted(pairs.spacing.tolist()) == [5, 15, 25]
    assert hits.group[pairs.left].tolist() == [0, 1, 1]


# --- Spacings -------------------------------------------------------------------------------------


def test_compare_spacings__is_a_binomial_test_against_those_around():
    count = np.array([[5, 3, 4, 20, 2, 6, 4, 3, 5]])
    found = compare_spacings(count, 2)
    around = [3, 4, 2, 6]
    assert found.expected[0, 3] == pytest.approx(np.mean(around))
    assert found.pvalue[0, 3] == pytest.approx(binom.sf(19, 20 + sum(around), 1 / 5))
    # What is found is no background of the others: of the five around, four are left.
    assert found.qvalue[0, 3] < 0.01
    assert found.expected[0, 4] == pytest.approx(np.mean([4, 6, 4]))
    assert found.pvalue[0, 5] == pytest.approx(binom.sf(5, 6 + 2 + 4 + 3, 1 / 4))
    # At the end, the window lies to one side.
    assert found.expected[0, 8] == pytest.approx(np.mean([6, 4, 3, 2]))


def test_compare_spacings__of_few_spacings_takes_all():
    found = compare_spacings(np.array([[1, 5, 3]]), 10)
    assert found.expected.tolist() == [[4, 2, 3]]
    alone = compare_spacings(np.array([[7]]), 10)
    assert alone.pvalue.tolist() == [[1.0]]
    assert compare_spacings(np.zeros((0, 5), int), 3).qvalue.shape == (0, 5)


def test_compare_spacings__finds_little_where_all_are_alike():
    rng = np.random.default_rng(0)
    found = compare_spacings(rng.poisson(8, (400, 101)), 10)
    assert (found.qvalue < 0.05).sum() <= 3
    assert np.mean(found.pvalue < 0.05) < 0.05


def test_compare_spacings__finds_a_weak_one_beside_a_strong_one():
    count = np.full((1, 60), 10)
    count[0, [20, 24]] = 500, 40
    found = compare_spacings(count, 10)
    assert np.flatnonzero(found.qvalue[0] < 0.01).tolist() == [20, 24]
    assert found.expected[0, 24] == 10


@settings(deadline=None)
@given(st.lists(st.integers(1, 40), min_size=2, max_size=30))
def test_compare_spacings__rejects_what_the_steps_of_its_test_reject(counts):
    found = compare_spacings(np.array([counts]), 5)
    pvalues, qvalues = found.pvalue.ravel(), found.qvalue.ravel()
    n = len(pvalues)
    for rate in (0.0101, 0.1003, 0.4997):  # no p-value is one of these
        ranked = np.sort(pvalues)
        passing = np.flatnonzero(ranked * n / np.arange(1, n + 1) <= rate)
        cut = ranked[passing[-1]] if passing.size else -1.0
        assert ((qvalues <= rate) == (pvalues <= cut)).all()
