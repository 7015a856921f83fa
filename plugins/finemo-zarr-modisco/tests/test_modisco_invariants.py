"""What must hold for any regions."""

import numpy as np
import pytest
import xarray as xr
from finemo_zarr_modisco.jaccard import CORE
from finemo_zarr_modisco.seqlets import FLANK, core_sums, find_seqlets
from hypothesis import given, settings
from hypothesis import strategies as st

from finemo_zarr.sequence import project, reverse_complement
from finemo_zarr.testing import simulate_regions
from finemo_zarr.testing.contracts.solvers import plain_motifs, prepared, with_scores

WIDTH = 120
SEEDS = st.integers(0, 2**16)
FEW = settings(max_examples=12, deadline=None)
MOTIFS = prepared(plain_motifs(), mode="hh")
SHARES = ("mod_precision", "mod_percentile", "fann_sum_percentile", "fann_avg_percentile")


def simulated(seed, count=3):
    """Regions with sites, noise, and some bases that are not known."""
    regions, _ = simulate_regions(
        plain_motifs(), count, WIDTH, sites_per_region=(1, 4), hypothetical=True, seed=seed
    )
    random = np.random.default_rng(seed)
    codes, scores = (regions[f"region_{name}"].values for name in ("sequence", "contributions"))
    scores = scores + random.normal(0, 0.02, scores.shape).astype(np.float32)
    unknown = random.integers(0, WIDTH, count)
    codes[np.arange(count), unknown] = 4
    scores[np.arange(count), :, unknown] = 0
    return with_scores(regions, scores, codes)


def rows(hits, *names):
    return list(zip(*(hits[f"hit_{name}"].values.tolist() for name in names), strict=True))


@FEW
@given(seed=SEEDS)
def test_other_strand__mirrors_hits(scoring, seed):
    regions = simulated(seed)
    hits = scoring.solve(regions, MOTIFS).hits
    turned = with_scores(
        regions,
        regions.region_contributions.values[:, ::-1, ::-1],
        reverse_complement(regions.region_sequence.values),
    )
    expected = {
        (region, motif ^ 1, WIDTH - end, WIDTH - start)
        for region, motif, start, end in rows(hits, "region", "motif", "start", "end")
    }
    mirrored = scoring.solve(turned, MOTIFS).hits
    assert set(rows(mirrored, "region", "motif", "start", "end")) == expected


@FEW
@given(seed=SEEDS)
def test_hits__are_as_long_as_cores_and_scores_within_bounds(scoring, seed):
    regions = simulated(seed)
    hits = scoring.solve(regions, MOTIFS).hits
    core = (MOTIFS.motif_end - MOTIFS.motif_start).values[hits.hit_motif.values]
    np.testing.assert_array_equal((hits.hit_end - hits.hit_start).values, core)
    assert (hits.hit_start >= 0).all()
    assert (hits.hit_end <= WIDTH).all()
    for name in (*SHARES, "imp_frac"):
        values = hits[f"hit_{name}"].values
        assert ((values >= 0) & (values <= 1)).all()
    assert (np.abs(hits.hit_agg_sim) <= 1).all()
    assert (np.abs(hits.hit_coefficient) <= hits.hit_importance * (1 + 1e-6)).all()


@FEW
@given(seed=SEEDS, other=SEEDS)
def test_another_region__changes_nothing(scoring, seed, other):
    regions, more = simulated(seed), simulated(other, count=1)
    alone = scoring.solve(regions, MOTIFS).hits
    together = scoring.solve(xr.concat([regions, more], dim="region"), MOTIFS).hits
    first = together.isel(hit=np.flatnonzero(together.hit_region.values < 3))
    xr.testing.assert_allclose(first, alone, rtol=1e-5)


@FEW
@given(seed=SEEDS, quantile=st.floats(0.5, 0.99))
def test_seqlets__have_cores_that_do_not_overlap_within_the_flanks(seed, quantile):
    regions = simulated(seed)
    importance = project(regions.region_contributions.values, regions.region_sequence.values)
    threshold = float(np.quantile(core_sums(importance), quantile))
    found = find_seqlets(importance, max(threshold, 1e-9))
    assert (found.start >= 0).all()
    assert (found.start + 2 * FLANK + CORE <= WIDTH).all()
    same = np.diff(found.region) == 0
    assert (np.diff(found.start)[same] >= CORE).all()


@pytest.mark.parametrize("mode", ["pp", "hh"])
def test_flat_scores__are_no_reason_to_fail(scoring, mode):
    regions = simulated(0)
    scores = np.full_like(regions.region_contributions.values, 0.7)
    scores = scores[:, 0] if mode == "pp" else scores
    same = with_scores(regions, scores, regions.region_sequence.values)
    result = scoring.solve(same, prepared(plain_motifs(), mode=mode))
    assert np.isfinite(result.hits.hit_agg_sim).all()
