import numpy as np
import pytest

from finemo_zarr.errors import ReadError
from finemo_zarr.readers._npy import NpyArray
from finemo_zarr.readers._stored import check_arrays
from finemo_zarr.readers.bpnet_h5 import BPNetH5Reader
from finemo_zarr.readers.chrombpnet_h5 import ChromBPNetH5Reader
from finemo_zarr.readers.finemo_npz import FinemoNpzReader
from finemo_zarr.readers.modisco_fmt import ModiscoFmtReader

FILES = {
    BPNetH5Reader: "h5s",
    ChromBPNetH5Reader: "h5s",
    FinemoNpzReader: "npz",
    ModiscoFmtReader: "attributions",
}


def several(*readers, **options):
    """One reader of the files of several."""
    field = FILES[type(readers[0])]
    files = tuple(path for reader in readers for path in getattr(reader, field))
    more = {"sequences": readers[0].sequences} if field == "attributions" else {}
    return type(readers[0])(**{field: files}, **more, region_width=100, **options)


def test_scores__are_the_mean_over_files(world, stored_reader):
    second = world.scores() * 3
    second[5, 1, 60] = np.nan
    reader = several(stored_reader(), stored_reader(scores=second, tag="2"))
    values = reader.read().region_contributions.values
    expected = world.scores()[..., 10:110] * 2
    assert np.isnan(values[5, 1, 50])
    values[5, 1, 50] = expected[5, 1, 50]
    np.testing.assert_allclose(values, expected, rtol=1e-6)


def test_scores__refuse_files_of_other_shapes(world, stored_reader):
    rows = range(39)
    other = stored_reader(seq=world.sequences(rows), scores=world.scores(rows), tag="2")
    with pytest.raises(ReadError, match=r"\(40, .*\(39, .* disagree"):
        several(stored_reader(), other).read()


@pytest.mark.parametrize(
    "stored_reader", ["bpnet-h5", "chrombpnet-h5", "finemo-npz"], indirect=True
)
def test_codes__refuse_files_of_other_sequences(world, stored_reader):
    sequences = world.sequences()
    sequences[33] = np.roll(sequences[33], 1, axis=-1)
    reader = several(stored_reader(), stored_reader(seq=sequences, tag="2"))
    with pytest.raises(ReadError, match="hold different sequences, first in row 33"):
        reader.read().region_sequence.compute()


def test_check_arrays__refuses_no_regions(tmp_path):
    array = NpyArray(tmp_path / "a.npy", "", (0, 4, 10), np.dtype(np.int8), 1, (0, 0))
    with pytest.raises(ReadError, match="holds no regions"):
        check_arrays([array], [array])


def test_codes__refuse_other_types(world, stored_reader):
    reader = stored_reader(seq=world.sequences().astype("S1"))
    with pytest.raises(ReadError, match=r"has type \|S1, expected numbers"):
        reader.read()
