import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from finemo_zarr import summarise
from finemo_zarr.evaluation import summary as module
from finemo_zarr.execution import CallOptions, call_hits, extract_regions
from finemo_zarr.model import create_hits, create_qc, create_regions
from finemo_zarr.store import HitsStore, open_hits

PLACES = ("start", "end", "start_untrimmed", "end_untrimmed")


def made(motifs, region, motif, track=None, n_regions=10, coefficient=None) -> HitsStore:
    """A hits store in memory, of hits in the order that stores have."""
    import xarray as xr

    count = len(region)
    columns = {
        "region": region,
        "motif": motif,
        **dict.fromkeys(PLACES, np.zeros(count)),
        "coefficient_global": np.ones(count) if coefficient is None else coefficient,
    }
    qc, regions = create_qc({"scale": np.ones(n_regions)}), xr.Dataset()
    if track is not None:
        columns["track"] = track
        regions = xr.Dataset(coords={"track": ["a", "b", "c"]})
    return HitsStore(regions, motifs, qc, create_hits(columns))


@settings(deadline=None, max_examples=60)
@given(data=st.data(), cells=st.sampled_from([1, 7, 1000]))
def test_summarise__counts_what_is_there(data, cells: int, motifs_of_test) -> None:
    rows = data.draw(
        st.lists(st.tuples(st.integers(0, 2), st.integers(0, 9), st.integers(0, 5)), max_size=60)
    )
    rows = sorted(rows)
    track, region, motif = np.array(rows, dtype=int).reshape(-1, 3).T
    size = np.linspace(1, 2, len(rows))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "_CELLS_PER_CHUNK", cells)
        found = summarise(made(motifs_of_test, region, motif, track, coefficient=size))
    names = motifs_of_test["motif_name"].values
    expected = np.zeros((2, 3, 10, found.sizes["motif"]))
    for (t, r, m), value in zip(rows, size, strict=True):
        column = list(found["motif"].values).index(names[m])
        expected[:, t, r, column] += 1, value
    np.testing.assert_array_equal(found["region_count"], expected[0])
    np.testing.assert_allclose(found["region_coefficient_sum"], expected[1], rtol=1e-6)
    np.testing.assert_array_equal(found["count"], expected[0].sum(axis=1))
    np.testing.assert_allclose(found["coefficient_sum"], expected[1].sum(axis=1), rtol=1e-6)
    np.testing.assert_array_equal(found["regions_with_hit"], (expected[0] > 0).sum(axis=1))


@pytest.fixture(scope="session")
def motifs_of_test(raw_motifs):
    from finemo_zarr.motifs import MotifOptions, prepare_motifs

    return prepare_motifs(raw_motifs, MotifOptions())


def test_summarise__has_no_tracks_where_the_store_has_none(hits_store) -> None:
    found, opened = summarise(hits_store), open_hits(hits_store)
    assert found["count"].dims == ("motif",)
    assert found["region_count"].dims == ("region", "motif")
    assert int(found["count"].sum()) == opened.hits.sizes["hit"]
    assert found["region_count"].chunks is not None
    assert set(found["motif"].values) == set(opened.motifs["motif_name"].values)


def test_summarise__names_tracks(tmp_path, reader, regions, motifs, solver) -> None:
    scores = regions["region_contributions"].values
    both = create_regions(
        regions["region_sequence"].data, np.stack([scores, 2 * scores]), tracks=["x", "y"]
    )
    extract_regions(reader(both), tmp_path / "r.zarr")
    call_hits(
        tmp_path / "r.zarr", motifs, tmp_path / "h", solver=solver, options=CallOptions(jobs=1)
    )
    found = summarise(tmp_path / "h")
    assert list(found["track"].values) == ["x", "y"]
    np.testing.assert_array_equal(found["count"].sel(track="x"), found["count"].sel(track="y"))
    np.testing.assert_allclose(
        2 * found["coefficient_sum"].sel(track="x"), found["coefficient_sum"].sel(track="y")
    )
