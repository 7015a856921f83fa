import numpy as np
import pytest
import xarray as xr
import zarr
from hypothesis import given
from hypothesis import strategies as st

from finemo_zarr.model import create_hits
from finemo_zarr.store import ColumnsWriter, create_store, region_chunk, write_dataset, writing


@pytest.mark.parametrize(
    ("n_regions", "per_region", "expected"),
    [(1_000_000, 4_000, 1024), (1_000_000, 16_000, 256), (1_130, 4_000, 64), (10, 4_000, 16)],
)
def test_region_chunk__is_some_megabytes(n_regions: int, per_region: int, expected: int) -> None:
    assert region_chunk(n_regions, per_region) == expected


def test_region_chunk__stays_within_bounds() -> None:
    assert region_chunk(10**6, 1) == 4096
    assert region_chunk(10**6, 10**8) == 16


@given(
    n_regions=st.integers(1, 10**6),
    per_region=st.integers(1, 10**6),
    source=st.integers(1, 10_000),
)
def test_region_chunk__fits_what_is_read_together(
    n_regions: int, per_region: int, source: int
) -> None:
    chunk = region_chunk(n_regions, per_region, source)
    assert chunk >= 1
    assert source >= n_regions or source % chunk == 0 or chunk % source == 0


def test_write_dataset__round_trips_every_type(tmp_path) -> None:
    written = xr.Dataset(
        {
            "text": ("region", np.array(["a", "", "ünï"], dtype=np.dtypes.StringDType())),
            "fixed": ("region", np.array(["a", "bb", "ccc"])),
            "number": (("region", "position"), np.array([[1.5], [np.nan], [-0.0]], np.float32)),
            "code": ("region", np.array([0, 4, 255], np.uint8)),
            "flag": ("region", np.array([True, False, True])),
        },
        attrs={"order": ["chr1", "chr2"], "count": np.int64(3), "nested": {"path": tmp_path}},
    )
    write_dataset(create_store(tmp_path / "s.zarr", "regions", {}), written)
    opened = xr.open_zarr(tmp_path / "s.zarr", consolidated=False)
    for name in written:
        np.testing.assert_array_equal(opened[name].values, written[name].values)
        assert opened[name].dtype.kind in {written[name].dtype.kind, "T"}
    assert opened.attrs["order"] == ["chr1", "chr2"]
    assert opened.attrs["count"] == 3


def _hits(first: int, count: int) -> xr.Dataset:
    number = np.arange(first, first + count)
    places = dict.fromkeys(("motif", "start", "end", "start_untrimmed", "end_untrimmed"), number)
    return create_hits({"region": number, **places})


@pytest.mark.parametrize("counts", [[0], [0, 3, 0, 4], [10, 1, 30, 2], [7] * 20])
def test_hits_writer__appends_in_order(tmp_path, monkeypatch, counts: list[int]) -> None:
    monkeypatch.setattr(writing, "LONG_CHUNK", 8)
    group = create_store(tmp_path / "h.zarr", "hits", {}).create_group("hits")
    writer = ColumnsWriter(group)
    for first, count in zip(np.cumsum([0, *counts]), counts, strict=False):
        writer.append(_hits(int(first), count).variables)
    writer.close()
    opened = xr.open_zarr(tmp_path / "h.zarr", group="hits", consolidated=False)
    assert writer.count == sum(counts)
    np.testing.assert_array_equal(opened["hit_region"].values, np.arange(sum(counts)))
    assert opened["hit_similarity"].isnull().all()
    assert zarr.open_array(tmp_path / "h.zarr", path="hits/hit_region").chunks == (8,)
