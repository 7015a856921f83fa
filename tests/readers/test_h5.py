import h5py
import numpy as np
import pytest

from finemo_zarr.errors import ReadError
from finemo_zarr.readers._h5 import open_h5_arrays
from finemo_zarr.readers.bpnet_h5 import BPNetH5Reader
from finemo_zarr.readers.chrombpnet_h5 import ChromBPNetH5Reader


def test_open_h5_arrays__lists_what_is_there(tmp_path):
    path = tmp_path / "a.h5"
    with h5py.File(path, "w") as file:
        file["one/two"] = np.zeros((3, 4))
        file.create_group("raw/seq")
    with pytest.raises(
        ReadError, match=r"a\.h5 does not have raw/seq, shap/seq; its datasets are one/two \(3, 4\)"
    ):
        ChromBPNetH5Reader(h5s=(path,)).read()
    with pytest.raises(ReadError, match="does not have input_seqs, hyp_scores"):
        BPNetH5Reader(h5s=(path,)).read()


def test_open_h5_arrays__reads_rows_and_columns_of_either_layout(tmp_path):
    values = np.arange(5 * 4 * 6).reshape(5, 4, 6)
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file.create_dataset("x", data=values, chunks=(2, 4, 3))
        file["y"] = values.swapaxes(1, 2)
    (x,) = open_h5_arrays(tmp_path / "a.h5", ("x",), 1)
    (y,) = open_h5_arrays(tmp_path / "a.h5", ("y",), 2)
    for array in (x, y):
        assert (array.count, array.length) == (5, 6)
        np.testing.assert_array_equal(array.read(1, 3, 2, 3), values[1:3, :, 2:5])
    assert (x.chunk_rows, y.chunk_rows) == (2, 1)


def test_open_h5_arrays__refuses_what_is_no_h5(tmp_path):
    path = tmp_path / "a.h5"
    with pytest.raises(ReadError, match=r"a\.h5: no such file or directory; expected an HDF5 file"):
        open_h5_arrays(path, ("x",), 1)
    path.write_text("not at all")
    with pytest.raises(ReadError, match=r"a\.h5 is not an HDF5 file"):
        open_h5_arrays(path, ("x",), 1)


def test_open_h5_arrays__refuses_a_truncated_file(tmp_path):
    path = tmp_path / "a.h5"
    with h5py.File(path, "w") as file:
        file["x"] = np.zeros((100, 4, 100))
    path.write_bytes(path.read_bytes()[:100_000])
    with pytest.raises(ReadError, match=r"a\.h5 is damaged or truncated"):
        open_h5_arrays(path, ("x",), 1)


def test_read__names_a_file_damaged_within(tmp_path):
    path = tmp_path / "a.h5"
    with h5py.File(path, "w") as file:
        data = np.random.default_rng(0).normal(size=(10, 4, 100))
        file.create_dataset("x", data=data, chunks=(10, 4, 100), compression="gzip")
        offset = file["x"].id.get_chunk_info(0).byte_offset
    content = bytearray(path.read_bytes())
    content[offset : offset + 500] = bytes(500)
    path.write_bytes(content)
    (array,) = open_h5_arrays(path, ("x",), 1)
    with pytest.raises(ReadError, match=r"a\.h5 is damaged or truncated"):
        array.read(0, 10, 0, 100)


@pytest.mark.parametrize("reader", [BPNetH5Reader, ChromBPNetH5Reader])
def test_readers__refuse_no_file(reader):
    with pytest.raises(ReadError, match="no H5 files given"):
        reader(h5s=()).read()
