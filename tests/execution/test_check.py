import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import xarray as xr
import zarr

from finemo_zarr import store
from finemo_zarr.errors import FinemoError, ReadError
from finemo_zarr.execution import CallJob, CallOptions, call_hits, extract_regions
from finemo_zarr.execution.check import check_store
from finemo_zarr.export import write_tables
from finemo_zarr.model import create_regions


def flip(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)


def truncate(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


DAMAGES = [flip, truncate, Path.unlink]


def states(path: Path) -> dict[str, str]:
    return {what: state for what, state, _ in check_store(path, jobs=1).findings}


@pytest.fixture
def tracked(tmp_path: Path, reader, regions) -> Path:
    scores = regions["region_contributions"].values
    several = create_regions(
        regions["region_sequence"].data, np.stack([scores, 2 * scores]), tracks=["a", "b"]
    )
    extract_regions(reader(several), tmp_path / "tracks.zarr")
    return tmp_path / "tracks.zarr"


def test_check__finds_nothing_in_what_was_written(
    regions_store, hits_store, tracked, motifs, solver, tmp_path
) -> None:
    call_hits(tracked, motifs, tmp_path / "tracked_hits.zarr", solver=solver)
    for path in (regions_store, hits_store, tracked, tmp_path / "tracked_hits.zarr"):
        report = check_store(path)
        assert report.state == "ok", report.findings


def content(path: Path) -> list[xr.Dataset]:
    info = store.read_info(path)
    if info.kind == "regions":
        return [store.open_regions(path).load()]
    return [part.load() for part in store.open_hits(path)]


@pytest.mark.parametrize("damage", DAMAGES)
@pytest.mark.parametrize("kind", ["regions", "hits"])
def test_check__finds_damage_in_any_file(
    regions_store, hits_store, tmp_path: Path, damage: Callable[[Path], None], kind: str
) -> None:
    """Or the damage is to what says nothing of the data, such as a time stamp."""
    whole = regions_store if kind == "regions" else hits_store
    expected = content(whole)
    files = [path.relative_to(whole) for path in whole.rglob("*") if path.is_file()]
    assert len(files) > 15
    harmless = []
    for name in files:
        broken = tmp_path / "broken.zarr"
        shutil.copytree(whole, broken)
        damage(broken / name)
        try:
            state = check_store(broken, jobs=1).state
        except FinemoError:
            state = "damaged"
        if state == "ok":
            harmless.append(name)
            for one, other in zip(content(broken), expected, strict=True):
                xr.testing.assert_equal(one, other)
        shutil.rmtree(broken)
    assert all(name.name == "zarr.json" for name in harmless)


def test_check__names_the_regions_that_are_damaged(regions_store: Path) -> None:
    flip(regions_store / "region_contributions" / "c" / "2" / "0")
    ((what, state, details),) = [
        finding for finding in check_store(regions_store).findings if finding[1] != "ok"
    ]
    assert (what, state) == ("sequences and scores", "damaged")
    assert details.startswith("1 of 4 blocks. regions 32 to 47, from peak32 (chr")
    assert "The other regions are safe; extract the store again" in details


def test_check__notices_another_value_with_a_right_checksum(regions_store: Path) -> None:
    array = zarr.open_array(regions_store, path="region_contributions", mode="r+")
    array[20, 3] = array[20, 3] + 1
    assert states(regions_store)["sequences and scores"] == "damaged"


def rewritten(hits_store: Path, name: str, values: np.ndarray) -> None:
    """Write other values, and their digest, as a faulty program would."""
    zarr.open_array(hits_store, path=f"hits/{name}", mode="r+")[...] = values
    group = zarr.open_group(hits_store, mode="r+")
    digest = store.new_digest()
    digest.update(np.ascontiguousarray(values).data)
    group.attrs["digests"] = {**group.attrs["digests"], f"hits/{name}": digest.hexdigest()}


@pytest.mark.parametrize(
    ("name", "change", "message"),
    [
        ("hit_region", lambda values: values[::-1].copy(), "not in the order"),
        ("hit_region", lambda values: values + 50, "that there is not"),
        ("hit_motif", lambda values: values + 100, "that there is not"),
        ("hit_end", lambda values: values + 100, "do not lie in their regions"),
        ("hit_start", lambda values: values - 100, "do not lie in their regions"),
    ],
)
def test_check__looks_where_hits_lie(hits_store: Path, name: str, change, message: str) -> None:
    values = change(zarr.open_array(hits_store, path=f"hits/{name}")[...])
    rewritten(hits_store, name, values)
    found = {
        what: details for what, state, details in check_store(hits_store).findings if state != "ok"
    }
    assert list(found) == ["hits"]
    assert message in found["hits"]


@pytest.mark.parametrize("name", ["hits.tsv", "peaks_qc.tsv", "motif_data.tsv", "hits_unique.tsv"])
def test_check__counts_the_lines_of_tables(hits_store: Path, tmp_path: Path, name: str) -> None:
    folder = tmp_path / "hits"
    folder.mkdir()
    shutil.move(hits_store, folder / "hits.zarr")
    write_tables(folder / "hits.zarr", folder)
    assert check_store(folder).state == "ok"
    table = folder / name
    if name == "hits_unique.tsv":
        table.unlink()
    else:
        table.write_bytes(table.read_bytes()[:-20])
    assert states(folder)["tables"] == "damaged"


def test_check__says_how_far_a_run_is(regions_store, motifs, solver, tmp_path: Path) -> None:
    options = CallOptions(scheduler="sync")
    job = CallJob(regions_store, motifs, tmp_path / "h.zarr", solver, options)
    job.plan()
    job.work(1, 2)
    report = check_store(tmp_path / "h.zarr")
    assert report.state == "unfinished"
    assert report.findings[0][2].startswith("2 of 4 blocks are done")


def test_check__refuses_what_is_no_store(tmp_path: Path) -> None:
    with pytest.raises(ReadError, match="no such store"):
        check_store(tmp_path / "gone.zarr")


def test_check__says_that_a_store_is_newer(regions_store: Path) -> None:
    zarr.open_group(regions_store, mode="r+").attrs["format_version"] = 99
    ((what, state, details),) = check_store(regions_store).findings
    assert (what, state) == ("metadata", "damaged")
    assert "update finemo-zarr" in details
