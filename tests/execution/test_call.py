from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import zarr

from finemo_zarr import store
from finemo_zarr.errors import ConvergenceWarning, PluginError, ReadError, RunError
from finemo_zarr.execution import call_hits, extract_regions
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
    opened = call_hits(regions_store, motifs, tmp_path / "h.zarr", solver=solver, post_filter=False)
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
    again = call_hits(tmp_path / "r.zarr", motifs, tmp_path / "h.zarr", solver=solver, jobs=jobs)
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


def test_call_hits__refuses_tracks(tmp_path: Path, reader, regions, motifs, solver) -> None:
    scores = regions["region_contributions"].values
    tracked = create_regions(
        regions["region_sequence"].data, np.stack([scores, scores]), tracks=["a", "b"]
    )
    extract_regions(reader(tracked), tmp_path / "r.zarr")
    with pytest.raises(RunError, match="has 2 tracks, and call-hits takes one"):
        call_hits(tmp_path / "r.zarr", motifs, tmp_path / "h.zarr", solver=solver)


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
    with pytest.raises(ReadError, match=r"regions 0 to \d+ cannot be read"):
        call_hits(regions_store, motifs, tmp_path / "h.zarr", solver=solver)
    assert [path.name for path in tmp_path.iterdir()] == ["regions.zarr"]


def test_call_hits__full_disk_leaves_nothing(
    tmp_path: Path, regions_store, motifs, solver, full_disk
) -> None:
    with pytest.raises(RunError, match="the disk is full"):
        call_hits(regions_store, motifs, tmp_path / "h.zarr", solver=solver)
    assert [path.name for path in tmp_path.iterdir()] == ["regions.zarr"]


def test_call_hits__refuses_existing_output(hits_store, regions_store, motifs, solver) -> None:
    with pytest.raises(RunError, match="exists already"):
        call_hits(regions_store, motifs, hits_store, solver=solver)
    call_hits(regions_store, motifs, hits_store, solver=solver, overwrite=True)


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
