"""Every number that the definition gives, and what must hold whatever the numbers."""

from typing import get_args

import numpy as np
import pytest
from finemo_zarr_modisco.communities import by_size
from finemo_zarr_modisco.density import Kernel, find_betas, kernel_values, row_shares
from finemo_zarr_modisco.information import (
    best_window,
    information,
    informative_core,
)
from finemo_zarr_modisco.jaccard import (
    align,
    distance,
    flipped,
    jaccard,
    l1_normalised,
    most_similar,
    on_pattern,
    pairwise_jaccard,
)
from finemo_zarr_modisco.null import fit_laplace, mode_of, precision_of, seqlet_threshold
from finemo_zarr_modisco.scorer import Modularity, Percentile, modularity_gain, neighbour_scores
from finemo_zarr_modisco.seqlets import core_sums, find_seqlets
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

SCORES = st.floats(-4, 4, allow_nan=False).map(lambda x: round(x, 2))


def test_information__has_the_values_of_the_definition():
    row = np.array([[0.97, 0.01, 0.01, 0.01]])
    assert information(row, (0.3, 0.2, 0.2, 0.3))[0] == pytest.approx(1.728818, abs=1e-6)
    assert information(row)[0] == pytest.approx(1.757867, abs=1e-6)
    np.testing.assert_allclose(information(2 * row), information(row))


def test_best_window__is_the_first_of_equal_ones_and_centres_what_is_short():
    bits = np.zeros(50)
    bits[[20, 30]] = 1
    assert best_window(bits) == 6
    assert (best_window(np.ones(25)), best_window(np.ones(20))) == (0, -2)
    assert informative_core(np.array([0.1, 0.2, 0.0, 0.3, 0.1]), 0.2) == (1, 4)
    assert informative_core(np.zeros(5), 0.2) is None


def test_jaccard__has_the_value_of_the_definition():
    a, b = np.array([[0.5, -0.5]]), np.array([[0.25, 0.75]])
    assert jaccard(a, b)[0] == pytest.approx(-0.2)
    assert pairwise_jaccard(a, b)[0, 0] == pytest.approx(-0.2)


@given(arrays(float, (2, 2, 6, 4), elements=SCORES))
def test_jaccard__is_what_its_definition_says(windows):
    a, b = windows
    found = pairwise_jaccard(windows, windows)
    sign = np.sign(a) * np.sign(b)
    least, most = np.minimum(np.abs(a), np.abs(b)), np.maximum(np.abs(a), np.abs(b))
    expected = (sign * least).sum() / most.sum() if most.sum() else 0
    assert found[0, 1] == pytest.approx(expected, abs=1e-12)
    assert found[1, 0] == found[0, 1]
    assert (np.abs(found) <= 1 + 1e-12).all()
    assert found[0, 0] == (1 if a.any() else 0)
    assert pairwise_jaccard(windows, -windows)[0, 0] == (-1 if a.any() else 0)
    scaled = l1_normalised(windows * np.array([1, 7.0])[:, None, None, None])
    np.testing.assert_allclose(
        pairwise_jaccard(scaled, scaled)[0, 1],
        pairwise_jaccard(*[l1_normalised(windows)] * 2)[0, 1],
        atol=1e-12,
    )


def test_distance__has_the_values_of_the_definition():
    found = distance(np.array([1.0, 0.5, 0.25, 0.0, -1.0]))
    np.testing.assert_allclose(found, [0, 1.0986, 1.9459, 16.8112, 16.8112], atol=1e-4)


def test_precision_of__has_the_values_of_the_definition():
    found = precision_of(np.array([0.5, 0.8, 5 / 6, 0.0]), 0.5)
    np.testing.assert_allclose(found, [0, 0.75, 0.8, 0], atol=1e-12)
    assert precision_of(np.array([0.3]), 0.3)[0] == 0
    assert precision_of(np.array([1.0]), 1.0)[0] == 1


def test_laplace__is_found_again_and_sampled_by_side_and_distance():
    random = np.random.default_rng(0)
    values = random.laplace(0.5, 2.0, 200_000)
    found = fit_laplace(values)
    assert found.mode == pytest.approx(0.5, abs=0.3)
    assert found.rate_above == pytest.approx(0.5, rel=0.25)
    assert found.rate_below == pytest.approx(0.5, rel=0.25)
    state = np.random.RandomState(1234)
    expected = []
    for _ in range(50):
        side, u = state.uniform(), state.uniform()
        if side < found.share_above:
            expected.append(found.mode - np.log(1 - u) / found.rate_above)
        else:
            expected.append(found.mode + np.log(1 - u) / found.rate_below)
    np.testing.assert_allclose(found.sample()[:50], expected)
    assert found.sample().shape == (10_000,)


def test_mode_of__looks_twice():
    values = np.concatenate([np.linspace(0, 1000, 100), np.full(500, 400.25), [400.1, 400.9]])
    assert mode_of(values) == pytest.approx(400.25, abs=1e-2)


def test_thresholds__let_three_to_twenty_percent_pass():
    random = np.random.default_rng(1)
    noise = random.laplace(size=50_000)
    for values in (noise, np.concatenate([noise, random.normal(20, 1, 30_000)])):
        positive, negative = seqlet_threshold(values), -seqlet_threshold(-values)
        share = ((values >= positive) | (values <= negative)).mean()
        assert 0.029 <= share <= 0.201
    assert 5 < seqlet_threshold(np.concatenate([noise, random.normal(20, 1, 5000)])) < 20


@pytest.mark.parametrize("values", [[], [1.0], [2.0, 2.0 + 4e-16] * 50, [0.0] * 9, [-1.0, -2.0]])
def test_threshold__takes_any_values(values):
    assert seqlet_threshold(np.array(values)) >= 0


@given(arrays(float, (2, 60), elements=SCORES), st.floats(0.5, 5))
def test_find_seqlets__takes_cores_that_do_not_overlap_and_are_important(scores, threshold):
    found = find_seqlets(scores, threshold)
    sums = core_sums(scores)
    cores = found.start + 10
    assert (sums[found.region, cores] >= threshold).all()
    assert ((cores >= 10) & (cores + 5 <= 50)).all()
    for region in (0, 1):
        mine = cores[found.region == region]
        assert (np.diff(mine) >= 5).all()
        left = np.flatnonzero(sums[region] >= threshold)
        left = left[(left >= 10) & (left <= 45)]
        assert all((np.abs(mine - core) <= 4).any() for core in left)


def test_find_seqlets__takes_the_best_first_and_hides_four_beside_it():
    scores = np.zeros((1, 60))
    scores[0, 20:33] = [1, 1, 1, 1, 1, 1, 1, 1, 1, 9, 1, 1, 1]
    found = find_seqlets(scores, 5.0)
    # Cores with the 9 start at 25 to 29; the first best is 25, so that 21 to 29 are hidden.
    assert found.start.tolist() == [10, 15]
    assert find_seqlets(np.zeros((3, 4)), 1.0).start.size == 0


@pytest.mark.parametrize("place", [0, 3, 20])
@pytest.mark.parametrize("reverse", [False, True])
def test_align__finds_where_the_core_lies_on_the_pattern(place, reverse):
    random = np.random.default_rng(place)
    pattern = random.normal(size=(1, 2, 25, 4))
    lying = flipped(pattern) if reverse else pattern
    window = np.zeros((1, 2, 25, 4))
    window[:, :, 10:15] = lying[:, :, place : place + 5]
    found = align(window, l1_normalised(pattern))
    assert found.offset[0, 0] == 10 - place
    assert -10 <= found.offset[0, 0] <= 10
    assert found.reverse[0, 0] == reverse
    placed = on_pattern(window, found.offset[:, 0], found.reverse[:, 0])
    at = 20 - place if reverse else place
    np.testing.assert_array_equal(placed[:, :, at : at + 5], pattern[:, :, at : at + 5])


def test_align__prefers_the_other_strand_on_a_tie():
    half = np.random.default_rng(0).normal(size=(1, 1, 25, 4))
    palindrome = half + flipped(half)
    assert align(palindrome, l1_normalised(palindrome)).reverse[0, 0]


def test_find_betas__reaches_the_perplexity_which_only_one_kernel_keeps():
    random = np.random.default_rng(0)
    far = distance(random.uniform(0.02, 0.5, 500))
    bounds = np.array([0, 500])
    beta = find_betas(far, bounds)

    def perplexity(kernel):
        share, _ = row_shares(far, bounds, beta, kernel)
        return np.exp(-(share * np.log(share)).sum())

    assert perplexity("calibrated") == pytest.approx(10, rel=1e-4)
    assert perplexity("reference") > 400


@given(st.lists(st.lists(st.floats(0, 17), min_size=1, max_size=40), min_size=1, max_size=5))
def test_find_betas__of_a_row_does_not_depend_on_the_others(rows):
    bounds = np.cumsum([0, *map(len, rows)])
    together = find_betas(np.concatenate(rows), bounds)
    for row, beta in zip(rows, together, strict=True):
        assert find_betas(np.array(row), np.array([0, len(row)]))[0] == beta
    assert np.isfinite(together).all()


def test_find_betas__asks_less_of_a_row_that_is_short():
    far = np.array([0.0, 0.5, 1.0, 1.5, 2.0, 2.5])
    beta = find_betas(far, np.array([0, 6]))
    share, _ = row_shares(far, np.array([0, 6]), beta, "calibrated")
    assert np.exp(-(share * np.log(share)).sum()) == pytest.approx(2, rel=1e-4)


@given(st.lists(st.floats(0, 17), min_size=1, max_size=40), st.sampled_from(get_args(Kernel)))
def test_row_shares__are_shares_of_what_the_row_sums_to(row, kernel):
    far, bounds = np.array(row), np.array([0, len(row)])
    beta = find_betas(far, bounds)
    share, norm = row_shares(far, bounds, beta, kernel)
    values = kernel_values(far, beta[0], kernel)
    assert norm[0] == pytest.approx(max(values.sum(), 1e-8))
    if values.sum() > 1e-6:
        np.testing.assert_allclose(share * norm, values, rtol=1e-6, atol=1e-12)


def test_most_similar__is_ordered_and_takes_the_first_of_equal_ones():
    similarity = np.array([[0.1, 0.9, 0.5, 0.5, -1.0]])
    assert most_similar(similarity, 3).tolist() == [[1, 2, 3]]
    assert most_similar(similarity, 9).tolist() == [[1, 2, 3, 0, 4]]
    many = np.random.default_rng(0).normal(size=(20, 300))
    np.testing.assert_array_equal(most_similar(many, 50), np.argsort(-many, axis=1)[:, :50])


def test_modularity_gain__is_that_of_the_definition():
    # 2m = 10; the node has 3 to the community (row sums 4) and 5 in all.
    assert modularity_gain(np.array(3.0), np.array(5.0), np.array(4.0), 10.0) == pytest.approx(
        2 * 3 / 15 - 2 * (4 + 3) * 5 / 225
    )
    modularity = Modularity(np.array([0, 1, 2]), np.array([0, 0, 1]), np.array([4.0, 3.0, 3.0]))
    scores = modularity.class_scores(np.zeros(3, int), np.arange(3), np.array([3.0, 1.0, 1.0]))
    assert scores.shape == (1, 2)
    assert scores[0, 0] == pytest.approx(2 * 3 / 15 - 2 * 7 * 5 / 225)


@given(st.lists(st.sampled_from([0.0, 0.1, 0.1, 0.5, 0.9]), min_size=2, max_size=30), st.data())
def test_percentile__is_one_less_recall_at_the_first_threshold(scores, data):
    from sklearn.metrics import precision_recall_curve

    scores = np.array(scores)
    own = np.array(data.draw(st.lists(st.booleans(), min_size=len(scores), max_size=len(scores))))
    own[0] = True
    _, recall, thresholds = precision_recall_curve(own, scores)
    values = np.array([-1.0, 0.0, 0.05, 0.1, 0.3, 0.9, 1.5])
    at = np.searchsorted(thresholds, values)
    found = Percentile.of(scores[own])(values)
    np.testing.assert_allclose(found, np.where(at < len(thresholds), 1 - recall[at], 1.0))


def test_neighbour_scores__leave_out_what_has_no_class():
    classes = np.array([[0, 1, 1, -1]])
    sums, means = neighbour_scores(classes, np.array([[0.5, 0.2, 0.4, 9.0]]), 3)
    np.testing.assert_allclose(sums, [[0.5, 0.6, 0]])
    np.testing.assert_allclose(means, [[0.5, 0.3, 0]])


def test_by_size__numbers_the_largest_first():
    assert by_size(np.array([5, 7, 7, 2, 2, 9])).tolist() == [2, 0, 0, 1, 1, 3]
