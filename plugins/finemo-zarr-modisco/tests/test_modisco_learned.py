"""What is learned from a regions store, what is refused, and what is remembered."""

import os
from dataclasses import dataclass, replace
from typing import Any, ClassVar

import numpy as np
import pytest
from finemo_zarr_modisco.learned import Request, learn
from finemo_zarr_modisco.null import seqlet_threshold
from finemo_zarr_modisco.patterns import motif_sources
from finemo_zarr_modisco.seqlets import core_sums

from finemo_zarr import store
from finemo_zarr.decoys import DecoyOptions
from finemo_zarr.errors import FinemoError, SchemaError
from finemo_zarr.execution import CallOptions, call_hits, extract_regions
from finemo_zarr.sequence import project
from finemo_zarr.testing import simulate_regions
from finemo_zarr.testing.contracts.solvers import plain_motifs, prepared

WIDTH = 90


@dataclass(frozen=True)
class MemoryReader:
    """Regions that are there already."""

    name: ClassVar[str] = "memory"
    summary: ClassVar[str] = "Regions in memory."
    regions: Any = None

    def read(self):
        return self.regions.chunk(region=8)


@pytest.fixture(scope="module")
def regions():
    return simulate_regions(
        plain_motifs(), 40, WIDTH, sites_per_region=(1, 3), hypothetical=True, seed=3
    )[0]


@pytest.fixture
def positive(result_file):
    """Ask what is learned of positive patterns, with a store or without."""
    sources = motif_sources(prepared(plain_motifs(), mode="hh"), result_file)
    request = Request(
        sources=tuple(source for source in sources if source.sign > 0),
        stamps=(0,),
        hypothetical=True,
        kernel="reference",
        seeds=1,
        exclude_self=False,
        calibrate_on=None,
        fdr=0.2,
        window=None,
    )
    return lambda **changes: learn(replace(request, **changes))


def contributions(regions):
    return project(regions.region_contributions.values, regions.region_sequence.values)


@pytest.mark.parametrize("window", [None, 60])
def test_learn__takes_threshold_and_background_from_a_store(positive, regions, tmp_path, window):
    path = tmp_path / "regions.zarr"
    extract_regions(MemoryReader(regions), path, scheduler="sync")
    at = slice(0, WIDTH) if window is None else slice(15, 75)
    learned = positive(calibrate_on=str(path), window=window)
    expected = seqlet_threshold(core_sums(contributions(regions)[:, at].astype(float)))
    assert learned.threshold == pytest.approx(expected, rel=1e-6)
    share = np.bincount(regions.region_sequence.values[:, at].ravel(), minlength=4)[:4]
    share = share / share.sum()
    entropy = -(share * np.log2(share)).sum()
    change = learned.patterns[0].bits - positive().patterns[0].bits
    np.testing.assert_allclose(change, entropy - 2)


def test_learn__leaves_out_what_lies_behind_regions(positive, regions, tmp_path):
    path = tmp_path / "ragged.zarr"
    widths = np.where(np.arange(40) % 3 == 0, 50, WIDTH)
    ragged = regions.copy(deep=True)
    behind = np.arange(WIDTH) >= widths[:, None]
    ragged.region_sequence.values[behind] = 4
    ragged.region_contributions.values[np.repeat(behind[:, None], 4, axis=1)] = 0
    ragged["region_end"] = ragged.region_start + widths
    ragged = ragged.assign(region_width=("region", widths))
    extract_regions(MemoryReader(ragged), path, scheduler="sync")
    learned = positive(calibrate_on=str(path))
    rows = contributions(regions).astype(float)
    sums = [core_sums(row[None, :width]) for row, width in zip(rows, widths, strict=True)]
    # The same cores in another order: numbers are drawn for the null, not for the cores.
    expected = seqlet_threshold(np.concatenate(sums, axis=1))
    assert learned.threshold == pytest.approx(expected, rel=1e-6)


def test_learn__refuses_scores_that_are_not_finite(positive, regions, tmp_path, monkeypatch):
    broken = regions.copy(deep=True)
    broken.region_contributions.values[3, :, 7] = np.nan
    monkeypatch.setattr(store, "open_regions", lambda _path: broken)
    with pytest.raises(SchemaError, match="not finite"):
        positive(calibrate_on=str(tmp_path / "broken.zarr"))


def test_solve__reads_a_store_again_that_was_written_again(scoring, regions, tmp_path):
    path, motifs = tmp_path / "regions.zarr", prepared(plain_motifs(), mode="hh")
    solver = replace(scoring, calibrate_on=str(path))
    counts = []
    for factor in (1.0, 1e-3):
        scaled = regions.assign(region_contributions=factor * regions["region_contributions"])
        extract_regions(MemoryReader(scaled), path, scheduler="sync", overwrite=True)
        os.utime(path / "zarr.json", ns=(0, int(1e9 / factor)))
        counts.append(solver.solve(regions, motifs).hits.sizes["hit"])
    assert counts[0] < counts[1]  # the threshold has become a thousandth


def test_call__refuses_decoys_and_tiles(scoring, regions, tmp_path):
    path, motifs = tmp_path / "regions.zarr", prepared(plain_motifs(), mode="hh")
    extract_regions(MemoryReader(regions), path, scheduler="sync")
    fdr = CallOptions(decoys=DecoyOptions(), scheduler="sync")
    with pytest.raises(FinemoError, match="leave --fdr out"):
        call_hits(path, motifs, tmp_path / "a.zarr", solver=scoring, options=fdr)
    long = simulate_regions(plain_motifs(), 1, 2500, hypothetical=True, seed=3)[0]
    extract_regions(MemoryReader(long), tmp_path / "long.zarr", scheduler="sync")
    tiled = CallOptions(tile=400, scheduler="sync")
    with pytest.raises(FinemoError, match="leave --tile out"):
        call_hits(
            tmp_path / "long.zarr", motifs, tmp_path / "b.zarr", solver=scoring, options=tiled
        )


def test_call__takes_the_files_that_motifs_were_read_from(result_file, regions, tmp_path, run):
    path = tmp_path / "regions.zarr"
    extract_regions(MemoryReader(regions), path, scheduler="sync")
    common = ("call-hits", "-r", path, "-m", result_file, "-M", "hh", "-o", tmp_path / "hits")
    said = run(*common, "--solver", "modisco-scoring", "--leiden-seeds", 2, "--jobs", 1)
    assert "solver: modisco-scoring" in said
    hits = store.open_hits(tmp_path / "hits" / "hits.zarr").hits.load()
    assert hits.sizes["hit"] > 20
    names = ("agg_sim", "mod_delta", "mod_precision", "mod_percentile", "imp_frac", "imp_ic_avg")
    assert {f"hit_{name}" for name in names} <= set(hits)
