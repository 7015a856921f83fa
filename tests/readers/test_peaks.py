import gzip
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from finemo_zarr.errors import ReadError
from finemo_zarr.readers._peaks import read_chrom_order, read_peaks

NARROWPEAK = "chr1\t100\t200\tp0\t0\t.\t1\t1\t1\t30"


def write(path: Path, *lines: str) -> Path:
    path.write_text("\n".join(lines))
    return path


def test_read_peaks__reads_narrowpeak(tmp_path):
    none = "chr2\t10\t21\tp1\t0\t.\t1\t1\t1\t-1"
    peaks = read_peaks(write(tmp_path / "p", NARROWPEAK, none))
    assert peaks.chrom.tolist() == ["chr1", "chr2"]
    assert peaks.summit.tolist() == [130, 15]
    assert peaks.name.tolist() == ["p0", "p1"]
    assert peaks.id.tolist() == [0, 1]


def test_read_peaks__takes_the_centre_of_bed(tmp_path):
    peaks = read_peaks(write(tmp_path / "p", "chr1\t100\t201", "chr1 4 6"))
    assert peaks.summit.tolist() == [150, 5]
    assert peaks.name.tolist() == ["chr1:100-201", "chr1:4-6"]


def test_read_peaks__tells_bed12_from_narrowpeak(tmp_path):
    bed12 = "chr1\t100\t200\tgene\t0\t+\t100\t200\t0\t2\t10,20,\t0,80"
    assert read_peaks(write(tmp_path / "p", bed12)).summit.tolist() == [150]
    assert read_peaks(write(tmp_path / "p", NARROWPEAK + "\tmore\tmore")).summit.tolist() == [130]


def test_read_peaks__skips_what_is_no_data(tmp_path):
    lines = ("track name=x", "browser position chr1", "# comment", "", " \t ", NARROWPEAK, "", "#")
    peaks = read_peaks(write(tmp_path / "p", *lines))
    assert peaks.id.tolist() == [0]


@pytest.mark.parametrize("name", ["p.narrowPeak.gz", "p.narrowPeak"])
def test_read_peaks__knows_gzip_by_its_content(tmp_path, name):
    path = tmp_path / name
    path.write_bytes(gzip.compress(f"{NARROWPEAK}\r\n{NARROWPEAK}\r\n".encode()))
    assert read_peaks(path).summit.tolist() == [130, 130]


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("chr1\t5", "2 columns, expected at least 10"),
        ("chr1\t1\t2\tp", "4 columns, expected at least 10"),
        (NARROWPEAK.replace("100", "x"), "start is 'x', expected an integer"),
        (NARROWPEAK.replace("200", "2e3"), "end is '2e3', expected an integer"),
        (NARROWPEAK.replace("30", "."), "summit is '.', expected an integer"),
        (NARROWPEAK.replace("100", "-1"), "start is -1"),
        (NARROWPEAK.replace("100", "200"), "start 200 is not before end 200"),
        (NARROWPEAK.replace("30", "100"), "summit 100 is outside the peak, expected 0 to 99"),
        (NARROWPEAK.replace("30", "-2"), "summit -2 is outside"),
        (NARROWPEAK.replace("200", "9" * 30), "too"),
    ],
)
def test_read_peaks__names_the_line_that_is_wrong(tmp_path, line, message):
    path = write(tmp_path / "p", "# one", NARROWPEAK, line)
    with pytest.raises(ReadError, match="p, line 3: ") as caught:
        read_peaks(path)
    assert message in str(caught.value)


def test_read_peaks__refuses_bed_with_two_columns(tmp_path):
    with pytest.raises(ReadError, match="line 1: 2 columns, expected at least 3"):
        read_peaks(write(tmp_path / "p", "chr1\t5"))


@pytest.mark.parametrize("content", ["", "# only\n\n"])
def test_read_peaks__refuses_a_file_without_peaks(tmp_path, content):
    with pytest.raises(ReadError, match=r"is empty|has no peaks"):
        read_peaks(write(tmp_path / "p", content))


def test_read_peaks__refuses_truncated_gzip(tmp_path):
    path = tmp_path / "p.gz"
    path.write_bytes(gzip.compress("\n".join([NARROWPEAK] * 500).encode())[:-20])
    with pytest.raises(ReadError, match=r"p\.gz is damaged or truncated"):
        read_peaks(path)


def test_read_peaks__refuses_a_folder_and_a_missing_file(tmp_path):
    with pytest.raises(ReadError, match="is a directory"):
        read_peaks(tmp_path)
    with pytest.raises(ReadError, match="no such file"):
        read_peaks(tmp_path / "none")


NAMES = st.text(st.characters(codec="ascii", categories=["L", "N", "P"]), min_size=1)
PEAKS = st.lists(
    st.tuples(
        st.sampled_from(["chr1", "chrX", "7"]),
        st.integers(0, 2**40),
        st.integers(1, 10_000),
        st.floats(0, 1, exclude_max=True),
        NAMES,
    ),
    min_size=1,
)


@given(peaks=PEAKS, packed=st.booleans(), summits=st.booleans())
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
def test_read_peaks__reads_what_was_written(tmp_path, peaks, packed, summits):
    rows: list[tuple[Any, ...]] = []
    for chrom, start, length, place, name in peaks:
        offset = int(place * length) if summits else (2 * start + length) // 2 - start
        rows.append((chrom, start, start + length, name, offset))
    text = "".join(
        "\t".join(map(str, (*row[:4], *("0.111" if summits else ""), *row[4 : 4 + summits]))) + "\n"
        for row in rows
    )
    path = tmp_path / "peaks"
    path.write_bytes(gzip.compress(text.encode()) if packed else text.encode())
    read = read_peaks(path)
    columns = (read.chrom, read.start, read.end, read.name, read.summit - read.start)
    assert list(zip(*(column.tolist() for column in columns), strict=True)) == rows


@given(width=st.integers(1, 5000), summit=st.integers(0, 10**9))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
def test_regions__have_the_summit_at_half_their_width(tmp_path, width, summit):
    path = write(tmp_path / "p", f"chr1\t{summit}\t{summit + 1}")
    regions = read_peaks(path).regions(width)
    assert regions.start[0] + width // 2 == summit
    assert regions.end[0] - regions.start[0] == width


def test_take__keeps_the_rows_of_the_file(tmp_path):
    peaks = read_peaks(write(tmp_path / "p", *[f"chr1\t{i}\t{i + 1}" for i in range(5)]))
    taken = peaks.take([4, 1])
    assert taken.id.tolist() == [4, 1]
    assert taken.start.tolist() == [4, 1]


def test_read_chrom_order__reads_the_first_column(tmp_path):
    path = write(tmp_path / "sizes", "chr2\t5", "", "#x", "chr10 7", "chr2\t5")
    assert read_chrom_order(path) == ["chr2", "chr10"]


def test_read_chrom_order__refuses_a_file_without_any(tmp_path):
    with pytest.raises(ReadError, match="names no chromosome"):
        read_chrom_order(write(tmp_path / "sizes", "#x"))


def test_describe__leaves_out_names_that_are_none(tmp_path):
    lines = (NARROWPEAK, NARROWPEAK.replace("p0", "."))
    regions = read_peaks(write(tmp_path / "p", *lines)).regions(10)
    assert regions.describe(0) == "p0 (row 0, chr1:125-135)"
    assert regions.describe(1) == "row 1 (chr1:125-135)"
    assert np.array_equal(regions.as_mapping()["id"], [0, 1])
