"""The hits are those of `coordinate-descent`, and optimal by the definition of the problem."""

import warnings

import numpy as np
import pytest
from finemo_zarr_cupy.solver import CuPySolver

from finemo_zarr import combine_motifs, get_solver, prepare_motifs
from finemo_zarr.errors import UnreachableMotifWarning
from finemo_zarr.model import create_regions
from finemo_zarr.motifs import MotifOptions
from finemo_zarr.problem import coefficients_of, region_problem
from finemo_zarr.sequence import NO_BASE
from finemo_zarr.testing import simulate_motifs, simulate_regions

PLACES = ("hit_region", "hit_motif", "hit_start", "hit_end", "hit_start_untrimmed")
SCORES = ("hit_coefficient_global", "hit_similarity", "hit_importance")


def oriented(raw, **options):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UnreachableMotifWarning)
        return prepare_motifs(raw, MotifOptions(**options))


def simulated(raw, count, length, mode="pp", *, sites=3):
    return simulate_regions(
        raw, count, length, sites_per_region=sites, hypothetical=mode[1] == "h", seed=11
    )[0]


def assert_same(regions, motifs, **options):
    expected = get_solver("coordinate-descent")().solve(regions, motifs)
    found = CuPySolver(device="cpu", **options).solve(regions, motifs)
    for name in PLACES:
        np.testing.assert_array_equal(found.hits[name], expected.hits[name], err_msg=name)
    coefficients = (result.hits.hit_coefficient for result in (found, expected))
    np.testing.assert_allclose(*coefficients, rtol=1e-8, atol=1e-9)
    for name in (*SCORES, "hit_importance_sq"):
        np.testing.assert_allclose(
            found.hits[name], expected.hits[name], rtol=1e-5, atol=1e-7, err_msg=name
        )
    for name in ("qc_nll", "qc_scale"):
        np.testing.assert_allclose(found.qc[name], expected.qc[name], rtol=1e-5, err_msg=name)
    np.testing.assert_allclose(found.qc.qc_dual_gap, expected.qc.qc_dual_gap, atol=1e-9)
    return found


def largest_gap(regions, motifs, found):
    length = regions.sizes["position"]
    return max(
        region_problem(regions, index, motifs).duality_gap(
            coefficients_of(found.hits, index, motifs, length)
        )
        / length
        for index in range(regions.sizes["region"])
    )


@pytest.mark.parametrize("placement", ["core", "full"])
@pytest.mark.parametrize("mode", ["pp", "ph", "hp", "hh"])
def test_solver__agrees_in_all_modes_and_placements(mode, placement):
    raw = simulate_motifs(8, 24, (6, 16), n_negative=2, palindromes=0.3, seed=1)
    regions = simulated(raw, 20, 300, mode)
    motifs = oriented(raw, mode=mode, placement=placement)
    found = assert_same(regions, motifs)
    assert found.hits.sizes["hit"] > 20
    assert largest_gap(regions, motifs, found) < 1e-9


@pytest.mark.parametrize(("count", "length", "n_motifs"), [
    (10, 50, 1), (10, 50, 100), (6, 2000, 1), (3, 2000, 100), (40, 200, 20),
])  # fmt: skip
@pytest.mark.parametrize("mode", ["pp", "hh"])
def test_solver__agrees_at_any_size(mode, count, length, n_motifs):
    raw = simulate_motifs(n_motifs, 30, (6, 20), seed=2)
    regions = simulated(raw, count, length, mode)
    assert_same(regions, oriented(raw, mode=mode))


@pytest.mark.parametrize("options", [
    {"lambda_default": 0.2}, {"sqrt_transform": True, "lambda_default": 0.5}, {"normalize": "core"},
    {"lambda_default": 0.5, "placement": "full", "normalize": "core"},
])  # fmt: skip
def test_solver__agrees_on_other_problems(options):
    raw = simulate_motifs(8, 20, (6, 16), seed=3)
    assert_same(simulated(raw, 8, 200), oriented(raw, **options))


def test_solver__agrees_where_bases_or_scores_are_missing():
    raw = simulate_motifs(8, 20, (6, 16), seed=4)
    regions = simulated(raw, 20, 300)
    codes, scores = (
        regions.region_sequence.values.copy(),
        regions.region_contributions.values.copy(),
    )
    codes[:5, 100:180] = NO_BASE
    codes[5] = NO_BASE
    scores[[6, 19]] = 0
    found = assert_same(create_regions(codes, scores), oriented(raw))
    assert not {5, 6, 19} & set(found.hits.hit_region.values.tolist())


def test_solver__agrees_on_motifs_given_twice():
    raw = simulate_motifs(5, 20, (6, 12), palindromes=0.5, seed=5)
    again = raw.assign(
        motif_name=raw.motif_name.copy(data=[f"{n}b" for n in raw.motif_name.values])
    )
    motifs = oriented(combine_motifs([raw, again]))
    found = assert_same(simulated(raw, 20, 300), motifs)
    assert found.hits.hit_motif.values.max() < 10


@pytest.mark.parametrize("difference", [1e-2, 1e-4])
def test_solver__agrees_on_motifs_that_are_nearly_the_same(difference):
    raw = simulate_motifs(5, 20, (6, 12), palindromes=0.5, seed=5)
    names = [f"{name} nearly" for name in raw.motif_name.values]
    noise = 1 + difference * np.random.default_rng(1).standard_normal(raw.motif_cwm.shape)
    nearly = raw.assign(motif_name=raw.motif_name.copy(data=names), motif_cwm=raw.motif_cwm * noise)
    motifs = oriented(combine_motifs([raw, nearly]), lambda_default=0.5)
    found = assert_same(simulated(raw, 20, 300), motifs)
    assert found.qc.qc_dual_gap.values.max() < 1e-12


@pytest.mark.parametrize("batch_regions", [1, 7, 1000])
def test_solver__gives_the_same_in_batches_of_any_size(batch_regions):
    raw = simulate_motifs(8, 20, (6, 16), seed=6)
    assert_same(simulated(raw, 20, 200), oriented(raw), batch_regions=batch_regions)
