import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from finemo_zarr.evaluation import MotifTable, mean_scores, reconstruct, reconstruction
from finemo_zarr.evaluation import _blocks as blocks
from finemo_zarr.evaluation._instances import hit_instances
from finemo_zarr.evaluation.mean_scores import cosine
from finemo_zarr.problem import coefficients_of, region_problem
from finemo_zarr.sequence import NO_BASE, one_hot

SEEDS = st.integers(0, 2**16)


@settings(deadline=None, max_examples=15)
@given(SEEDS, st.sampled_from([1, 5, 2**20]))
def test_mean_scores__equal_a_loop_over_hits(made, some_regions, seed, cells) -> None:
    hits = made(seed)
    table = MotifTable.of(hits.motifs)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(blocks, "_BASES_AT_ONCE", cells * 60)
        found = mean_scores(some_regions.chunk(region=2), table, {"hits": hit_instances(hits)})
    codes = some_regions.region_sequence.values
    scores = some_regions.region_contributions.values[:, None] * one_hot(codes, np.float64)
    width, length = 14, codes.shape[1]
    sums, seen, bases = np.zeros((4, 4, width)), np.zeros((4, width)), np.zeros((4, 4, width))
    for index in range(hits.hits.sizes["hit"]):
        row = hits.hits.isel(hit=index)
        oriented, start = int(row.hit_motif), int(row.hit_start_untrimmed)
        for column in range(width):
            at = start + column
            if 0 <= at < length:
                target = width - 1 - column if oriented % 2 else column
                values = scores[int(row.hit_region), :, at]
                ones = one_hot(codes[[int(row.hit_region)]], np.float64)[0, :, at]
                sums[oriented // 2, :, target] += values[::-1] if oriented % 2 else values
                bases[oriented // 2, :, target] += ones[::-1] if oriented % 2 else ones
                seen[oriented // 2, target] += 1
    with np.errstate(invalid="ignore"):
        expected = np.nan_to_num(sums / seen[:, None])
        shares = np.nan_to_num(bases / bases.sum(axis=1, keepdims=True))
    np.testing.assert_allclose(found.mean_cwm[0], expected, atol=1e-6)
    np.testing.assert_allclose(found.mean_ppm[0], shares)
    counted = np.bincount(hits.hits.hit_motif.values // 2, minlength=4)
    np.testing.assert_array_equal(found["count"][0], counted)


def test_cosine__is_not_a_number_without_scores() -> None:
    matrix = np.arange(8.0).reshape(4, 2)
    np.testing.assert_allclose(
        cosine(np.stack([matrix, -matrix, 0 * matrix]), matrix), [1, -1, np.nan]
    )


@settings(deadline=None, max_examples=15)
@given(SEEDS, st.sampled_from([1, 4, 2**20]))
def test_reconstruction__equals_the_definition_of_the_problem(
    made, some_regions, seed, cells
) -> None:
    hits = made(seed)
    clean = some_regions.copy(deep=True)
    clean.region_contributions.values[clean.region_sequence.values == NO_BASE] = 0
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(blocks, "_BASES_AT_ONCE", cells * 60)
        found = reconstruction(hits, clean.chunk(region=2))
    built = reconstruct(hits, clean, list(range(12)))
    whole, by_motif = 0.0, np.zeros(4)
    for index in range(12):
        problem = region_problem(clean, index, hits.motifs)
        coefficients = coefficients_of(hits.hits, index, hits.motifs, 60)
        explained = problem.forward(coefficients)
        np.testing.assert_allclose(built[index], explained.sum(axis=0) * problem.scale, atol=1e-6)
        squares, rest = (problem.scores**2).sum(), (problem.residual(coefficients) ** 2).sum()
        assert float(found.explained[index]) == pytest.approx(1 - rest / squares, abs=1e-6)
        under = np.zeros(60, bool)
        for row in np.flatnonzero(hits.hits.hit_region.values == index):
            under[int(hits.hits.hit_start[row]) : int(hits.hits.hit_end[row])] = True
        size = np.abs(problem.scores).sum(axis=0)
        assert float(found.covered[index]) == pytest.approx(size[under].sum() / size.sum())
        whole += squares * problem.scale**2
        for motif in range(4):
            own = np.zeros_like(coefficients)
            own[2 * motif : 2 * motif + 2] = coefficients[2 * motif : 2 * motif + 2]
            product = ((2 * problem.scores - explained) * problem.forward(own)).sum()
            by_motif[motif] += product * problem.scale**2
    np.testing.assert_allclose(found.motif_explained, by_motif / whole, rtol=1e-5, atol=1e-9)


def test_reconstruction__agrees_with_what_a_solver_says(tmp_path, some_motifs) -> None:
    from finemo_zarr.execution import CallOptions
    from finemo_zarr.motifs import MotifOptions, prepare_motifs
    from finemo_zarr.solvers.coordinate_descent import CoordinateDescent
    from finemo_zarr.store import HitsStore
    from finemo_zarr.testing import simulate_motifs, simulate_regions

    assert CallOptions().post_filter
    raw = simulate_motifs(3, width=14, core=(5, 8), seed=8)
    for mode, root in (("pp", False), ("hh", False), ("pp", True)):
        regions = simulate_regions(raw, 6, 80, hypothetical=mode == "hh", seed=9)[0]
        motifs = prepare_motifs(
            raw, MotifOptions(mode=mode, sqrt_transform=root, lambda_default=0.3)
        )
        hits, qc = CoordinateDescent().solve(regions, motifs)
        opened = HitsStore(regions.drop_dims("position"), motifs, qc, hits)
        opened.regions.attrs["region_width"] = 80
        found = reconstruction(opened, regions)
        assert hits.sizes["hit"] > 0
        np.testing.assert_allclose(found.explained, 1 - 2 * qc.qc_nll, atol=1e-5)
