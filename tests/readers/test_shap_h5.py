import h5py
import numpy as np
import pytest

from finemo_zarr.errors import ReadError
from finemo_zarr.execution import extract_regions
from finemo_zarr.readers.shap_h5 import ShapH5Reader
from finemo_zarr.sequence import one_hot
from finemo_zarr.testing.contracts import ReaderContract

COUNT, LENGTH = 12, 41
CENTRE, WITHOUT_BASE, IN_FLANK = 21, (2, 7), (5,)


def write(path, *, heads=("profile_hyp_scores", "count_hyp_scores"), seed=0, shift=0, **changes):
    rng = np.random.default_rng(seed)
    codes = np.random.default_rng(1).integers(0, 4, (COUNT, LENGTH)).astype(np.uint8)
    codes[list(WITHOUT_BASE), 20] = 4
    codes[list(IN_FLANK), 1] = 4
    start = 1000 + 100 * np.arange(COUNT) + shift
    arrays = {
        "coords_chrom": np.array(["chr2"] * 4 + ["chr10"] * (COUNT - 4), dtype="S"),
        "coords_start": start,
        "coords_end": start + LENGTH,
        "input_seqs": one_hot(codes, np.int8).swapaxes(1, 2),
        **{head: rng.normal(size=(COUNT, LENGTH, 4)).astype(np.float32) for head in heads},
    }
    with h5py.File(path, "w") as file:
        for name, values in (arrays | changes).items():
            if name == "coords_chrom":
                text = [value.decode() for value in values]
                file.create_dataset(name, data=text, dtype=h5py.string_dtype("ascii"))
            elif values is not None:
                file.create_dataset(name, data=values, compression="gzip")
        file.create_dataset("model", data=0).attrs["model"] = "model.h5"
    return arrays, codes


class TestOfOneHead(ReaderContract):
    @pytest.fixture
    def reader(self, tmp_path):
        write(tmp_path / "scores.h5", heads=("hyp_scores",))
        return ShapH5Reader(h5s=(tmp_path / "scores.h5",), region_width=CENTRE)


class TestOfTwoHeads(ReaderContract):
    @pytest.fixture
    def reader(self, tmp_path):
        write(tmp_path / "scores.h5")
        return ShapH5Reader(h5s=(tmp_path / "scores.h5",), head="both", keep_non_acgt=True)


@pytest.mark.parametrize("head", ["profile", "count"])
def test_read__gives_the_centre_of_the_head_that_is_asked_for(tmp_path, head):
    arrays, codes = write(tmp_path / "a.h5")
    path = tmp_path / "a.h5"
    regions = ShapH5Reader(h5s=(path,), head=head, region_width=CENTRE, keep_non_acgt=True).read()
    first = LENGTH // 2 - CENTRE // 2
    cut = slice(first, first + CENTRE)
    expected = arrays[f"{head}_hyp_scores"][:, cut].swapaxes(1, 2)
    np.testing.assert_array_equal(regions.region_contributions, expected)
    np.testing.assert_array_equal(regions.region_sequence, codes[:, cut])
    np.testing.assert_array_equal(regions.region_start, arrays["coords_start"] + first)
    assert regions.region_chrom.values[[0, 4]].tolist() == ["chr2", "chr10"]
    assert regions.attrs["chrom_order"] == ["chr2", "chr10"]


def test_read__drops_what_has_no_base_after_the_cut_and_keeps_its_number(tmp_path):
    arrays, _ = write(tmp_path / "a.h5")
    path = tmp_path / "a.h5"
    regions = ShapH5Reader(h5s=(path,), head="count", region_width=CENTRE).read()
    kept = [row for row in range(COUNT) if row not in WITHOUT_BASE]
    assert regions.region_id.values.tolist() == kept
    assert regions.region_example.values.tolist() == list(range(len(kept)))
    first = LENGTH // 2 - CENTRE // 2
    expected = arrays["count_hyp_scores"][kept, first : first + CENTRE].swapaxes(1, 2)
    np.testing.assert_array_equal(regions.region_contributions, expected)
    np.testing.assert_array_equal(regions.region_start, arrays["coords_start"][kept] + first)
    whole = ShapH5Reader(h5s=(path,), head="count").read()
    assert set(range(COUNT)) - set(whole.region_id.values.tolist()) == {*WITHOUT_BASE, *IN_FLANK}


def test_read__takes_files_of_one_head_without_a_word(tmp_path):
    for name in ("hyp_scores", "count_hyp_scores"):
        path = tmp_path / f"{name}.h5"
        arrays, _ = write(path, heads=(name,))
        scores = ShapH5Reader(h5s=(path,), keep_non_acgt=True).read().region_contributions
        np.testing.assert_array_equal(scores, arrays[name].swapaxes(1, 2))


def test_read__averages_files(tmp_path):
    (one, _), (two, _) = (write(tmp_path / f"{seed}.h5", seed=seed) for seed in (1, 2))
    reader = ShapH5Reader(
        h5s=(tmp_path / "1.h5", tmp_path / "2.h5"), head="count", keep_non_acgt=True
    )
    mean = (one["count_hyp_scores"] + two["count_hyp_scores"]) / 2
    np.testing.assert_allclose(
        reader.read().region_contributions, mean.swapaxes(1, 2), rtol=1e-6, atol=1e-7
    )


def test_extract__makes_two_tracks_of_two_heads(tmp_path):
    arrays, _ = write(tmp_path / "a.h5")
    reader = ShapH5Reader(h5s=(tmp_path / "a.h5",), head="both", keep_non_acgt=True)
    regions = extract_regions(reader, tmp_path / "regions.zarr", scheduler="sync")
    assert [str(name) for name in regions.track.values] == ["profile", "count"]
    for index, name in enumerate(("profile_hyp_scores", "count_hyp_scores")):
        stored = regions.region_contributions.values[index]
        np.testing.assert_array_equal(stored, arrays[name].swapaxes(1, 2))


def test_read__asks_which_of_two_heads(tmp_path):
    write(tmp_path / "a.h5")
    with pytest.raises(ReadError, match=r"profile_hyp_scores, count_hyp_scores: say whose"):
        ShapH5Reader(h5s=(tmp_path / "a.h5",)).read()


def test_read__says_which_head_is_missing(tmp_path):
    write(tmp_path / "a.h5", heads=("hyp_scores",))
    with pytest.raises(ReadError, match=r"not have count_hyp_scores; it has hyp_scores: leave"):
        ShapH5Reader(h5s=(tmp_path / "a.h5",), head="count").read()
    write(tmp_path / "b.h5", heads=())
    with pytest.raises(ReadError, match="it has no scores"):
        ShapH5Reader(h5s=(tmp_path / "b.h5",)).read()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"coords_end": None}, "does not have coords_end"),
        ({"coords_start": np.arange(3)}, "12, 3 and 12 rows"),
        ({"coords_end": np.arange(COUNT) + 5000}, "12 intervals are not as wide"),
        ({"input_seqs": np.zeros((COUNT, LENGTH, 4), np.int8)}, "keep them with --keep-non-acgt"),
        ({"input_seqs": np.zeros((COUNT, 4, LENGTH), np.int8)}, "axes look swapped"),
    ],
)
def test_read__refuses_what_does_not_fit(tmp_path, changes, message):
    write(tmp_path / "a.h5", heads=("hyp_scores",), **changes)
    with pytest.raises(ReadError, match=message):
        ShapH5Reader(h5s=(tmp_path / "a.h5",)).read()


def test_read__refuses_files_of_other_regions(tmp_path):
    write(tmp_path / "a.h5")
    write(tmp_path / "b.h5", shift=1)
    with pytest.raises(ReadError, match="different coordinates"):
        ShapH5Reader(h5s=(tmp_path / "a.h5", tmp_path / "b.h5"), head="count").read()


def test_read__refuses_what_is_no_file_of_scores(tmp_path):
    (tmp_path / "a.h5").write_text("nothing")
    with pytest.raises(ReadError, match="is not an HDF5 file"):
        ShapH5Reader(h5s=(tmp_path / "a.h5",)).read()
    with pytest.raises(ReadError, match="no H5 files given"):
        ShapH5Reader(h5s=()).read()
