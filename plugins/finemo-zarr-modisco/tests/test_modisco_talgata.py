"""Simulated sequences whose TAL1 and GATA sites are known, and the published filter after it."""

from pathlib import Path

import pytest

from finemo_zarr.evaluation.truth import compare_with_truth, read_truth
from finemo_zarr.store import open_hits

TALGATA = Path(__file__).parents[3] / "../shared/data/talgata"

pytestmark = pytest.mark.skipif(not TALGATA.is_dir(), reason="needs ../shared/data/talgata")


def judged(path):
    sites = read_truth(TALGATA / "truth.tsv")
    return compare_with_truth(open_hits(path), sites, score="hit_agg_sim").attrs


@pytest.fixture
def regions(tmp_path, run):
    names = "pos_patterns.pattern_0\tTAL1_known1\npos_patterns.pattern_1\tGATA_disc1\n"
    (tmp_path / "names.tsv").write_text(names)
    arrays = ("-s", TALGATA / "ohe.npz", "-a", TALGATA / "attr.npz")
    peaks = ("-p", TALGATA / "regions.narrowPeak", "-w", 200)
    path = tmp_path / "regions.zarr"
    run("extract-regions-modisco-fmt", *arrays, *peaks, "-o", path)
    return path


def test_talgata__is_called_collapsed_and_filtered(tmp_path, run, regions):
    hits, one, kept = (tmp_path / name for name in ("hits", "one.zarr", "kept.zarr"))
    motifs = ("-m", TALGATA / "modisco.h5", "-N", tmp_path / "names.tsv", "-M", "hh")
    options = ("--calibrate-on", regions, "--density-kernel", "calibrated", "--min-ic", 0.2)
    common = ("call-hits", "-r", regions, *motifs, "-o", hits, "--jobs", 1)
    run(*common, "--solver", "modisco-scoring", *options, "--leiden-seeds", 5)
    called = judged(hits / "hits.zarr")
    assert called["recall"] > 0.93
    run("collapse-hits", "-i", hits, "-o", one, "--method", "cluster", "--score", "hit_agg_sim")
    run("filter-hits", "-i", one, "-r", regions, "-o", kept, "--primary", "--max-figures", 0)
    found = judged(kept)
    assert found["precision"] >= 0.95
    assert found["recall"] > 0.84


def test_talgata__needs_no_store_to_be_precise(tmp_path, run, regions):
    hits, one, kept = (tmp_path / name for name in ("hits", "one.zarr", "kept.zarr"))
    motifs = ("-m", TALGATA / "modisco.h5", "-N", tmp_path / "names.tsv", "-M", "hh")
    common = ("call-hits", "-r", regions, *motifs, "-o", hits, "--jobs", 1)
    run(*common, "--solver", "modisco-scoring", "--leiden-seeds", 5)
    run("collapse-hits", "-i", hits, "-o", one, "--method", "cluster", "--score", "hit_agg_sim")
    run("filter-hits", "-i", one, "-r", regions, "-o", kept, "--primary", "--max-figures", 0)
    found = judged(kept)
    assert found["precision"] >= 0.95
    assert found["recall"] > 0.6
