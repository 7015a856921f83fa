"""The definition of the problem, against a slower and plainer writing of the same."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from finemo_zarr.model import create_hits, create_motifs, create_regions
from finemo_zarr.problem import (
    LARGEST_IMPORTANCE_SCALE,
    RegionProblem,
    allowed_positions,
    coefficients_of,
    region_problem,
)
from finemo_zarr.sequence import NO_BASE, one_hot
from finemo_zarr.testing import simulate_motifs, simulate_regions, strategies
from finemo_zarr.testing.contracts.solvers import prepared

MODES = ("pp", "ph", "hp", "hh")


@st.composite
def problems(draw: st.DrawFn, max_width: int = 25) -> RegionProblem:
    """Problems of one small region in any mode."""
    mode = draw(st.sampled_from(MODES))
    regions = draw(
        strategies.regions(
            n_regions=st.just(1),
            width=st.integers(1, max_width),
            hypothetical=st.just(mode[1] == "h"),
        )
    )
    motifs = draw(
        strategies.motifs(n_motifs=st.integers(1, 3), max_width=6, complete=st.just(True))
    )
    oriented = prepared(
        motifs,
        mode=mode,
        placement=draw(st.sampled_from(["core", "full"])),
        normalize=draw(st.sampled_from(["core", "full"])),
        lambda_default=draw(st.sampled_from([0.05, 0.3, 0.7])),
        sqrt_transform=draw(st.booleans()),
    )
    return region_problem(regions, 0, oriented)


def random_like(problem: RegionProblem, seed: int, share: float = 0.3) -> Any:
    """Non-negative coefficients at some of the places that are allowed."""
    rng = np.random.default_rng(seed)
    chosen = problem.allowed & (rng.random(problem.allowed.shape) < share)
    return np.where(chosen, rng.exponential(size=chosen.shape), 0.0)


def dense_columns(problem: RegionProblem) -> Any:
    """``A`` as a matrix ``(4 * position, motif * position)``, number by number."""
    count, length = problem.allowed.shape
    columns = np.zeros((4, length, count, length))
    for motif, core in enumerate(problem.cores):
        for start in np.flatnonzero(problem.allowed[motif]):
            energy = sum(
                problem.scores[base, start + offset] ** 2
                for base in range(4)
                for offset in range(core.shape[1])
            )
            scale = min((energy + 1) ** -0.5, LARGEST_IMPORTANCE_SCALE)
            for base in range(4):
                for offset in range(core.shape[1]):
                    shown = problem.visible[base, start + offset]
                    columns[base, start + offset, motif, start] = scale * core[base, offset] * shown
    return columns.reshape(4 * length, count * length)


def solved_by_force(problem: RegionProblem, steps: int = 20_000) -> Any:
    """The solution by projected gradient descent, run until nothing moves."""
    columns = dense_columns(problem)
    gram, target = columns.T @ columns, columns.T @ problem.scores.ravel()
    penalty = np.repeat(problem.lambdas, problem.allowed.shape[1])
    step = 1 / max(np.linalg.eigvalsh(gram).max(), 1e-12)
    coefficients = np.zeros(penalty.size)
    for _ in range(steps):
        moved = np.maximum(coefficients - step * (gram @ coefficients - target + penalty), 0)
        if np.abs(moved - coefficients).max() < 1e-13:
            break
        coefficients = moved
    return coefficients.reshape(problem.allowed.shape)


def tiny(mode: str = "pp", **options: Any) -> RegionProblem:
    """A region of 24 bases, two of them missing, and three motifs of different width."""
    motifs = simulate_motifs(3, 7, (2, 5), palindromes=0, seed=4)
    regions, _ = simulate_regions(
        motifs, 1, 24, sites_per_region=2, hypothetical=mode[1] == "h", noise=0.3, seed=5
    )
    regions.region_sequence.values[0, [3, 15]] = NO_BASE
    return region_problem(regions, 0, prepared(motifs, mode=mode, lambda_default=0.2, **options))


def one_motif(matrix: Any, **options: Any) -> Any:
    """Oriented motifs from one matrix ``(4, width)``."""
    matrix = np.asarray(matrix, dtype=float)[None]
    return prepared(create_motifs(["one"], matrix, matrices={"hcwm": matrix}), **options)


@settings(deadline=None, max_examples=40)
@given(problems())
def test_columns__are_the_motifs_placed_scaled_and_seen(problem: RegionProblem) -> None:
    columns = dense_columns(problem)
    coefficients = random_like(problem, 0)
    residual = np.random.default_rng(1).normal(size=problem.scores.shape)
    np.testing.assert_allclose(
        problem.forward(coefficients).ravel(), columns @ coefficients.ravel(), atol=1e-12
    )
    np.testing.assert_allclose(
        problem.correlate(residual).ravel(), columns.T @ residual.ravel(), atol=1e-12
    )


@settings(deadline=None, max_examples=40)
@given(problems())
def test_forward_and_correlate__are_adjoint(problem: RegionProblem) -> None:
    coefficients = random_like(problem, 2)
    residual = np.random.default_rng(3).normal(size=problem.scores.shape)
    left = (problem.forward(coefficients) * residual).sum()
    right = (coefficients * problem.correlate(residual)).sum()
    assert left == pytest.approx(right, abs=1e-10)


@settings(deadline=None, max_examples=20)
@given(problems(max_width=12))
def test_gradient__is_that_of_the_objective(problem: RegionProblem) -> None:
    coefficients, step = random_like(problem, 4), 1e-5
    gradient = problem.gradient(coefficients)
    for place in zip(*np.nonzero(problem.allowed), strict=True):
        ahead, behind = coefficients.copy(), coefficients.copy()
        ahead[place] += step
        behind[place] -= step
        slope = (problem.objective(ahead) - problem.objective(behind)) / (2 * step)
        assert gradient[place] == pytest.approx(slope, abs=1e-6)
    assert not gradient[~problem.allowed].any()


@settings(deadline=None, max_examples=20)
@given(problems(max_width=12), st.integers(0, 3))
def test_duality_gap__bounds_the_distance_to_the_optimum(problem: RegionProblem, seed: int) -> None:
    best = problem.objective(solved_by_force(problem))
    for share in (0.0, 0.1, 1.0):
        tried = random_like(problem, seed, share)
        assert problem.duality_gap(tried) >= -1e-12
        assert problem.objective(tried) - best <= problem.duality_gap(tried) + 1e-9


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("placement", ["core", "full"])
@pytest.mark.parametrize("sqrt_transform", [False, True])
def test_duality_gap__closes_at_the_optimum(
    mode: str, placement: str, sqrt_transform: bool
) -> None:
    problem = tiny(mode, placement=placement, sqrt_transform=sqrt_transform)
    best = solved_by_force(problem)
    assert best.any()
    assert not best[~problem.allowed].any()
    assert 0 <= problem.duality_gap(best) + 1e-12 < 1e-6
    assert problem.gradient(best).min() > -1e-6
    np.testing.assert_allclose(problem.gradient(best)[best > 1e-6], 0, atol=1e-6)


def test_duality_gap__shrinks_the_residual_in_both_of_its_terms() -> None:
    # At zero the residual is x itself: with u = lambda / lambda_max the gap is (1 - u)^2 |x|^2 / 2.
    # Without the factor u on r'x, as the reference has it, it would be negative here.
    problem = tiny()
    zero = np.zeros(problem.allowed.shape)
    shrink = problem.lambdas[0] / problem.lambda_max()
    assert shrink < 0.5
    expected = (1 - shrink) ** 2 * 0.5 * (problem.scores**2).sum()
    assert problem.duality_gap(zero) == pytest.approx(expected)


@settings(deadline=None, max_examples=20)
@given(problems(max_width=12))
def test_lambda_max__is_where_the_first_coefficient_appears(problem: RegionProblem) -> None:
    from dataclasses import replace

    largest = problem.lambda_max()
    zero = np.zeros(problem.allowed.shape)
    if largest < 1e-9:
        assert not problem.correlate(problem.scores).max(initial=0) > 1e-9
        return
    above, below = (
        replace(problem, lambdas=np.full_like(problem.lambdas, factor * largest))
        for factor in (1.0 + 1e-9, 0.99)
    )
    assert above.duality_gap(zero) == pytest.approx(0, abs=1e-6)
    assert above.gradient(zero).min() >= 0
    assert below.gradient(zero).min() < 0
    assert below.objective(solved_by_force(below)) < below.objective(zero)


def test_scale__makes_the_mean_square_one() -> None:
    for mode in MODES:
        problem = tiny(mode)
        assert (problem.scores**2).sum() == pytest.approx(problem.scores.shape[1])
        assert problem.scale > 0


@pytest.mark.parametrize("mode", ["pp", "hh"])
def test_scale__is_zero_for_a_region_of_zeros(mode: str) -> None:
    regions = create_regions(np.zeros((1, 9), np.uint8), np.zeros((1, 4, 9), np.float32))
    problem = region_problem(regions, 0, one_motif(np.eye(4), mode=mode))
    zero = np.zeros(problem.allowed.shape)
    assert problem.scale == 0
    assert problem.lambda_max() == problem.duality_gap(zero) == problem.objective(zero) == 0


def test_missing_bases__hide_motifs_and_scores_when_projected() -> None:
    codes = np.array([[0, NO_BASE, 2, 3]], dtype=np.uint8)
    scores = np.ones((1, 4), np.float32)
    problem = region_problem(create_regions(codes, scores), 0, one_motif(np.eye(4)))
    assert not problem.visible[:, 1].any()
    assert not problem.scores[:, 1].any()
    assert problem.scale == pytest.approx(np.sqrt(3 / 4))
    explained = problem.forward(np.eye(2, 4))  # the motif itself at 0
    assert explained[0, 0] > 0
    assert not explained[:, 1].any()


def test_missing_bases__matter_not_for_hypothetical_scores() -> None:
    codes = np.array([[0, NO_BASE, 2, 3]], dtype=np.uint8)
    scores = np.ones((1, 4, 4), np.float32)
    problem = region_problem(create_regions(codes, scores), 0, one_motif(np.eye(4), mode="hh"))
    assert problem.visible.all()
    assert (problem.scores == 1 / problem.scale).all()


def test_hypothetical_scores__are_projected_where_the_mode_asks_for_it() -> None:
    rng = np.random.default_rng(0)
    codes = rng.integers(0, 5, (1, 12), dtype=np.uint8)
    scores = rng.normal(size=(1, 4, 12)).astype(np.float32)
    projected = (scores * one_hot(codes)).sum(axis=1)
    motifs = one_motif(rng.normal(size=(4, 3)), mode="hp")
    one, other = (
        region_problem(create_regions(codes, given), 0, motifs) for given in (scores, projected)
    )
    np.testing.assert_allclose(one.scores, other.scores, atol=1e-12)
    assert one.scale == pytest.approx(other.scale)


def test_sqrt_transform__comes_before_the_scale() -> None:
    codes = np.zeros((1, 3), np.uint8)
    scores = np.array([[4.0, -9.0, 0.0]])
    problem = region_problem(
        create_regions(codes, scores), 0, one_motif(np.eye(4)[:, :2], sqrt_transform=True)
    )
    assert problem.scale == pytest.approx(np.sqrt((4 + 9) / 3))
    np.testing.assert_allclose(problem.scores[0] * problem.scale, [2, -3, 0])


@pytest.mark.parametrize("mode", ["pp", "hh"])
def test_region_width__leaves_the_problem_of_the_region_alone(mode: str) -> None:
    rng = np.random.default_rng(0)
    codes = rng.integers(0, 4, (2, 30), dtype=np.uint8)
    scores = rng.normal(size=(2, 30) if mode == "pp" else (2, 4, 30))
    motifs = _padded(mode=mode, placement="full")
    padded = create_regions(codes, scores, widths=[30, 17])
    own = region_problem(create_regions(codes[:, :17], scores[..., :17]), 1, motifs)
    other = region_problem(padded, 1, motifs)
    assert (own.scale, own.scores.shape) == (other.scale, other.scores.shape)
    assert (own.scores == other.scores).all()
    assert (own.allowed == other.allowed).all()


def test_region_scale__is_used_where_it_is_given() -> None:
    codes = np.zeros((2, 3), np.uint8)
    regions = create_regions(codes, np.array([[4.0, -8.0, 0.0]] * 2))
    regions["region_scale"] = ("region", [2.0, 0.0])
    motifs = one_motif(np.eye(4)[:, :2])
    np.testing.assert_allclose(region_problem(regions, 0, motifs).scores[0], [2, -4, 0])
    assert not region_problem(regions, 1, motifs).scores.any()


def test_importance_scale__falls_with_the_scores_under_the_core() -> None:
    problem = tiny()
    scale = problem.importance_scale()
    assert not scale[~problem.allowed].any()
    for motif, core in enumerate(problem.cores):
        for start in np.flatnonzero(problem.allowed[motif]):
            energy = (problem.scores[:, start : start + core.shape[1]] ** 2).sum()
            assert scale[motif, start] == pytest.approx(1 / np.sqrt(energy + 1))


def test_placement__core_reaches_as_far_as_cores_fit() -> None:
    motifs = _padded(placement="core")
    allowed = allowed_positions(motifs, 10)
    widths = (motifs.motif_end - motifs.motif_start).values
    assert allowed.sum(axis=1).tolist() == (10 - widths + 1).tolist()
    assert allowed[:, 0].all()


def test_placement__full_keeps_the_untrimmed_motif_inside() -> None:
    motifs = _padded(placement="full")
    allowed = allowed_positions(motifs, 10)
    for index in range(motifs.sizes["motif"]):
        start, width = int(motifs.motif_start[index]), int(motifs.motif_width[index])
        expected = np.arange(10 - width + 1) + start
        assert np.flatnonzero(allowed[index]).tolist() == expected.tolist()


@pytest.mark.parametrize("placement", ["core", "full"])
def test_placement__has_no_place_in_a_region_that_is_too_short(placement: str) -> None:
    motifs = _padded(placement=placement)
    allowed = allowed_positions(motifs, 3)
    too_wide = motifs.motif_width if placement == "full" else motifs.motif_end - motifs.motif_start
    assert (allowed.any(axis=1) == (too_wide.values <= 3)).all()


def test_padding__of_narrow_motifs_counts_for_nothing() -> None:
    regions, _ = simulate_regions(simulate_motifs(2, 8, (4, 6), seed=1), 1, 30, seed=1)
    narrow = simulate_motifs(1, 8, (4, 6), seed=1)
    wide = narrow.pad(motif_position=(0, 9), constant_values=0.0)
    for placement in ("core", "full"):
        one, other = (
            region_problem(regions, 0, prepared(motifs, placement=placement))
            for motifs in (narrow, wide)
        )
        assert (one.allowed == other.allowed).all()
        np.testing.assert_allclose(
            one.correlate(one.scores), other.correlate(other.scores), atol=1e-12
        )


def test_coefficients_of__puts_hits_where_their_cores_start() -> None:
    motifs = one_motif(np.eye(4))
    columns = {
        "region": [0, 1, 1], "motif": [0, 0, 1], "start": [2, 0, 5], "end": [6, 4, 9],
        "start_untrimmed": [2, 0, 5], "end_untrimmed": [6, 4, 9], "coefficient": [1.0, 2.0, 3.0],
    }  # fmt: skip
    coefficients = coefficients_of(create_hits(columns), 1, motifs, 9)
    assert coefficients.shape == (2, 9)
    assert (coefficients[0, 0], coefficients[1, 5], coefficients.sum()) == (2.0, 3.0, 5.0)


def _padded(**options: Any) -> Any:
    """Two motifs, 7 and 3 wide, with cores of 4 and 2."""
    cwm = np.zeros((2, 4, 7))
    cwm[0, 0] = [0.1, 1, 1, 1, 1, 0.1, 0.1]
    cwm[1, 1, :3] = [0.1, 1, 1]
    made = create_motifs(["wide", "narrow"], cwm, widths=[7, 3], matrices={"hcwm": cwm})
    return prepared(made, **options)
