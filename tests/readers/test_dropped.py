import pytest

from finemo_zarr.errors import ReadError
from finemo_zarr.readers._dropped import without_dropped
from finemo_zarr.readers._peaks import read_peaks


def bed(path, *lines):
    path.write_text("".join(f"{line}\n".replace(" ", "\t") for line in lines))
    return path


@pytest.fixture
def peaks(tmp_path):
    lines = [f"chr1 {100 * i} {100 * i + 50} p{i}" for i in range(5)]
    return read_peaks(bed(tmp_path / "peaks.bed", *lines))


def test_without_dropped__leaves_out_names(tmp_path, peaks):
    kept = without_dropped(peaks, bed(tmp_path / "names", "# dropped", "p3", "p0"))
    assert kept.id.tolist() == [1, 2, 4]


def test_without_dropped__follows_the_filtered_file(tmp_path, peaks):
    kept = bed(tmp_path / "kept", "chr1 400 450 p4", "chr1 100 150 other_name", "chr1 0 50")
    assert without_dropped(peaks, kept).id.tolist() == [4, 1, 0]


def test_without_dropped__refuses_unknown_names(tmp_path, peaks):
    with pytest.raises(ReadError, match=r"no peak of .*peaks\.bed has the names x, y"):
        without_dropped(peaks, bed(tmp_path / "names", "p3", "y", "x"))


def test_without_dropped__refuses_unknown_peaks(tmp_path, peaks):
    with pytest.raises(ReadError, match=r"p0 \(chr1:0-51\) is not in .*peaks\.bed"):
        without_dropped(peaks, bed(tmp_path / "kept", "chr1 0 51 p0"))


def test_without_dropped__refuses_names_of_several_peaks(tmp_path):
    peaks = read_peaks(bed(tmp_path / "p", "chr1 0 5 .", "chr1 8 9 ."))
    with pytest.raises(ReadError, match=r"several peaks of .* have the name \.; give the filtered"):
        without_dropped(peaks, bed(tmp_path / "names", "."))
    assert without_dropped(peaks, bed(tmp_path / "kept", "chr1 8 9 .")).id.tolist() == [1]


def test_without_dropped__tells_copies_by_name(tmp_path):
    peaks = read_peaks(bed(tmp_path / "p", "chr1 0 5 a", "chr1 0 5 b"))
    assert without_dropped(peaks, bed(tmp_path / "kept", "chr1 0 5 b")).id.tolist() == [1]
    with pytest.raises(ReadError, match=r"several peaks of .*: a, b"):
        without_dropped(peaks, bed(tmp_path / "kept", "chr1 0 5 c"))


def test_without_dropped__refuses_copies_that_cannot_be_told_apart(tmp_path):
    peaks = read_peaks(bed(tmp_path / "p", "chr1 0 5 a", "chr1 0 5 a", "chr1 7 8 b"))
    kept = bed(tmp_path / "kept", "chr1 0 5 a", "chr1 0 5 a")
    assert without_dropped(peaks, kept).id.tolist() == [0, 1]
    with pytest.raises(ReadError, match=r"2 times, .* less often"):
        without_dropped(peaks, bed(tmp_path / "kept", "chr1 0 5 a"))
    with pytest.raises(ReadError, match="more often"):
        without_dropped(peaks, bed(tmp_path / "kept", *["chr1 0 5 a"] * 3))


def test_without_dropped__refuses_a_missing_file(tmp_path, peaks):
    with pytest.raises(ReadError, match="no such file"):
        without_dropped(peaks, tmp_path / "none")
