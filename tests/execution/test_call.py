from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import xarray as xr
import zarr

from finemo_zarr import store
from finemo_zarr.errors import ConvergenceWarning, PluginError, RunError
from finemo_zarr.execution import CallOptions, call_hits, extract_regions
from finemo_zarr.model import create_regions
from finemo_zarr.motifs import MotifOptions, prepare_motifs
from finemo_zarr.sequence import project


def columns(opened: store.HitsStore) -> dict[str, np.ndarray]:
    return {str(name): opened.hits[name].values for name in opened.hits.data_vars}


def test_call_hits__numbers_hits_as_the_store_does(hits_store: Path, regions) -> None:
    opened = store.open_hits(hits_store)
    strongest = opened.hits.isel(hit=opened.hits["hit_motif"].values == 0)
    np.testing.assert_array_equal(strongest["hit_region"], np.arange(50))
    expected = np.abs(regions["region_contributions"].values).max(axis=1)
    np.testing.assert_allclose(strongest["hit_coefficient_global"], expected, rtol=1e-6)


def test_call_hits__qc_is_in_the_order_of_the_regions(hits_store: Path, regions) -> None:
    scale = np.sqrt((regions["region_contributions"].values ** 2).mean(axis=1))
    np.testing.assert_allclose(store.open_hits(hits_store).qc["qc_scale"], scale, rtol=1e-6)


def test_call_hits__post_filter_keeps_what_has_no_similarity(hits_store: Path) -> None:
    hits = store.open_hits(hits_store).hits
    assert np.bincount(hits["hit_motif"]).tolist() == [50, 0, 50]


def test_call_hits__without_post_filter_all_hits_stay(
    tmp_path: Path, regions_store, motifs, solver
) -> None:
    opened = call_hits(
        regions_store,
        motifs,
        tmp_path / "h.zarr",
        solver=solver,
        options=CallOptions(post_filter=False),
    )
    assert np.bincount(opened.hits["hit_motif"]).tolist() == [50, 50, 50]


def test_call_hits__similarity_equal_to_lambda_is_kept(
    tmp_path: Path, regions_store, raw_motifs, solver
) -> None:
    motifs = prepare_motifs(raw_motifs, MotifOptions(lambda_default=0.1))
    opened = call_hits(regions_store, motifs, tmp_path / "h.zarr", solver=solver)
    assert opened.hits.sizes["hit"] == 150


@pytest.mark.parametrize("chunk", [16, 50])
@pytest.mark.parametrize("jobs", [1, 4])
def test_call_hits__blocks_and_jobs_change_nothing(  # noqa: PLR0917
    tmp_path: Path, hits_store, reader, regions, motifs, solver, chunk, jobs
) -> None:
    extract_regions(reader(regions, chunk), tmp_path / "r.zarr")
    again = call_hits(
        tmp_path / "r.zarr",
        motifs,
        tmp_path / "h.zarr",
        solver=solver,
        options=CallOptions(jobs=jobs),
    )
    expected = columns(store.open_hits(hits_store))
    for name, values in columns(again).items():
        np.testing.assert_array_equal(values, expected[name])


def test_call_hits__projects_hypothetical_scores_where_the_mode_says_so(
    tmp_path: Path, reader, hypothetical_regions, motifs, solver
) -> None:
    extract_regions(reader(hypothetical_regions), tmp_path / "r.zarr")
    opened = call_hits(tmp_path / "r.zarr", motifs, tmp_path / "h.zarr", solver=solver)
    projected = project(
        hypothetical_regions["region_contributions"].values,
        hypothetical_regions["region_sequence"].values,
    )
    expected = np.sqrt((projected**2).mean(axis=1))
    np.testing.assert_allclose(opened.qc["qc_scale"], expected, rtol=1e-5)


def test_call_hits__hands_hypothetical_scores_on_where_the_mode_says_so(
    tmp_path: Path, reader, hypothetical_regions, raw_motifs, solver
) -> None:
    extract_regions(reader(hypothetical_regions), tmp_path / "r.zarr")
    motifs = prepare_motifs(raw_motifs, MotifOptions(mode="hh"))
    opened = call_hits(tmp_path / "r.zarr", motifs, tmp_path / "h.zarr", solver=solver)
    assert opened.motifs.attrs["mode"] == "hh"


def test_call_hits__refuses_a_mode_that_the_store_cannot_serve(
    tmp_path: Path, regions_store, raw_motifs, solver
) -> None:
    motifs = prepare_motifs(raw_motifs, MotifOptions(mode="ph"))
    expected = "holds projected scores, and mode ph needs hypothetical ones; use mode pp"
    with pytest.raises(RunError, match=expected):
        call_hits(regions_store, motifs, tmp_path / "h.zarr", solver=solver)
    assert not (tmp_path / "h.zarr").exists()


@pytest.fixture
def tracked(tmp_path: Path, reader, regions) -> Path:
    """Three tracks: the scores, twice as much, and their mean."""
    first = regions["region_contributions"].values
    scores = np.stack([first, 2 * first[:, ::-1], (first + 2 * first[:, ::-1]) / 2])
    extract_regions(
        reader(create_regions(regions["region_sequence"].data, scores, tracks=["a", "b", "mean"])),
        tmp_path / "tracks.zarr",
    )
    return tmp_path / "tracks.zarr"


def _of_track(called: store.HitsStore, index: int) -> "xr.Dataset":
    hits = called.hits.isel(hit=np.flatnonzero(called.hits["hit_track"] == index))
    return hits.drop_vars("hit_track").load()


def test_call_hits__calls_each_track_as_if_it_were_alone(
    tmp_path: Path, tracked, reader, regions, motifs, solver
) -> None:
    together = call_hits(tracked, motifs, tmp_path / "h.zarr", solver=solver)
    assert list(together.regions["track"].values) == ["a", "b", "mean"]
    scores = store.open_regions(tracked)["region_contributions"]
    for index in range(3):
        alone = create_regions(regions["region_sequence"].data, scores.isel(track=index).values)
        extract_regions(reader(alone), tmp_path / f"r{index}.zarr")
        single = call_hits(
            tmp_path / f"r{index}.zarr", motifs, tmp_path / f"h{index}.zarr", solver=solver
        )
        xr.testing.assert_identical(
            _of_track(together, index).drop_attrs(), single.hits.load().drop_attrs()
        )
        xr.testing.assert_equal(together.qc.isel(track=index).load(), single.qc.load())


def test_call_hits__picks_tracks_in_the_order_that_is_asked_for(
    tmp_path: Path, tracked, motifs, solver
) -> None:
    options = CallOptions(tracks=("mean", "a"))
    picked = call_hits(tracked, motifs, tmp_path / "h.zarr", solver=solver, options=options)
    every = call_hits(tracked, motifs, tmp_path / "all.zarr", solver=solver)
    assert list(picked.regions["track"].values) == ["mean", "a"]
    xr.testing.assert_equal(_of_track(picked, 0), _of_track(every, 2))
    xr.testing.assert_equal(_of_track(picked, 1), _of_track(every, 0))


def test_call_hits__combines_tracks_by_their_mean(tmp_path: Path, tracked, motifs, solver) -> None:
    combined = call_hits(
        tracked,
        motifs,
        tmp_path / "h.zarr",
        solver=solver,
        options=CallOptions(tracks=("a", "b"), combine_tracks="mean"),
    )
    mean = call_hits(
        tracked, motifs, tmp_path / "m.zarr", solver=solver, options=CallOptions(tracks=("mean",))
    )
    assert "hit_track" not in combined.hits
    assert combined.qc["qc_scale"].dims == ("region",)
    for name in ("hit_region", "hit_start", "hit_motif"):
        np.testing.assert_array_equal(combined.hits[name], mean.hits[name])
    np.testing.assert_allclose(combined.qc["qc_scale"], mean.qc["qc_scale"][0], rtol=1e-6)


def test_call_hits__names_a_track_that_there_is_not(
    tmp_path: Path, tracked, regions_store, motifs
) -> None:
    with pytest.raises(RunError, match="has no track K562; it has a, b, mean"):
        call_hits(tracked, motifs, tmp_path / "h.zarr", options=CallOptions(tracks=("K562",)))
    for options in (CallOptions(tracks=("a",)), CallOptions(combine_tracks="mean")):
        with pytest.raises(RunError, match="has no tracks"):
            call_hits(regions_store, motifs, tmp_path / "h.zarr", options=options)
    assert not (tmp_path / "h.zarr").exists()


def test_call_hits__warns_of_unconverged_regions_by_name(
    tmp_path: Path, regions_store, regions, motifs, solver
) -> None:
    with pytest.warns(ConvergenceWarning, match=r"in 4 of 50 regions \(.*, …\)") as caught:
        opened = call_hits(
            regions_store, motifs, tmp_path / "h.zarr", solver=replace(solver, unconverged=1)
        )
    message = str(caught[0].message)
    assert all(regions["region_name"].values[index] in message for index in (1, 17, 33))
    assert np.flatnonzero(~opened.qc["qc_converged"].values).tolist() == [1, 17, 33, 49]


@pytest.mark.parametrize("fault", ["offset", "short qc"])
def test_call_hits__refuses_a_solver_that_leaves_its_block(
    tmp_path: Path, regions_store, motifs, solver, fault
) -> None:
    @dataclass(frozen=True)
    class Wrong(type(solver)):
        def solve(self, regions: Any, motifs: Any) -> Any:
            solved = super().solve(regions, motifs)
            if fault == "short qc":
                return solved._replace(qc=solved.qc.isel(region=slice(1, None)))
            return solved._replace(hits=solved.hits.assign(hit_region=solved.hits.hit_region + 99))

    with pytest.raises(PluginError, match="the solver fake returned"):
        call_hits(regions_store, motifs, tmp_path / "h.zarr", solver=Wrong())
    assert not (tmp_path / "h.zarr").exists()


def test_call_hits__refuses_tiles_of_a_solver_that_needs_whole_regions(
    tmp_path: Path, regions_store, motifs, solver
) -> None:
    @dataclass(frozen=True)
    class Ranking(type(solver)):
        @property
        def whole_regions(self) -> str:
            return "hits are ranked within a region; leave --tile out"

    path = tmp_path / "h.zarr"
    with pytest.raises(RunError, match=r"--tile cannot.*solver fake: hits are ranked"):
        call_hits(regions_store, motifs, path, solver=Ranking(), options=CallOptions(tile=5))
    assert not path.exists()
    call_hits(regions_store, motifs, path, solver=Ranking())


def test_call_hits__keeps_what_a_solver_adds(tmp_path: Path, regions_store, motifs, solver) -> None:
    @dataclass(frozen=True)
    class Richer(type(solver)):
        def solve(self, regions: Any, motifs: Any) -> Any:
            solved = super().solve(regions, motifs)
            return solved._replace(
                hits=solved.hits.assign(hit_rank=solved.hits.hit_motif * 2),
                qc=solved.qc.assign(qc_restarts=solved.qc.qc_steps + 5),
            )

    opened = call_hits(regions_store, motifs, tmp_path / "h.zarr", solver=Richer())
    np.testing.assert_array_equal(opened.hits["hit_rank"], opened.hits["hit_motif"] * 2)
    assert (opened.qc["qc_restarts"].values == 5).all()


def test_call_hits__no_hits_at_all_is_a_result(
    tmp_path: Path, regions_store, motifs, solver
) -> None:
    @dataclass(frozen=True)
    class Silent(type(solver)):
        def solve(self, regions: Any, motifs: Any) -> Any:
            solved = super().solve(regions, motifs)
            return solved._replace(hits=solved.hits.isel(hit=slice(0, 0)))

    opened = call_hits(regions_store, motifs, tmp_path / "h.zarr", solver=Silent())
    assert opened.hits.sizes["hit"] == 0
    assert opened.qc.sizes["region"] == 50


def test_call_hits__a_damaged_chunk_is_one_error_and_leaves_nothing(
    tmp_path: Path, regions_store, motifs, solver
) -> None:
    for chunk in (regions_store / "region_contributions" / "c").rglob("*"):
        if chunk.is_file():
            chunk.write_bytes(chunk.read_bytes()[:20])
    with pytest.raises(RunError, match=r"4 of 4 blocks failed.*regions 0 to \d+ cannot be read"):
        call_hits(regions_store, motifs, tmp_path / "h.zarr", solver=solver)
    assert [path.name for path in tmp_path.iterdir()] == ["regions.zarr"]


def test_call_hits__full_disk_leaves_nothing(
    tmp_path: Path, regions_store, motifs, solver, full_disk
) -> None:
    with pytest.raises(RunError, match="the disk is full"):
        call_hits(regions_store, motifs, tmp_path / "h.zarr", solver=solver)
    assert [path.name for path in tmp_path.iterdir()] == ["regions.zarr"]


def test_call_hits__refuses_output_that_was_made_in_another_way(
    hits_store, regions_store, motifs, solver
) -> None:
    other = replace(solver, strength=2.0)
    with pytest.raises(RunError, match=r"exists already.*strength was 1.0, is 2.0"):
        call_hits(regions_store, motifs, hits_store, solver=other)
    called = call_hits(regions_store, motifs, hits_store, solver=other, overwrite=True)
    assert (called.hits["hit_coefficient"] == 2).all()


def test_call_hits__leaves_alone_what_is_complete(
    hits_store, regions_store, motifs, solver
) -> None:
    before = {path: path.stat().st_mtime_ns for path in hits_store.rglob("*")}
    call_hits(regions_store, motifs, hits_store, solver=solver)
    assert before == {path: path.stat().st_mtime_ns for path in hits_store.rglob("*")}


def test_call_hits__keeps_how_it_was_made(tmp_path: Path, regions_store, motifs, solver) -> None:
    (tmp_path / "motifs.h5").write_bytes(b"x")
    known = {"options": {"mode": "pp"}, "inputs": [tmp_path / "motifs.h5"]}
    motifs.attrs["provenance"] = known
    call_hits(regions_store, motifs, tmp_path / "h.zarr", solver=replace(solver, strength=2.0))
    provenance = store.read_info(tmp_path / "h.zarr").provenance
    assert provenance["plugin"] == "fake"
    assert provenance["options"] == {"mode": "pp", "post_filter": True, "strength": 2.0}
    names = [Path(item["path"]).name for item in provenance["inputs"]]
    assert names == ["regions.zarr", "motifs.h5"]
    assert motifs.attrs["provenance"] is known


def test_call_hits__uses_coordinate_descent_by_default(
    tmp_path: Path, regions_store, motifs
) -> None:
    opened = call_hits(regions_store, motifs, tmp_path / "h.zarr")
    assert store.read_info(tmp_path / "h.zarr").provenance["plugin"] == "coordinate-descent"
    assert opened.hits.sizes["hit"] > 50
    assert opened.qc["qc_converged"].values.all()


def test_call_hits__stores_zarr_format_3(hits_store: Path) -> None:
    assert zarr.open_group(hits_store, mode="r").metadata.zarr_format == 3
