import subprocess
import sys
import time

import numpy as np
import pytest
import xarray as xr

from finemo_zarr.errors import SchemaError
from finemo_zarr.model import validate
from finemo_zarr.motifs import combine_motifs, trim_core
from finemo_zarr.sequence import project
from finemo_zarr.testing import simulate_blocks, simulate_motifs, simulate_regions


@pytest.fixture(scope="module")
def motifs():
    narrow = simulate_motifs(2, 14, (8, 10), n_negative=2, palindromes=0, seed=2)
    return combine_motifs([simulate_motifs(6, 24, (6, 14), palindromes=0, seed=1), narrow])


def same(one, other):
    return all(np.array_equal(one[key], other[key]) for key in one)


def test_simulate_motifs__has_a_core_of_the_length_asked():
    motifs = simulate_motifs(60, 30, (6, 20), seed=3)
    validate(motifs, "motifs")
    lengths = [end - start for start, end in (trim_core(m, 0.3) for m in motifs.motif_cwm)]
    assert min(lengths) >= 6
    assert max(lengths) <= 20
    assert len(set(lengths)) > 5


def test_simulate_motifs__gives_the_same_for_a_seed_and_others_for_another():
    assert simulate_motifs(3, seed=1).identical(simulate_motifs(3, seed=1))
    assert not simulate_motifs(3, seed=1).equals(simulate_motifs(3, seed=2))


def test_simulate_motifs__gives_probabilities_and_the_average_of_contributions():
    motifs = simulate_motifs(5, n_negative=2)
    np.testing.assert_allclose(motifs.motif_ppm.sum("base"), 1)
    np.testing.assert_allclose(motifs.motif_cwm, motifs.motif_hcwm * motifs.motif_ppm)
    assert motifs.motif_name.values.tolist()[3:] == [
        "neg_patterns.pattern_0",
        "neg_patterns.pattern_1",
    ]
    assert (motifs.motif_cwm.sum(["base", "motif_position"]) > 0).values.tolist() == [1, 1, 1, 0, 0]


def test_simulate_motifs__makes_near_palindromes():
    def likeness(motifs):
        cwm = motifs.motif_cwm.values
        best = []
        for matrix in cwm:
            start, end = trim_core(matrix, 0.3)
            core = matrix[:, start:end]
            best.append((core * core[::-1, ::-1]).sum() / (core**2).sum())
        return np.array(best)

    assert likeness(simulate_motifs(10, palindromes=1.0)).min() > 0.75
    assert np.median(likeness(simulate_motifs(10, palindromes=0.0))) < 0.6


def test_simulate_motifs__refuses_cores_that_do_not_fit():
    with pytest.raises(ValueError, match="cores of 6 to 20 bp do not fit a width of 10 bp"):
        simulate_motifs(1, 10)


def test_simulate_regions__gives_valid_regions_with_coordinates(motifs):
    regions, _ = simulate_regions(motifs, 7, 100)
    validate(regions, "regions")
    assert regions.region_contributions.dtype == np.float32
    assert regions.region_chrom.values.tolist()[:4] == ["chr1", "chr2", "chr3", "chr1"]
    assert (regions.region_end - regions.region_start == 100).all()
    assert regions.attrs["chrom_order"] == ["chr1", "chr2", "chr3"]


def test_simulate_regions__projects_what_it_gives_as_hypothetical(motifs):
    projected, truth = simulate_regions(motifs, 9, 120, seed=4)
    full, same_truth = simulate_regions(motifs, 9, 120, seed=4, hypothetical=True)
    assert full.region_contributions.dims == ("region", "base", "position")
    expected = project(full.region_contributions.values, full.region_sequence.values)
    np.testing.assert_array_equal(projected.region_contributions, expected)
    assert same(truth, same_truth)


@pytest.mark.parametrize("sites", [0, 1, 3, (2, 5), 30])
def test_simulate_regions__plants_cores_inside_and_apart(motifs, sites):
    _, truth = simulate_regions(motifs, 300, 150, sites_per_region=sites, seed=5)
    assert (truth["core_start"] >= 0).all()
    assert (truth["core_end"] <= 150).all()
    order = np.lexsort((truth["core_start"], truth["region"]))
    assert np.array_equal(order, np.arange(len(order)))
    neighbours = np.diff(truth["region"]) == 0
    assert ((truth["core_start"][1:] - truth["core_end"][:-1])[neighbours] >= 5).all()
    if sites in (0, 1, 3):
        assert len(truth["region"]) == 300 * sites


def test_simulate_regions__plants_sites_evenly_on_both_strands(motifs):
    _, truth = simulate_regions(motifs, 2000, 200, seed=6)
    centres = (truth["core_start"] + truth["core_end"]) / 2
    assert abs(centres.mean() - 100) < 3
    assert abs((truth["strand"] == "+").mean() - 0.5) < 0.03
    assert np.bincount(truth["motif"], minlength=8).min() > 0.8 * len(centres) / 8


def test_simulate_regions__plants_scores_and_bases_of_the_motif(motifs):
    regions, truth = simulate_regions(
        motifs, 400, 200, sites_per_region=1, noise=0.0, hypothetical=True, seed=7
    )
    scores, codes = regions.region_contributions.values, regions.region_sequence.values
    seen = np.zeros((8, 4, 24))
    for region, motif, start, strand in zip(
        *(truth[key] for key in ("region", "motif", "start", "strand")), strict=True
    ):
        width = int(motifs.motif_width[motif])
        if start < 0 or start + width > 200:
            continue
        window = scores[region, :, start : start + width]
        bases = np.eye(5)[codes[region, start : start + width]].T[:4]
        if strand == "-":
            window, bases = window[::-1, ::-1], bases[::-1, ::-1]
        right = motifs.motif_hcwm.values[motif, :, :width]
        strength = (window * right).sum() / (right**2).sum()
        assert 0.2 < strength < 4
        np.testing.assert_allclose(window, strength * right, atol=1e-4)
        assert not np.delete(scores[region], np.s_[start : start + width], axis=1).any()
        seen[motif, :, :width] += bases
    seen /= np.maximum(seen.sum(axis=1, keepdims=True), 1)
    assert np.abs(seen - motifs.motif_ppm.values).mean() < 0.05


def test_simulate_regions__adds_noise_relative_to_the_motifs(motifs):
    largest = np.abs(motifs.motif_hcwm.values).max()
    regions, _ = simulate_regions(motifs, 50, 200, sites_per_region=0, noise=0.1)
    assert regions.region_contributions.values.std() == pytest.approx(0.1 * largest, rel=0.05)


def test_simulate_regions__needs_probabilities(motifs):
    with pytest.raises(SchemaError, match="no motif_ppm"):
        simulate_regions(motifs.drop_vars("motif_ppm"), 1, 100)


def test_simulate_regions__takes_motifs_without_hypothetical_matrix(motifs):
    regions, _ = simulate_regions(motifs.drop_vars("motif_hcwm"), 3, 100)
    validate(regions, "regions")


@pytest.mark.parametrize("count", [0, 1])
def test_simulate_regions__makes_few_or_none(motifs, count):
    regions, truth = simulate_regions(motifs, count, 50, sites_per_region=1)
    assert regions.sizes["region"] == len(truth["region"]) == count


@pytest.mark.parametrize("block_size", [1, 333, 500, 2000])
def test_simulate_blocks__gives_the_same_in_any_blocks(motifs, block_size):
    count = 3 if block_size == 1 else 1234
    whole, truth = simulate_regions(motifs, count, 60, seed=8, sites_per_region=2, noise=0.1)
    blocks, truths = zip(
        *simulate_blocks(
            motifs, count, 60, block_size=block_size, seed=8, sites_per_region=2, noise=0.1
        ),
        strict=True,
    )
    assert [block.sizes["region"] for block in blocks[:-1]] == [block_size] * (len(blocks) - 1)
    assert xr.concat(blocks, dim="region").equals(whole)
    assert same({key: np.concatenate([part[key] for part in truths]) for key in truth}, truth)


def test_simulate_blocks__is_fast_enough_for_many_regions(motifs):
    begin = time.perf_counter()
    assert sum(1 for _ in simulate_blocks(motifs, 4000, 1000)) == 2
    assert time.perf_counter() - begin < 10


def test_testing__needs_neither_pytest_nor_hypothesis():
    heavy = {"pytest", "hypothesis", "xarray", "zarr", "h5py", "dask"}
    code = f"import sys, finemo_zarr.testing; sys.exit(bool({heavy!r} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
