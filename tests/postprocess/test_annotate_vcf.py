import gzip

import pytest

from finemo_zarr.errors import ReadError
from finemo_zarr.postprocess import _tables
from finemo_zarr.postprocess._annotate_vcf import Changes, Variants, read_variants

HEADER = "##fileformat=VCFv4.2\n#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\tFORMAT\tS1\n"
ROW = "chr1\t5\trs1\tA\tC\t50\tPASS\tAF=0.1\tGT\t0/1\n"


def rows(path) -> list[tuple]:
    return Variants.joined(read_variants(path)).frame.rows()


def test_vcf__positions_are_counted_from_zero(tmp_path) -> None:
    (tmp_path / "v.vcf").write_text(HEADER + ROW + "chr2\t7\t.\tACG\tA\t.\t.\t.\n")
    assert rows(tmp_path / "v.vcf") == [
        ("chr1", 4, 5, "rs1", "A", "C"),
        ("chr2", 6, 9, "chr2:7:ACG:A", "ACG", "A"),
    ]


@pytest.mark.parametrize("ending", ["\n", "\r\n", "\n\n", ""])
def test_vcf__ends_of_lines_do_not_matter(tmp_path, ending: str) -> None:
    content = "##fileformat=VCFv4.2\n#CHROM\tPOS\tID\tREF\tALT\nchr1\t5\trs1\tA\tC" + ending
    (tmp_path / "v.vcf").write_bytes(content.encode())
    assert rows(tmp_path / "v.vcf") == [("chr1", 4, 5, "rs1", "A", "C")]


def test_vcf__of_several_gzip_blocks_is_read_whole(tmp_path, monkeypatch) -> None:
    blocks = [HEADER, ROW, ROW.replace("5", "6", 1)]
    path = tmp_path / "v.vcf.gz"
    path.write_bytes(b"".join(gzip.compress(block.encode()) for block in blocks))
    for size in (7, 2**24):
        monkeypatch.setattr(_tables, "_BLOCK_BYTES", size)
        assert [row[1] for row in rows(path)] == [4, 5]


@pytest.mark.parametrize("size", [10, 2**24])
@pytest.mark.parametrize(
    ("row", "message"),
    [
        ("chr1\t5\trs1\tA\n", "line 4: 4 columns, expected CHROM, POS, ID, REF and ALT"),
        ("chr1 5 rs1 A C\n", "line 4: 1 column, expected CHROM"),
        ("chr1\tx\trs1\tA\tC\n", "line 4: found 'x', expected POS"),
        ("chr1\t-3\trs1\tA\tC\n", "line 4: found '-3', expected POS"),
        ("chr1\t5\trs1\t\tC\n", "line 4: found '', expected REF"),
        ("chr1\t5\trs1\tA5\tC\n", "line 4: found 'A5', expected REF"),
        ("chr1\t5\trs1\tA\tC;T\n", "line 4: found 'C;T', expected ALT"),
        ("chr1\t5\trs1\tA\tC,\n", "line 4: found '', expected ALT"),
    ],
)
def test_vcf__bad_lines_are_errors(tmp_path, monkeypatch, size, row: str, message: str) -> None:
    monkeypatch.setattr(_tables, "_BLOCK_BYTES", size)
    (tmp_path / "v.vcf").write_text(HEADER + ROW + row + ROW)
    with pytest.raises(ReadError, match=rf"v\.vcf, {message}"):
        rows(tmp_path / "v.vcf")


def test_vcf__that_is_none_is_an_error(tmp_path) -> None:
    (tmp_path / "v.vcf").write_text(ROW)
    with pytest.raises(ReadError, match=r"line 1 is .*expected ##fileformat=VCF"):
        rows(tmp_path / "v.vcf")
    (tmp_path / "v.bcf").write_bytes(gzip.compress(b"BCF\2\2rest"))
    with pytest.raises(ReadError, match="BCF file, which is not read; write it as VCF"):
        rows(tmp_path / "v.bcf")
    with pytest.raises(ReadError, match="no such file"):
        rows(tmp_path / "missing.vcf")


def test_vcf__that_was_cut_off_is_an_error(tmp_path) -> None:
    path = tmp_path / "v.vcf.gz"
    path.write_bytes(gzip.compress((HEADER + ROW * 1000).encode())[:-20])
    with pytest.raises(ReadError, match="cut off"):
        rows(path)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("chr1\t5\n", "line 1: 2 columns"),
        ("chr1\t5\t7\trs1\tA\tC\n", "line 1: the reference allele A has 1 bases, expected 2"),
    ],
)
def test_bed__bad_lines_are_errors(tmp_path, line: str, message: str) -> None:
    (tmp_path / "v.bed").write_text(line)
    with pytest.raises(ReadError, match=message):
        rows(tmp_path / "v.bed")


@pytest.mark.parametrize(
    ("ref", "alt", "expected"),
    [
        ("A", "C", (10, 11, "snv")),
        ("a", "c", (10, 11, "snv")),
        ("ACG", "ATG", (11, 12, "snv")),
        ("ACG", "TCC", (10, 13, "mnv")),
        ("A", "AC", (11, 11, "insertion")),
        ("A", "CA", (10, 10, "insertion")),
        ("AC", "A", (11, 12, "deletion")),
        ("TTT", "T", (11, 13, "deletion")),
        ("CA", "A", (10, 11, "deletion")),
        ("AC", "TGG", (10, 12, "indel")),
        ("A", "<DEL>", (10, 11, "other")),
        (".", ".", (10, 11, "other")),
        ("A", "A]chr2:7]", (10, 11, "other")),
    ],
)
def test_changes__leave_out_what_both_alleles_share(ref: str, alt: str, expected: tuple) -> None:
    import polars as pl

    row = {"chrom": ["c"], "start": [10], "end": [10 + len(ref)], "ref": [ref], "alt": [alt]}
    changes = Changes.of(Variants(pl.DataFrame(row)))
    assert (int(changes.start[0]), int(changes.end[0]), changes.kind[0]) == expected
    length = changes.end - changes.start if expected[2] in {"snv", "mnv"} else [0]
    assert changes.length.tolist() == list(length)
