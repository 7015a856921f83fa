import json
import re
from pathlib import Path

import dask
import numpy as np
import pytest
import zarr

from finemo_zarr import store
from finemo_zarr.errors import ReadError
from finemo_zarr.postprocess._new_store import write_hits_store
from finemo_zarr.variables import VARIABLES


def test_open_regions__gives_back_what_was_written(regions_store: Path, regions) -> None:
    opened = store.open_regions(regions_store)
    assert opened.attrs["chrom_order"] == regions.attrs["chrom_order"]
    for name in regions.data_vars:
        np.testing.assert_array_equal(opened[name].values, regions[name].values)
        assert opened[name].attrs == regions[name].attrs


def test_open_regions__is_lazy(regions_store: Path) -> None:
    def refuse(*args, **kwargs):
        raise AssertionError("computed although it should be lazy")

    with dask.config.set(scheduler=refuse):
        opened = store.open_regions(regions_store)
    assert opened["region_contributions"].chunksizes["region"] == (16, 16, 16, 2)
    assert not opened["region_start"].variable._in_memory


def test_open_regions__chunks_are_consistent(regions_store: Path) -> None:
    assert store.open_regions(regions_store).chunks["region"] == (16, 16, 16, 2)


def test_open_hits__gives_four_datasets(hits_store: Path, regions, motifs) -> None:
    opened = store.open_hits(hits_store)
    assert opened.qc.sizes["region"] == regions.sizes["region"]
    assert "region_sequence" not in opened.regions
    np.testing.assert_array_equal(opened.regions["region_start"], regions["region_start"])
    np.testing.assert_array_equal(opened.motifs["motif_weights"], motifs["motif_weights"])
    assert opened.motifs.attrs["mode"] == "pp"
    assert opened.hits.sizes["hit"] > 0


def test_open_hits__has_variables_in_order(hits_store: Path, tmp_path: Path) -> None:
    """As columns of tables have it: those of the data model, then the solver's own by name."""
    opened = store.HitsStore(*(group.load() for group in store.open_hits(hits_store)))
    own = [f"hit_{letter}" for letter in "gacbfed"]
    hits = opened.hits.assign(dict.fromkeys(own, opened.hits["hit_coefficient"]))
    write_hits_store(tmp_path / "own.zarr", opened._replace(hits=hits), {}, overwrite=False)
    names = list(store.open_hits(tmp_path / "own.zarr").hits.data_vars)
    known = [name for name in VARIABLES["hits"] if name in names]
    assert names == [*known, *sorted(own)]


def test_open_hits__takes_the_folder_around_it(hits_store: Path) -> None:
    assert store.open_hits(hits_store.parent).hits.sizes == store.open_hits(hits_store).hits.sizes


def test_read_stored_motifs__are_those_that_went_in(hits_store: Path, raw_motifs) -> None:
    stored = store.read_stored_motifs(hits_store)
    for name in raw_motifs.data_vars:
        np.testing.assert_array_equal(stored[name].values, raw_motifs[name].values)
    assert "motif_weights" not in stored


def test_open__refuses_what_is_missing(tmp_path: Path) -> None:
    with pytest.raises(ReadError, match=r"nothing.zarr: no such store"):
        store.open_regions(tmp_path / "nothing.zarr")


def test_open__refuses_a_file(tmp_path: Path) -> None:
    (tmp_path / "regions.npz").write_bytes(b"PK")
    with pytest.raises(ReadError, match=r"regions\.npz: a file, not a Zarr .*extract-regions-\*"):
        store.open_regions(tmp_path / "regions.npz")


def test_open__refuses_a_folder(tmp_path: Path) -> None:
    with pytest.raises(ReadError, match=r"a folder that is not a Zarr store .*a regions store"):
        store.open_regions(tmp_path)
    with pytest.raises(ReadError, match=r"a folder that is not a Zarr store .*a hits store"):
        store.open_hits(tmp_path)
    (tmp_path / "hits.zarr").mkdir()
    with pytest.raises(ReadError, match="a folder that call-hits wrote, expected a regions store"):
        store.open_regions(tmp_path)


def test_open__refuses_a_strangers_store(tmp_path: Path) -> None:
    zarr.create_group(tmp_path / "s.zarr", attributes={"format": "theirs"})
    with pytest.raises(ReadError, match="not one that finemo-zarr wrote"):
        store.open_regions(tmp_path / "s.zarr")


def test_open__refuses_the_other_kind(regions_store: Path, hits_store: Path) -> None:
    with pytest.raises(ReadError, match="a regions store, expected a hits store"):
        store.open_hits(regions_store)
    with pytest.raises(ReadError, match="a hits store, expected a regions store"):
        store.open_regions(hits_store)


def test_open__refuses_a_newer_format_with_both_versions(regions_store: Path) -> None:
    zarr.open_group(regions_store).attrs["format_version"] = 7
    expected = "store format 7, and this version of finemo-zarr reads up to format 1"
    with pytest.raises(ReadError, match=expected):
        store.open_regions(regions_store)


def test_open__refuses_damaged_metadata(regions_store: Path) -> None:
    (regions_store / "zarr.json").write_text("{")
    with pytest.raises(ReadError, match=re.escape(f"{regions_store}: a damaged")):
        store.open_regions(regions_store)


def test_open__refuses_a_store_without_version(regions_store: Path) -> None:
    metadata = json.loads((regions_store / "zarr.json").read_text())
    del metadata["attributes"]["format_version"]
    (regions_store / "zarr.json").write_text(json.dumps(metadata))
    with pytest.raises(ReadError, match="without a format version"):
        store.open_regions(regions_store)


def test_open__refuses_a_store_that_lacks_a_variable(regions_store: Path) -> None:
    (regions_store / "region_sequence" / "zarr.json").unlink()
    with pytest.raises(ReadError, match="region_sequence is missing"):
        store.open_regions(regions_store)


def test_read_block__reads_those_regions(regions_store: Path, regions) -> None:
    block = store.read_block(regions_store, slice(10, 20))
    expected = regions["region_contributions"].isel(region=slice(10, 20))
    np.testing.assert_array_equal(block["region_contributions"], expected)
    assert set(block) == {"region_sequence", "region_contributions"}


@pytest.mark.parametrize("name", ["region_sequence", "region_contributions"])
def test_read_block__notices_that_a_chunk_is_missing(regions_store: Path, name: str) -> None:
    (regions_store / name / "c" / "1" / "0").unlink()
    store.read_block(regions_store, slice(0, 16))
    with pytest.raises(ReadError, match="regions 16 to 31 are not complete; extract them again"):
        store.read_block(regions_store, slice(16, 32))


def test_is_store__knows_its_own(regions_store: Path, tmp_path: Path) -> None:
    assert store.is_store(regions_store)
    assert not store.is_store(tmp_path)
