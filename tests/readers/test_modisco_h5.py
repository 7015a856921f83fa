from pathlib import Path

import h5py
import numpy as np
import pytest

from finemo_zarr.errors import ReadError
from finemo_zarr.motifs import combine_motifs
from finemo_zarr.readers.modisco_h5 import ModiscoH5Reader
from finemo_zarr.testing import simulate_motifs, simulate_regions, write_bpnet_h5, write_modisco_h5
from finemo_zarr.testing.contracts import MotifReaderContract

SHARED = Path(__file__).parents[2] / "../shared"


@pytest.fixture
def motifs():
    wide = simulate_motifs(3, 30, seed=1)
    return combine_motifs([wide, simulate_motifs(2, 20, n_negative=2, seed=2)])


@pytest.fixture
def path(tmp_path, motifs):
    write_modisco_h5(motifs, tmp_path / "modisco.h5")
    return tmp_path / "modisco.h5"


class TestContract(MotifReaderContract):
    @pytest.fixture
    def motif_reader(self):
        return ModiscoH5Reader()

    @pytest.fixture
    def motif_file(self, path):
        return path


def refuses(path, message):
    with pytest.raises(ReadError, match=message) as caught:
        ModiscoH5Reader().read(path)
    assert str(path) in str(caught.value)


def test_reader__gives_the_motifs_that_were_written(path, motifs):
    found = ModiscoH5Reader().read(path)
    for name in ("motif_name", "motif_cwm", "motif_hcwm", "motif_ppm", "motif_width"):
        np.testing.assert_array_equal(found[name], motifs[name])
    assert found.motif_width.values.tolist() == [30, 30, 30, 20, 20]
    assert found.motif_name_orig.values.tolist() == found.motif_name.values.tolist()
    assert set(found.motif_origin.values.tolist()) == {"cwm"}


def test_reader__sorts_patterns_by_number_and_takes_both_spellings(tmp_path, path):
    with h5py.File(path, "r+") as file:
        group = file["pos_patterns"]
        for new in ("pattern_10", "pattern#3"):
            group.copy("pattern_0", new)
    assert ModiscoH5Reader().read(path).motif_name.values.tolist() == [
        "pos_patterns.pattern_0",
        "pos_patterns.pattern_1",
        "pos_patterns.pattern_2",
        "pos_patterns.pattern#3",
        "pos_patterns.pattern_10",
        "neg_patterns.pattern_0",
        "neg_patterns.pattern_1",
    ]


def test_reader__leaves_subpatterns_and_seqlets_aside(path):
    before = ModiscoH5Reader().read(path)
    with h5py.File(path, "r+") as file:
        pattern = file["pos_patterns/pattern_0"]
        del pattern["seqlets"]
        pattern["subpattern_0/contrib_scores"] = np.ones(3)
    assert ModiscoH5Reader().read(path).identical(before)


def test_reader__takes_a_file_with_one_group(path):
    with h5py.File(path, "r+") as file:
        del file["pos_patterns"]
    assert ModiscoH5Reader().read(path).sizes["motif"] == 2


def test_reader__takes_compressed_and_float16_matrices(path):
    with h5py.File(path, "r+") as file:
        pattern = file["pos_patterns/pattern_0"]
        values = pattern["sequence"][()].astype(np.float16)
        del pattern["sequence"]
        pattern.create_dataset("sequence", data=values, compression="gzip")
    assert ModiscoH5Reader().read(path).motif_ppm.dtype == np.float64


def test_reader__says_how_to_convert_the_layout_of_the_first_tfmodisco(tmp_path):
    path = tmp_path / "old.h5"
    with h5py.File(path, "w") as file:
        file.create_group(
            "metacluster_idx_to_submetacluster_results/metacluster_0/seqlets_to_patterns_result"
        )
        file["all_metacluster_names"] = [b"metacluster_0"]
    assert ModiscoH5Reader().can_read(path)
    refuses(path, "modisco convert -i .*old.h5 -o converted.h5")


def test_reader__refuses_a_truncated_file(path):
    path.write_bytes(path.read_bytes()[:3000])
    assert ModiscoH5Reader().can_read(path)
    refuses(path, "truncated or damaged")


def test_reader__refuses_a_damaged_file(path):
    raw = bytearray(path.read_bytes())
    raw[200 : len(raw) // 2] = bytes(len(raw) // 2 - 200)
    path.write_bytes(raw)
    with pytest.raises(ReadError):
        ModiscoH5Reader().read(path)


def test_reader__refuses_what_is_not_hdf5(tmp_path):
    path = tmp_path / "text.h5"
    path.write_text("MEME version 4\n")
    refuses(path, "is not an HDF5 file")


def test_reader__lists_what_another_hdf5_file_holds(tmp_path, motifs):
    path = tmp_path / "scores.h5"
    write_bpnet_h5(simulate_regions(motifs, 3, 50)[0], path)
    assert not ModiscoH5Reader().can_read(path)
    refuses(path, "no group pos_patterns or neg_patterns.*hyp_scores, input_seqs")


def test_reader__refuses_a_result_without_patterns(tmp_path):
    path = tmp_path / "none.h5"
    with h5py.File(path, "w") as file:
        file.attrs["window_size"] = 500
    assert ModiscoH5Reader().can_read(path)
    refuses(path, "holds no patterns")
    with h5py.File(path, "r+") as file:
        file.create_group("pos_patterns")
    refuses(path, "holds no patterns")


def test_reader__lists_what_an_incomplete_pattern_holds(path):
    with h5py.File(path, "r+") as file:
        del file["neg_patterns/pattern_1/hypothetical_contribs"]
    refuses(
        path, "neg_patterns/pattern_1 lacks hypothetical_contribs; it holds contrib_scores, seq"
    )


def test_reader__refuses_a_pattern_without_number(path):
    with h5py.File(path, "r+") as file:
        file["pos_patterns"].create_group("merged")
    refuses(path, "'merged' does not end in a number")


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (np.ones((4, 30)), r"shape \(4, 30\), expected"),
        (np.ones((29, 4)), r"shape \(29, 4\), expected \(30, 4\)"),
        (np.ones((0, 4)), r"shape \(0, 4\)"),
        (np.ones(30), r"shape \(30,\)"),
        (np.float64(1), r"shape \(\)"),
        (np.full((30, 4), np.nan), "120 values that are NaN or infinite"),
        (np.full((30, 4), b"x"), "expected numbers"),
    ],
)
def test_reader__refuses_matrices_that_cannot_be(path, values, message):
    with h5py.File(path, "r+") as file:
        pattern = file["pos_patterns/pattern_1"]
        del pattern["sequence"]
        pattern["sequence"] = values
    refuses(path, f"pattern_1/sequence has .*{message}")


def test_reader__refuses_a_cwm_of_zeros(path):
    with h5py.File(path, "r+") as file:
        file["pos_patterns/pattern_1/contrib_scores"][:] = 0
    refuses(path, "pattern_1/contrib_scores is all zero")


@pytest.mark.skipif(not SHARED.exists(), reason="needs the data in ../shared")
@pytest.mark.parametrize(
    ("name", "count", "width"),
    [
        ("data/ctcf/modisco.h5", 20, 40),
        ("data/talgata/modisco.h5", 2, 50),
        ("data/modisco/plant_promoters.h5", 13, 30),
        ("reference/R_modisco.h5", 5, 50),
    ],
)
def test_reader__reads_real_results(name, count, width):
    found = ModiscoH5Reader().read(SHARED / name)
    assert dict(found.sizes) == {"motif": count, "base": 4, "motif_position": width}
