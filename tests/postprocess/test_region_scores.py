import shutil

import numpy as np
import pytest

from finemo_zarr import store
from finemo_zarr.errors import ReadError, RunError
from finemo_zarr.execution import CallOptions, call_hits, extract_regions
from finemo_zarr.model import create_regions
from finemo_zarr.postprocess._scores import Scores
from finemo_zarr.sequence import project


def read(path, **settings):
    opened = store.open_hits(path)
    opened.regions.load()
    return Scores.of(opened, path, settings.pop("regions", None), **settings)


def together(scores):
    with scores.blocks("read") as read_blocks:
        blocks = list(read_blocks)
    assert blocks[0].first == 0
    return np.concatenate([block.scores for block in blocks])


def test_scores__are_those_of_the_bases(hits_store, regions):
    found = together(read(hits_store))
    assert (found == regions["region_contributions"].values).all()


def test_scores__are_projected_where_they_are_hypothetical(
    reader, solver, hypothetical_regions, motifs, tmp_path
):
    extract_regions(reader(hypothetical_regions), tmp_path / "r.zarr")
    call_hits(tmp_path / "r.zarr", motifs, tmp_path / "h.zarr", solver=solver)
    with read(tmp_path / "h.zarr").blocks("read") as blocks:
        (block,) = blocks
    scores = hypothetical_regions["region_contributions"].values
    codes = hypothetical_regions["region_sequence"].values
    assert (block.hypothetical == scores).all()
    assert (block.scores == project(scores, codes)).all()


def test_scores__are_those_of_the_tracks_that_were_called(
    reader, solver, regions, motifs, tmp_path
):
    scores = regions["region_contributions"].values
    both = create_regions(
        regions["region_sequence"].values,
        np.stack([scores, 2 * scores, 9 * scores]),
        tracks=["a", "b", "c"],
    )
    extract_regions(reader(both), tmp_path / "r.zarr")
    options = CallOptions(tracks=("a", "c"), combine_tracks="mean")
    call_hits(tmp_path / "r.zarr", motifs, tmp_path / "m.zarr", solver=solver, options=options)
    assert together(read(tmp_path / "m.zarr")) == pytest.approx(5 * scores, rel=1e-5)
    call_hits(tmp_path / "r.zarr", motifs, tmp_path / "h.zarr", solver=solver)
    assert together(read(tmp_path / "h.zarr", track="b")) == pytest.approx(2 * scores)
    with pytest.raises(ReadError, match="has no track 'd'"):
        read(tmp_path / "h.zarr", track="d")


def test_scores__are_of_the_regions_of_the_hits(
    regions_store, motifs, solver, regions, reader, tmp_path
):
    hits = tmp_path / "hits.zarr"
    call_hits(regions_store, motifs, hits, solver=solver)
    moved = regions.assign(region_start=regions["region_start"] + 1)
    extract_regions(reader(moved), tmp_path / "moved.zarr")
    with pytest.raises(ReadError, match="place 50 regions differently, first region 0"):
        read(hits, regions=tmp_path / "moved.zarr")
    shutil.rmtree(regions_store)
    with pytest.raises(RunError, match=r"not where it was \(.*regions.zarr\); give it with -r"):
        read(hits)
