import numpy as np
import pytest

from finemo_zarr.errors import ReadError, RunError
from finemo_zarr.execution import extract_regions
from finemo_zarr.export import ExportOptions, _source, export_hits
from finemo_zarr.readers.finemo_npz import FinemoNpzReader

NAMES = ("chrom", "start", "end", "name", "id")


@pytest.fixture
def exported(tmp_path):
    """Write an npz, and read it by our reader."""

    def export(made, **options):
        export_hits(
            made.hits,
            "npz",
            tmp_path / "r.npz",
            regions=made.regions,
            options=ExportOptions(**options),
            overwrite=True,
        )
        return FinemoNpzReader((tmp_path / "r.npz",)).read()

    return export


@pytest.mark.parametrize("size", [1, 2**24])
def test_npz__comes_back_as_it_was(make, regions, exported, monkeypatch, size: int) -> None:
    monkeypatch.setattr(_source, "_BLOCK_BASES", size)
    found = exported(make())
    np.testing.assert_array_equal(found["region_sequence"], regions["region_sequence"])
    scores = regions["region_contributions"].values
    np.testing.assert_array_equal(found["region_contributions"], scores.astype(np.float16))
    for name in NAMES:
        assert found[f"region_{name}"].values.tolist() == regions[f"region_{name}"].values.tolist()
    assert found.attrs["chrom_order"] == regions.attrs["chrom_order"]


def test_npz__has_the_arrays_that_the_reference_reads(made, exported, tmp_path) -> None:
    exported(made)
    with np.load(tmp_path / "r.npz") as arrays:
        types = {name: (arrays[name].dtype.kind, arrays[name].dtype.itemsize) for name in arrays}
        assert arrays["sequences"].shape == (50, 4, 80)
        assert arrays["contributions"].shape == (50, 80)
        assert arrays["sequences"].sum(axis=1).max() == 1
    assert types["sequences"] == ("i", 1)
    assert types["contributions"] == ("f", 2)
    assert types["chr_id"] == types["peak_id"] == ("u", 4)
    assert types["start"] == ("i", 4)
    assert types["chr"][0] == types["peak_name"][0] == "U"


@pytest.mark.parametrize("factor", [1e-6, 1e6])
def test_npz__scores_that_half_precision_would_lose_are_in_single(
    make, regions, exported, factor: float
) -> None:
    scaled = regions.assign(region_contributions=regions["region_contributions"] * factor)
    scaled["region_contributions"] = scaled["region_contributions"].astype(np.float32)
    found = exported(make(given=scaled))
    assert found["region_contributions"].dtype == np.float32
    np.testing.assert_array_equal(found["region_contributions"], scaled["region_contributions"])


def test_npz__takes_hypothetical_scores(make, hypothetical_regions, exported) -> None:
    found = exported(make(given=hypothetical_regions))
    scores = hypothetical_regions["region_contributions"].values
    np.testing.assert_array_equal(found["region_contributions"], scores.astype(np.float16))


def test_npz__of_tracks_is_their_mean_or_one(make, regions, exported) -> None:
    made, scores = make("tracks"), regions["region_contributions"].values
    mean = exported(made)["region_contributions"].values
    np.testing.assert_allclose(mean, 1.5 * scores, rtol=1e-3, atol=1e-6)
    one = exported(made, track="liver, 12 w")["region_contributions"].values
    np.testing.assert_allclose(one, 2 * scores, rtol=1e-3, atol=1e-6)


def test_npz__without_coordinates_has_none(make, exported) -> None:
    found = exported(make("unplaced"))
    assert "region_chrom" not in found


def test_npz__needs_the_regions_store_of_the_hits(made, make, tmp_path, reader, regions) -> None:
    with pytest.raises(RunError, match=r"needs the scores.*-r/--regions"):
        export_hits(made.hits, "npz", tmp_path / "r.npz")
    extract_regions(reader(regions.isel(region=slice(0, 9))), tmp_path / "few.zarr")
    with pytest.raises(ReadError, match=r"few\.zarr has 9 regions, .* called in 50"):
        export_hits(made.hits, "npz", tmp_path / "r.npz", regions=tmp_path / "few.zarr")
    moved = regions.assign(region_start=regions["region_start"] + (regions["region_id"] > 3))
    extract_regions(reader(moved), tmp_path / "moved.zarr")
    with pytest.raises(ReadError, match="place 46 regions differently, first region 4"):
        export_hits(made.hits, "npz", tmp_path / "r.npz", regions=tmp_path / "moved.zarr")
    with pytest.raises(ReadError, match="has no track 'K562'"):
        export_hits(
            make("tracks").hits,
            "npz",
            tmp_path / "r.npz",
            regions=made.regions,
            options=ExportOptions(track="K562"),
        )
    assert not (tmp_path / "r.npz").exists()
