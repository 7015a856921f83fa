import gzip

import pytest

from finemo_zarr.errors import ReadError
from finemo_zarr.postprocess import HitTable, collapse_hits, read_hits

HEADER = b"chr\tstart\tend\tstrand\tmotif_name\thit_coefficient\thit_similarity\tpeak_id\n"
ROW = b"chr1\t3\t9\t+\tCTCF\t1.0\t0.5\t0\n"

FAULTS = {
    b"": r"line 1 lacks the column chr, start, end \(found nothing\)",
    b"chr\tstart\n": r"line 1 lacks the column end \(found chr, start\); expected a table like",
    b"chr\tstart\tend\tend\n": "line 1 has the column end more than once",
    b"\xff\xfe\n": "not a table of hits; expected a TSV file",
    b"chr\tstart\tend\n": r"no column hit_similarity \(found chr, start, end\)",
    HEADER + ROW + b"chr1\t3\n": "line 3 has 2 columns, expected 8 as in the header",
    HEADER + ROW + b"\n": "line 3 has 1 column, expected 8",
    HEADER + ROW[:-1] + b"\t\n": "line 2 has 9 columns",
    HEADER + ROW.replace(b"3\t9", b"9\t3"): "line 2, column end: found '3', expected no less than",
    HEADER + ROW.replace(b"3\t9", b"3\t"): "line 2, column end: found '', expected a whole number",
    HEADER + ROW.replace(b"3\t9", b"3\t9e15"): "found '9e15', expected a whole number",
    HEADER + ROW.replace(b"3\t9", b"3\t9" + b"0" * 15): "expected a position on a chromosome",
    HEADER + ROW.replace(b"0.5", b"high"): "column hit_similarity: found 'high', expected a number",
    HEADER + ROW.replace(b"chr1", b"NA").replace(b"\t0\n", b"\tNA\n"): "line 2, column peak_id: ",
    b"chr\tstart\tend\thit_similarity\nNA\t3\t9\t1\n": "line 2 has no chromosome, and there is no",
    HEADER + ROW + ROW.replace(b"chr1", b"\xff"): "line 3 is no text",
    gzip.compress(HEADER + ROW * 100)[:-20]: "a damaged gzip file, or one that was cut off",
}  # fmt: skip


@pytest.mark.parametrize("data", FAULTS, ids=range(len(FAULTS)))
def test_tables__a_fault_is_named_with_its_line(tmp_path, data):
    path = tmp_path / "hits.tsv"
    path.write_bytes(data)
    with pytest.raises(ReadError, match=FAULTS[data]) as found:
        collapse_hits(path, tmp_path / "out.tsv")
    assert str(path) in str(found.value)
    assert [entry.name for entry in tmp_path.iterdir()] == [path.name]


def test_tables__what_is_there_must_be_a_file(tmp_path):
    with pytest.raises(ReadError, match="no such file"):
        read_hits(tmp_path / "none.tsv")
    (tmp_path / "folder").mkdir()
    with pytest.raises(ReadError, match="folder"):
        read_hits(tmp_path / "folder")


def test_tables__scores_may_be_missing_and_the_mark_of_excel_is_passed_over(tmp_path):
    path = tmp_path / "hits.tsv"
    rows = [ROW.replace(b"0.5", text) for text in (b"NA", b"", b"nan", b"NaN", b"inf")]
    path.write_bytes(b"\xef\xbb\xbf" + HEADER + b"".join(rows))
    hits = read_hits(path)
    assert len(hits) == 5
    assert [str(value) for value in hits.similarity] == ["nan"] * 4 + ["inf"]
    assert HitTable.open(path).columns[0] == "chr"


def test_tables__of_finemo_say_hit_correlation(tmp_path):
    path = tmp_path / "hits.tsv"
    path.write_bytes(HEADER.replace(b"hit_similarity", b"hit_correlation") + ROW)
    assert read_hits(path).similarity.tolist() == [0.5]


def test_tables__lines_may_end_as_on_windows(tmp_path):
    path = tmp_path / "hits.tsv"
    path.write_bytes((HEADER + ROW + ROW).replace(b"\n", b"\r\n"))
    hits = read_hits(path)
    assert hits.region.tolist() == [0, 0]
    assert hits.places.end.tolist() == [9, 9]


@pytest.mark.parametrize("size", [1, 50, 90])
def test_tables__lines_are_counted_through_all_blocks(tmp_path, monkeypatch, size):
    monkeypatch.setattr("finemo_zarr.postprocess._tables._BLOCK_BYTES", size)
    path = tmp_path / "hits.tsv"
    path.write_bytes(HEADER + ROW * 5 + ROW.replace(b"\t3\t", b"\tx\t"))
    with pytest.raises(ReadError, match="line 7, column start: found 'x'"):
        read_hits(path)
