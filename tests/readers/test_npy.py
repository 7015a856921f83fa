import zipfile

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from finemo_zarr.errors import ReadError
from finemo_zarr.readers import _npy
from finemo_zarr.readers._npy import npz_keys, open_npy_array, read_npy_column

VALUES = np.arange(7 * 4 * 11, dtype=np.float32).reshape(7, 4, 11)


def write(path, values, how):
    if how == "npy":
        np.save(path, values)
    elif how == "stored":
        np.savez(path, np_first=np.zeros(3), x=values)
    else:
        np.savez_compressed(path, x=values)
    return path, "" if how == "npy" else "x"


@given(
    how=st.sampled_from(["npy", "stored", "compressed"]),
    dtype=st.sampled_from(["f2", ">f4", "f8", "i1"]),
    fortran=st.booleans(),
    rows=st.tuples(st.integers(0, 6), st.integers(1, 7)).filter(lambda r: r[0] < r[1]),
    columns=st.tuples(st.integers(0, 10), st.integers(1, 11)).filter(lambda c: sum(c) <= 11),
)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
def test_open_npy_array__reads_any_part(tmp_path, how, dtype, fortran, rows, columns):
    values = np.asarray(VALUES, dtype=dtype, order="F" if fortran else "C")
    path = tmp_path / f"{how}.{'npy' if how == 'npy' else 'npz'}"
    array = open_npy_array(*write(path, values, how), 1)
    assert (array.shape, array.dtype) == (values.shape, values.dtype)
    part = array.read(*rows, *columns)
    np.testing.assert_array_equal(
        part, values[rows[0] : rows[1], :, columns[0] : columns[0] + columns[1]]
    )


def test_open_npy_array__unpacks_once_and_leaves_nothing_behind(tmp_path, monkeypatch):
    monkeypatch.setattr(_npy.tempfile, "tempdir", str(tmp_path / "spool"))
    (tmp_path / "spool").mkdir()
    calls = []
    spooled = _npy._spooled
    monkeypatch.setattr(_npy, "_spooled", lambda *args: calls.append(args) or spooled(*args))
    array = open_npy_array(*write(tmp_path / "a.npz", VALUES, "compressed"), 1)
    assert not calls
    for row in range(7):
        np.testing.assert_array_equal(array.read(row, row + 1, 0, 11)[0], VALUES[row])
    assert len(calls) == 1
    assert not list((tmp_path / "spool").iterdir())


def test_open_npy_array__notices_a_file_that_changed(tmp_path):
    array = open_npy_array(*write(tmp_path / "a.npy", VALUES, "npy"), 1)
    np.save(tmp_path / "a.npy", VALUES[:3])
    with pytest.raises(ReadError, match="changed while it was read"):
        array.read(0, 1, 0, 1)


def test_open_npy_array__says_what_to_do_when_there_is_no_space(tmp_path, monkeypatch):
    monkeypatch.setattr(_npy.tempfile, "tempdir", str(tmp_path / "nowhere"))
    array = open_npy_array(*write(tmp_path / "a.npz", VALUES, "compressed"), 1)
    with pytest.raises(ReadError, match="set TMPDIR to a folder with space"):
        array.read(0, 1, 0, 1)


def test_open_npy_array__lists_what_is_there(tmp_path):
    path, _ = write(tmp_path / "a.npz", VALUES, "stored")
    assert npz_keys(path) == ["np_first", "x"]
    with pytest.raises(ReadError, match="does not have y; its arrays are np_first, x"):
        open_npy_array(path, "y", 1)
    path, _ = write(tmp_path / "a.npy", VALUES, "npy")
    with pytest.raises(ReadError, match=r"does not have y; it is an \.npy file"):
        open_npy_array(path, "y", 1)


@pytest.mark.parametrize("how", ["npy", "stored", "compressed"])
def test_open_npy_array__refuses_a_truncated_file(tmp_path, how):
    path, key = write(tmp_path / f"a.{'npy' if how == 'npy' else 'npz'}", VALUES, how)
    content = path.read_bytes()
    for size in (9, len(content) // 2, len(content) - 1):
        path.write_bytes(content[:size])
        with pytest.raises(ReadError, match=r"a\.np. is (damaged|truncated)"):
            open_npy_array(path, key, 1)


def test_open_npy_array__refuses_a_member_that_is_too_short(tmp_path):
    path, _ = write(tmp_path / "a.npy", VALUES, "npy")
    with zipfile.ZipFile(tmp_path / "a.npz", "w") as archive:
        archive.writestr("x.npy", path.read_bytes()[:-1])
        archive.writestr("y.npy", b"no array")
    with pytest.raises(ReadError, match=r"a\.npz is truncated"):
        open_npy_array(tmp_path / "a.npz", "x", 1)
    with pytest.raises(ReadError, match=r"a\.npz is damaged: not a NumPy array"):
        open_npy_array(tmp_path / "a.npz", "y", 1)


def test_read__names_a_file_damaged_within(tmp_path):
    noise = np.random.default_rng(0).normal(size=(7, 4, 200))
    path, key = write(tmp_path / "a.npz", noise, "compressed")
    content = bytearray(path.read_bytes())
    content[20_000:20_400] = bytes(400)
    path.write_bytes(content)
    array = open_npy_array(path, key, 1)
    with pytest.raises(ReadError, match=r"a\.npz is damaged or truncated"):
        array.read(0, 1, 0, 1)


def test_npz_keys__refuses_other_files(tmp_path):
    path = tmp_path / "a.npz"
    with pytest.raises(ReadError, match="no such file"):
        npz_keys(path)
    path.write_text("text")
    with pytest.raises(ReadError, match=r"neither an \.npy nor an \.npz file"):
        npz_keys(path)
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("readme", "text")
    with pytest.raises(ReadError, match="holds no arrays"):
        npz_keys(path)


def test_open_npy_array__refuses_python_objects(tmp_path):
    path = tmp_path / "a.npz"
    np.savez(path, x=np.array([{}, None], dtype=object))
    with pytest.raises(ReadError, match="holds Python objects"):
        open_npy_array(path, "x", 1)
    with pytest.raises(ReadError, match="x cannot be read"):
        read_npy_column(path, "x")
