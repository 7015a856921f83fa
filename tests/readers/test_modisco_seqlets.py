import h5py
import numpy as np
import pytest

from finemo_zarr.errors import ReadError
from finemo_zarr.readers.modisco_seqlets import read_seqlets
from finemo_zarr.testing import simulate_motifs, simulate_regions
from finemo_zarr.testing.files import write_modisco_h5


@pytest.fixture
def result(tmp_path):
    motifs = simulate_motifs(3, width=12, core=(5, 8), seed=1)
    _, truth = simulate_regions(motifs, 20, 60, seed=2)
    path = tmp_path / "modisco.h5"
    write_modisco_h5(motifs, path, truth=truth)
    return path, motifs, truth


def test_seqlets__are_those_of_the_file(result) -> None:
    path, motifs, truth = result
    found = read_seqlets(path)
    order = np.argsort(truth["motif"], kind="stable")
    names = motifs["motif_name"].values
    assert found["seqlet_motif"].values.tolist() == names[truth["motif"][order]].tolist()
    np.testing.assert_array_equal(found["seqlet_example"], truth["region"][order])
    np.testing.assert_array_equal(found["seqlet_start"], truth["start"][order])
    np.testing.assert_array_equal(found["seqlet_end"], truth["start"][order] + 12)
    np.testing.assert_array_equal(found["seqlet_reverse"], truth["strand"][order] == "-")
    assert found.attrs["window"] == 0


def test_seqlets__know_the_window_of_the_file(result) -> None:
    path = result[0]
    with h5py.File(path, "a") as file:
        file.attrs["window_size"] = 400
    assert read_seqlets(path).attrs["window"] == 400


def test_seqlets__may_be_absent(result) -> None:
    path, _, truth = result
    with h5py.File(path, "a") as file:
        del file["pos_patterns/pattern_0/seqlets"]
    found = read_seqlets(path)
    assert found.sizes["seqlet"] == (truth["motif"] != 0).sum()


def test_seqlets__refuse_columns_that_do_not_go_together(result) -> None:
    path = result[0]
    with h5py.File(path, "a") as file:
        group = file["pos_patterns/pattern_1/seqlets"]
        del group["start"]
        group["start"] = np.zeros(1, int)
    with pytest.raises(ReadError, match=r"pos_patterns/pattern_1/seqlets has columns of shapes"):
        read_seqlets(path)


def test_seqlets__name_a_file_that_is_cut_short(result) -> None:
    path = result[0]
    path.write_bytes(path.read_bytes()[:2000])
    with pytest.raises(ReadError, match=r"modisco\.h5.*copy or make"):
        read_seqlets(path)


def test_seqlets__refuse_what_is_no_file_of_theirs(tmp_path) -> None:
    with pytest.raises(ReadError, match="is a directory; expected a TF-MoDISco-lite HDF5 file"):
        read_seqlets(tmp_path)
    (tmp_path / "hits.tsv").write_text("chr\tstart\n")
    with pytest.raises(ReadError, match=r"hits\.tsv is not an HDF5 file, expected a TF-MoDISco"):
        read_seqlets(tmp_path / "hits.tsv")
