import numpy as np
import pytest

from finemo_zarr.errors import InputWarning, ReadError
from finemo_zarr.readers.finemo_npz import FinemoNpzReader


@pytest.fixture
def columns(world):
    return {
        "sequences": world.sequences(),
        "contributions": world.projected(120).astype(np.float16),
        "chr": np.array(world.chrom),
        "chr_id": np.array([7 if chrom == "chr1" else 3 for chrom in world.chrom], np.uint32),
        "start": (world.summit - 60).astype(np.int32),
        "peak_id": np.arange(100, 140, dtype=np.uint32),
        "peak_name": np.array(world.name),
    }


def saved(world, columns, name="regions.npz"):
    np.savez(world.folder / name, **columns)
    return world.folder / name


def test_finemo_npz__reads_all_that_is_stored(world, columns):
    regions = FinemoNpzReader(npz=(saved(world, columns),), fasta=world.fasta).read()
    assert regions.sizes == {"region": 40, "position": 120}
    assert regions.region_contributions.dtype == np.float32
    np.testing.assert_array_equal(regions.region_contributions, columns["contributions"])
    np.testing.assert_array_equal(regions.region_sequence, world.codes(120))
    assert regions.region_chrom.values.tolist() == world.chrom
    assert regions.region_start.values.tolist() == (world.summit - 60).tolist()
    assert regions.region_id.values.tolist() == list(range(100, 140))
    assert regions.region_name.values.tolist() == world.name
    assert regions.attrs["chrom_order"] == ["chr2", "chr1"]


@pytest.mark.parametrize("width", [1, 50, 99, 120])
def test_finemo_npz__moves_the_coordinates_with_the_crop(world, columns, width):
    path = saved(world, columns)
    regions = FinemoNpzReader(npz=(path,), region_width=width, fasta=world.fasta).read()
    assert regions.region_start.values.tolist() == (world.summit - width // 2).tolist()
    assert set((regions.region_end - regions.region_start).values.tolist()) == {width}
    np.testing.assert_array_equal(regions.region_sequence, world.codes(width))


def test_finemo_npz__prefers_peaks_and_says_when_they_differ(world, columns):
    path = saved(world, columns)
    peaks = world.peaks()
    regions = FinemoNpzReader(npz=(path,), peaks=peaks, region_width=90).read()
    assert regions.region_id.values.tolist() == list(range(40))
    columns["start"][[4, 6]] += 1
    path = saved(world, columns)
    with pytest.warns(InputWarning, match="2 of 40 regions differently, first peak4"):
        FinemoNpzReader(npz=(path,), peaks=peaks, region_width=90).read()


def test_finemo_npz__reads_hypothetical_scores(world, columns):
    columns["contributions"] = world.scores()
    regions = FinemoNpzReader(npz=(saved(world, columns),)).read()
    np.testing.assert_array_equal(regions.region_contributions, world.scores())


def test_finemo_npz__averages_files_of_the_same_coordinates(world, columns):
    first = saved(world, columns)
    columns["contributions"] *= 3
    second = saved(world, columns, "second.npz")
    regions = FinemoNpzReader(npz=(first, second)).read()
    np.testing.assert_allclose(
        regions.region_contributions, columns["contributions"] / 1.5, rtol=1e-2, atol=1e-3
    )
    columns["start"] += 1
    second = saved(world, columns, "second.npz")
    with pytest.raises(ReadError, match=r"regions\.npz and .*second\.npz give different coord"):
        FinemoNpzReader(npz=(first, second)).read()


def test_finemo_npz__refuses_a_mix_of_projected_and_hypothetical(world, columns):
    first = saved(world, columns)
    columns["contributions"] = world.scores()
    with pytest.raises(ReadError, match=r"\(40, 120\) and .*\(40, 4, 120\) disagree"):
        FinemoNpzReader(npz=(first, saved(world, columns, "second.npz"))).read()


def test_finemo_npz__refuses_columns_that_do_not_fit(world, columns):
    columns["peak_id"] = columns["peak_id"][:-1]
    with pytest.raises(ReadError, match=r"sequences \(40, 4, 120\) and peak_id \(39,\) disagree"):
        FinemoNpzReader(npz=(saved(world, columns),)).read()
    del columns["peak_id"]
    with pytest.raises(ReadError, match="has chr but not peak_id, expected all or none"):
        FinemoNpzReader(npz=(saved(world, columns),)).read()


def test_finemo_npz__refuses_other_files(world, tmp_path):
    path = tmp_path / "a.npz"
    np.savez(path, world.sequences())
    with pytest.raises(ReadError, match="does not have sequences; its arrays are arr_0"):
        FinemoNpzReader(npz=(path,)).read()
    with pytest.raises(ReadError, match="no npz files given"):
        FinemoNpzReader(npz=()).read()
