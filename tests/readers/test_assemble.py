"""What the readers of stored scores have in common."""

import dask
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from finemo_zarr.errors import InputWarning, ReadError
from finemo_zarr.model import validate
from finemo_zarr.readers._assemble import central_columns
from finemo_zarr.readers._npy import NpyArray
from finemo_zarr.sequence import NO_BASE


def test_readers__crop_to_the_centre(world, stored_reader, observed):
    for width in (100, 99, 1, 120):
        regions = validate(stored_reader(region_width=width, peaks=world.peaks()).read(), "regions")
        np.testing.assert_array_equal(regions.region_sequence, world.codes(width))
        np.testing.assert_array_equal(observed(regions), world.projected(width))
        assert regions.region_start.values.tolist() == (world.summit - width // 2).tolist()
        assert set((regions.region_end - regions.region_start).values.tolist()) == {width}


def test_readers__give_hypothetical_scores_in_single_precision(world, stored_reader):
    regions = stored_reader(region_width=120).read()
    assert regions.region_contributions.dims == ("region", "base", "position")
    assert regions.region_contributions.dtype == np.float32
    np.testing.assert_array_equal(regions.region_contributions, world.scores())


@pytest.mark.parametrize("dtype", [np.float16, np.float64])
def test_readers__convert_other_precisions(world, stored_reader, dtype):
    scores = world.scores().astype(dtype)
    regions = stored_reader(scores=scores, region_width=120).read()
    assert regions.region_contributions.dtype == np.float32
    np.testing.assert_array_equal(regions.region_contributions, scores.astype(np.float32))


def test_readers__leave_nan_and_infinity_to_the_run(world, stored_reader):
    scores = world.scores().astype(np.float64)
    scores[0, 0, 60], scores[1, 1, 60], scores[2, 2, 60] = np.nan, np.inf, 1e300
    values = stored_reader(scores=scores).read().region_contributions.values[:, :, 50]
    assert np.isnan(values[0, 0])
    assert np.isinf([values[1, 1], values[2, 2]]).all()


def test_readers__have_no_coordinates_without_peaks(stored_reader):
    regions = stored_reader().read()
    assert set(regions.variables) == {"region_sequence", "region_contributions"}


def test_readers__are_lazy(world, stored_reader, no_compute):
    regions = stored_reader(peaks=world.peaks()).read()
    assert regions.region_sequence.chunks is not None
    assert regions.region_contributions.chunks is not None


def test_readers__give_the_same_in_any_block_cut(world, stored_reader, observed, monkeypatch):
    monkeypatch.setattr("finemo_zarr.readers._lazy.BLOCK_BYTES", 14_400)
    regions = stored_reader().read()
    assert regions.region_contributions.data.numblocks[0] > 3
    with dask.config.set(scheduler="threads"):
        np.testing.assert_array_equal(observed(regions), world.projected(100))
    part = regions.isel(region=slice(11, 30, 3), position=slice(3, None))
    np.testing.assert_array_equal(part.region_sequence, world.codes(100)[11:30:3, 3:])


@pytest.mark.slow
def test_readers__can_run_in_processes(world, stored_reader, observed):
    with dask.config.set(scheduler="processes", num_workers=1):
        regions = stored_reader().read().compute()
    np.testing.assert_array_equal(observed(regions), world.projected(100))


def test_readers__use_the_order_of_chromosomes(world, stored_reader, tmp_path):
    order = tmp_path / "order"
    order.write_text("chrM\nchr2\nchr1\n")
    regions = stored_reader(peaks=world.peaks(), chrom_order=order).read()
    assert regions.attrs["chrom_order"] == ["chrM", "chr2", "chr1"]
    with pytest.warns(InputWarning, match="has no effect without --peaks"):
        stored_reader(chrom_order=order).read()


def test_readers__refuse_a_width_beyond_what_is_stored(stored_reader):
    with pytest.raises(ReadError, match="is 120 bp wide, less than the region width 121"):
        stored_reader(region_width=121).read()
    with pytest.raises(ReadError, match="region width is 0"):
        stored_reader(region_width=0).read()


@pytest.mark.parametrize("value", [2, -1])
def test_readers__refuse_what_is_not_one_hot(world, stored_reader, value):
    sequences = world.sequences()
    sequences[17, 1, 60] = value
    regions = stored_reader(seq=sequences).read()
    with pytest.raises(ReadError, match="not one-hot, first in row 17: values other than 0 and 1"):
        regions.compute()


def test_readers__refuse_two_bases_in_one_place(world, stored_reader):
    sequences = world.sequences()
    sequences[30, :2, 60] = 1
    with pytest.raises(ReadError, match="first in row 30: positions with more than one base"):
        stored_reader(seq=sequences).read().compute()


def test_readers__refuse_shapes_that_disagree(world, stored_reader):
    for scores in (world.scores()[:-1], world.scores()[..., :-1]):
        with pytest.raises(ReadError, match=r"the shapes of .*\(40, .* and .*\(.* disagree"):
            stored_reader(scores=scores).read()


def test_readers__refuse_axes_in_another_order(world, stored_reader):
    with pytest.raises(ReadError, match=r"expected the shape .*the last two axes look swapped"):
        stored_reader(
            seq=world.sequences().swapaxes(1, 2), scores=world.scores().swapaxes(1, 2)
        ).read()


def test_readers__refuse_other_shapes(world, stored_reader):
    with pytest.raises(ReadError, match="expected the shape"):
        stored_reader(seq=world.sequences()[:, :3], scores=world.scores()[:, :3]).read()


def test_readers__refuse_a_count_that_is_not_that_of_the_peaks(world, stored_reader):
    few = world.peaks(range(38))
    with pytest.raises(
        ReadError, match=r"has 38 peaks, .* has scores of 40 regions: .* with --dropped"
    ):
        stored_reader(peaks=few).read()


def test_readers__align_peaks_that_were_dropped(world, stored_reader, observed, tmp_path):
    rows = [row for row in range(40) if row not in {5, 21}]
    dropped = tmp_path / "dropped.txt"
    dropped.write_text("peak21\npeak5\n")
    for which in (dropped, world.peaks(rows, "kept.bed")):
        regions = stored_reader(
            seq=world.sequences(rows),
            scores=world.scores(rows),
            peaks=world.peaks(),
            dropped=which,
            fasta=world.fasta,
        ).read()
        assert regions.region_id.values.tolist() == rows
        assert regions.region_example.values.tolist() == list(range(len(rows)))
        np.testing.assert_array_equal(observed(regions), world.projected(100, rows))


def test_readers__say_when_the_dropped_do_not_make_it_fit(world, stored_reader, tmp_path):
    dropped = tmp_path / "dropped.txt"
    dropped.write_text("peak21\n")
    with pytest.raises(ReadError, match=r"has 39 peaks, .* 40 regions: 1 of 40 peaks are dropped"):
        stored_reader(peaks=world.peaks(), dropped=dropped).read()


def test_readers__need_peaks_for_what_needs_them(world, stored_reader):
    with pytest.raises(ReadError, match=r"--dropped .* needs --peaks"):
        stored_reader(dropped=world.fasta).read()
    with pytest.raises(ReadError, match=r"--fasta .* needs --peaks"):
        stored_reader(fasta=world.fasta).read()


def test_readers__keep_what_has_no_base(world, stored_reader):
    sequences = world.sequences()
    sequences[8] = 0
    assert (stored_reader(seq=sequences).read().region_sequence[8] == NO_BASE).all()


@given(length=st.integers(1, 4000), data=st.data())
def test_central_columns__keep_the_summit_at_half_the_width(length, data):
    width = data.draw(st.integers(1, length))
    array = NpyArray("x", "", (1, 4, length), np.dtype(np.float32), 1, (0, 0))
    start, found = central_columns(array, width)
    assert found == width
    assert 0 <= start <= length - width
    assert start + width // 2 == length // 2
