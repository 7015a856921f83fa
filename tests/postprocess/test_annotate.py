import gzip
import sys
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hit_rows import COLUMNS, read, text, write
from hypothesis import given, settings
from hypothesis import strategies as st

from finemo_zarr.errors import InputWarning, ReadError, RunError
from finemo_zarr.execution import call_hits, extract_regions
from finemo_zarr.export import write_tables
from finemo_zarr.model import create_regions
from finemo_zarr.postprocess import Annotations, _tables, annotate_hits, annotate_table
from finemo_zarr.postprocess._annotate_starts import read_starts

job_module = sys.modules["finemo_zarr.postprocess._annotate_job"]

CHROMS = ("chr1", "chr2")


def hit(chrom="chr1", start=10, end=20, strand="+", **more) -> dict:
    return {
        "chr": chrom,
        "start": start,
        "end": end,
        "start_untrimmed": start - 2,
        "end_untrimmed": end + 3,
        "motif_name": "GATA1",
        "hit_coefficient": 1.5,
        "hit_similarity": 0.8,
        "strand": strand,
        "peak_name": "peak0",
        "peak_id": 0,
    } | more


def frame(rows: list[dict]) -> pl.DataFrame:
    if not rows:
        return pl.DataFrame(schema=dict.fromkeys(COLUMNS, pl.String))
    return pl.DataFrame(rows)


def lines(path: Path, rows: list[tuple]) -> Path:
    content = "".join("\t".join(map(str, row)) + "\n" for row in rows)
    if path.suffix == ".gz":
        path.write_bytes(gzip.compress(content.encode()))
    else:
        path.write_text(content)
    return path


# Every chromosome has an interval, so that no draw is refused for its names.
intervals = st.lists(
    st.tuples(st.sampled_from(CHROMS), st.integers(0, 60), st.integers(0, 15)), max_size=12
).map(
    lambda found: (
        [(chrom, 100, 101) for chrom in CHROMS]
        + [(chrom, start, start + width) for chrom, start, width in found]
    )
)
hits = st.lists(
    st.tuples(
        st.sampled_from(CHROMS), st.integers(-5, 70), st.integers(1, 12), st.sampled_from("+-")
    ).map(lambda row: hit(row[0], row[1], row[1] + row[2], row[3])),
    max_size=12,
)


# --- Intervals -----------------------------------------------------------------------------------


@settings(deadline=None, max_examples=80)
@given(rows=hits, beds=st.lists(intervals, min_size=1, max_size=2))
def test_beds__flag_hits_that_share_a_base(tmp_path_factory, rows, beds) -> None:
    folder = tmp_path_factory.mktemp("beds")
    paths = {f"b{k}": lines(folder / f"{k}.bed", bed) for k, bed in enumerate(beds)}
    found = annotate_hits(frame(rows), beds=paths, bases=True)
    for k, bed in enumerate(beds):
        covered = {(chrom, base) for chrom, start, end in bed for base in range(start, end)}
        bases = [
            sum((row["chr"], base) in covered for base in range(row["start"], row["end"]))
            for row in rows
        ]
        assert found[f"b{k}_bases"].to_list() == bases
        assert found[f"b{k}"].to_list() == [int(shared > 0) for shared in bases]


@pytest.mark.parametrize(("start", "flag"), [(9, 0), (19, 1), (20, 0)])
def test_beds__are_half_open(tmp_path, start: int, flag: int) -> None:
    bed = lines(tmp_path / "a.bed.gz", [("chr1", start, start + 1)])
    assert annotate_hits(frame([hit()]), beds={"a": bed})["a"].to_list() == [flag]


def test_beds__headers_and_comments_are_no_intervals(tmp_path) -> None:
    bed = tmp_path / "a.bed"
    bed.write_text("track name=x\nbrowser position chr1\n# comment\n\nchr1 12 13 name\n")
    assert annotate_hits(frame([hit()]), beds={"a": bed})["a"].to_list() == [1]


def test_beds__keep_the_table_and_its_order(tmp_path) -> None:
    bed = lines(tmp_path / "a.bed", [("chr1", 0, 15), ("chr2", 0, 5)])
    table = frame([hit("chr2"), hit(start=14), hit("chr2", 3, 9)])
    found = annotate_hits(table, beds={"a": bed})
    assert found.drop("a").equals(table)
    assert found["a"].to_list() == [0, 1, 1]


def test_beds__without_intervals_flag_none_and_warn(tmp_path) -> None:
    (tmp_path / "a.bed").write_text("")
    with pytest.warns(InputWarning, match=r"a\.bed: holds nothing that a hit could meet"):
        found = annotate_hits(frame([hit()]), beds={"a": tmp_path / "a.bed"})
    assert found["a"].to_list() == [0]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("chr1\t1\t2\nchr1\t5\n", r"a\.bed, line 2: 2 columns"),
        ("chr1\tx\t2\n", r"line 1: start is 'x', expected a position"),
        ("chr1\t1\t9999999999999999999\n", r"line 1: end is .*expected a position"),
        ("chr1\t5\t2\n", r"line 1: 5 to 2 is no interval"),
        ("chr1\t-5\t2\n", r"line 1: -5 to 2 is no interval"),
    ],
)
def test_beds__bad_lines_are_errors(tmp_path, content: str, message: str) -> None:
    (tmp_path / "a.bed").write_text(content)
    with pytest.raises(ReadError, match=message):
        annotate_hits(frame([hit()]), beds={"a": tmp_path / "a.bed"})


def test_beds__that_are_missing_are_errors(tmp_path) -> None:
    with pytest.raises(ReadError, match=r"a\.bed: no such file"):
        annotate_hits(frame([hit()]), beds={"a": tmp_path / "a.bed"})


# --- Chromosomes ---------------------------------------------------------------------------------


def test_chromosomes__none_in_common_is_an_error_with_both_names(tmp_path) -> None:
    bed = lines(tmp_path / "a.bed", [("1", 0, 15), ("2", 0, 5)])
    with pytest.raises(ReadError, match=r"its chromosomes \(1, 2\).*the hits' \(chr1, chr2\)"):
        annotate_hits(frame([hit(), hit("chr2")]), beds={"a": bed})


def test_chromosomes__some_missing_is_a_warning(tmp_path) -> None:
    bed = lines(tmp_path / "a.bed", [("chr1", 0, 15)])
    with pytest.warns(InputWarning, match="nothing on 1 of the 2 chromosomes of the hits: chr2"):
        found = annotate_hits(frame([hit(), hit("chr2")]), beds={"a": bed})
    assert found["a"].to_list() == [1, 0]


def test_chromosomes__hits_without_are_an_error(tmp_path) -> None:
    bed = lines(tmp_path / "a.bed", [("chr1", 0, 15)])
    path = write(tmp_path / "hits.tsv", [hit(), hit(chrom="NA")])
    with pytest.raises(ReadError, match=r"hits\.tsv: line 3 has no chromosome.*coordinates"):
        annotate_hits(path, beds={"a": bed})


def test_chromosomes__a_store_without_is_an_error(
    tmp_path, reader, regions, motifs, solver
) -> None:
    bed = lines(tmp_path / "a.bed", [("chr1", 0, 15)])
    bare = create_regions(regions["region_sequence"].data, regions["region_contributions"].data)
    extract_regions(reader(bare), tmp_path / "bare.zarr")
    call_hits(tmp_path / "bare.zarr", motifs, tmp_path / "hits.zarr", solver=solver)
    message = r"the hits have no chromosomes, but files are compared by coordinates"
    with pytest.raises(ReadError, match=rf"hits\.zarr: {message}"):
        annotate_hits(tmp_path / "hits.zarr", beds={"a": bed})
    write_tables(tmp_path / "hits.zarr", tmp_path / "tables")
    with pytest.raises(ReadError, match=rf"hits\.tsv: {message}"):
        annotate_table(
            tmp_path / "tables" / "hits.tsv", tmp_path / "out.tsv", Annotations({"a": bed})
        )
    assert not (tmp_path / "out.tsv").exists()


# --- Transcription starts ------------------------------------------------------------------------


def distance(row: dict, starts: list[tuple]) -> tuple[int, str] | None:
    """By the definition: nearest, then leftmost, then first."""
    centre = (row["start"] + row["end"]) // 2
    here = [start for start in starts if start[0] == row["chr"]]
    if not here:
        return None
    _, position, strand, gene = min(here, key=lambda start: (abs(centre - start[1]), start[1]))
    return (centre - position) * (-1 if strand == "-" else 1), gene


starts = st.lists(
    st.tuples(st.sampled_from(CHROMS), st.integers(0, 60), st.sampled_from("+-")), max_size=12
).map(
    lambda found: (
        [(chrom, 200, "+", f"last{chrom}") for chrom in CHROMS]
        + [(*start, f"g{k}") for k, start in enumerate(found)]
    )
)


@settings(deadline=None, max_examples=100)
@given(rows=hits, starts=starts)
def test_tss__is_the_nearest_and_signed_by_its_strand(tmp_path_factory, rows, starts) -> None:
    folder = tmp_path_factory.mktemp("tss")
    table = lines(folder / "t.tsv", [("chrom", "pos", "strand", "gene"), *starts])
    bed = lines(
        folder / "t.bed",
        [
            (chrom, at, at + 5, gene, 0, "+") if strand == "+" else
            (chrom, max(at - 3, 0), at + 1, gene, 0, "-")
            for chrom, at, strand, gene in starts
        ],
    )  # fmt: skip
    gtf = lines(
        folder / "t.gtf",
        [
            (chrom, "x", "transcript", at + 1 if strand == "+" else max(at - 3, 1),
             at + 9 if strand == "+" else at + 1, ".", strand, ".",
             f'gene_id "id{gene}"; gene_name "{gene}";')
            for chrom, at, strand, gene in starts
        ],
    )  # fmt: skip
    expected = [distance(row, starts) for row in rows]
    for path in (table, bed, gtf):
        found = annotate_hits(frame(rows), tss=path)
        assert list(zip(found["tss_distance"], found["tss_gene"], strict=True)) == expected


@pytest.mark.parametrize(
    ("strand", "start", "expected"),
    [("+", 100, -5), ("+", 90, 5), ("-", 100, 5), ("-", 90, -5), ("+", 95, 0), ("-", 95, 0)],
)
def test_tss__is_negative_upstream(tmp_path, strand: str, start: int, expected: int) -> None:
    table = lines(tmp_path / "t.tsv", [("chrom", "pos", "strand"), ("chr1", start, strand)])
    found = annotate_hits(frame([hit(start=90, end=101)]), tss=table)
    assert found["tss_distance"].to_list() == [expected]
    assert found["tss_gene"].to_list() == [f"chr1:{start}"]


def test_tss__genes_count_where_a_gtf_has_no_transcripts(tmp_path) -> None:
    rows = [
        ("chr1", ".", "gene", 11, 50, ".", "+", ".", "ID=gene:E1;Name=ABC"),
        ("chr1", ".", "exon", 31, 50, ".", "+", ".", "Parent=x"),
        ("chr1", ".", "gene", 21, 91, ".", "-", ".", 'gene_id "E2"'),
    ]
    path = lines(tmp_path / "genes.gff3.gz", rows)
    found = annotate_hits(frame([hit(start=10, end=11), hit(start=90, end=91)]), tss=path)
    assert found["tss_distance"].to_list() == [0, 0]
    assert found["tss_gene"].to_list() == ["ABC", "E2"]


GFF3 = {
    "ncbi": [
        ("gene", 11, 50, "+", "ID=gene-TP53;Dbxref=GeneID:7157;Name=TP53;gbkey=Gene;gene=TP53"),
        ("mRNA", 11, 50, "+", "ID=rna-NM_1;Parent=gene-TP53;Name=NM_1;gene=TP53"),
        ("exon", 21, 50, "+", "ID=exon-NM_1-1;Parent=rna-NM_1;gene=TP53"),
        ("lnc_RNA", 61, 70, "+", "ID=rna-NR_1;Parent=gene-MALAT1;gene=MALAT1"),
        ("gene", 61, 90, "+", "ID=gene-MALAT1;Name=MALAT1;gene=MALAT1"),
        ("gene", 101, 150, "-", "ID=gene-ND1;Name=ND1;gene=ND1"),
        ("CDS", 111, 150, "-", "ID=cds-1;Parent=gene-ND1;gene=ND1"),
    ],
    "ensembl": [
        ("chromosome", 1, 900, "?", "ID=chromosome:1;Alias=chr1"),
        ("mRNA", 11, 50, "+", "ID=transcript:ENST1;Parent=gene:E1;Name=TP53-201"),
        ("gene", 11, 50, "+", "ID=gene:E1;Name=TP53;gene_id=E1"),
        ("ncRNA_gene", 61, 90, "+", "ID=gene:E2;Name=MALAT1;gene_id=E2"),
        ("miRNA", 61, 90, "+", "ID=transcript:ENST2;Parent=gene:E2"),
        ("V_gene_segment", 121, 150, "-", "ID=transcript:ENST3;Parent=gene:E3"),
        ("gene", 101, 170, "-", "ID=gene:E3;Name=ND1;gene_id=E3"),
        ("five_prime_UTR", 111, 140, "-", "Parent=transcript:ENST3"),
    ],
    "gencode": [
        ("gene", 11, 50, "+", "ID=E1.2;gene_id=E1.2;gene_type=x;gene_name=TP53"),
        ("transcript", 11, 50, "+", "ID=T1.2;Parent=E1.2;gene_id=E1.2;gene_name=TP53"),
        ("transcript", 61, 90, "+", "ID=T2.2;Parent=E2.2;gene_id=E2.2;gene_name=MALAT1"),
        ("transcript", 101, 150, "-", "ID=T3.2;Parent=E3.2;gene_id=E3.2;gene_name=ND%31"),
    ],
}


@pytest.mark.parametrize("style", GFF3)
@pytest.mark.parametrize("suffix", ["gff3", "gff"])
def test_tss__of_a_gff3_are_those_of_all_transcripts_and_of_genes_without(
    tmp_path, style: str, suffix: str
) -> None:
    rows = [("chr1", "x", kind, first, last, ".", strand, ".", attributes)
            for kind, first, last, strand, attributes in GFF3[style]]  # fmt: skip
    path = lines(tmp_path / f"genes.{suffix}", rows)
    starts = read_starts(path)
    assert starts.places["start"].to_list() == [10, 60, 149]
    assert starts.gene.tolist() == ["TP53", "MALAT1", "ND1"]
    assert starts.direction.tolist() == [1, 1, -1]


def test_tss__of_a_gff3_without_names_of_genes_are_called_by_what_there_is(tmp_path) -> None:
    rows = [
        ("chr1", "x", "gene", 5, 9, ".", "+", ".", "ID=gene:E1;gene_id=E1"),
        ("chr1", "x", "mRNA", 15, 19, ".", "+", ".", "ID=t1;Parent=lost;gene_id=E2"),
        ("chr1", "x", "mRNA", 25, 29, ".", "+", ".", "ID=t2;Parent=lost;Name=Two%2C2"),
        ("chr1", "x", "mRNA", 35, 39, ".", "+", ".", "ID=t3"),
        ("chr1", "x", "mRNA", 45, 49, ".", "+", ".", "."),
    ]
    starts = read_starts(lines(tmp_path / "genes.gff3", rows))
    assert starts.gene.tolist() == ["E1", "E2", "Two,2", "t3", "chr1:44"]


def test_tss__is_null_where_the_chromosome_has_none(tmp_path) -> None:
    table = lines(tmp_path / "t.tsv", [("chrom", "pos"), ("chr1", 5)])
    path = write(tmp_path / "hits.tsv", [hit("chr2"), hit()])
    with pytest.warns(InputWarning, match="chr2"):
        found = annotate_hits(path, tss=table)
    assert found["tss_distance"].to_list() == [None, 10]
    with pytest.warns(InputWarning, match="chr2"):
        annotate_table(path, tmp_path / "out.tsv", Annotations(tss=table))
    first, second = read(tmp_path / "out.tsv")
    assert (first["tss_distance"], first["tss_gene"]) == ("NA", "NA")
    assert (second["tss_distance"], second["tss_gene"]) == ("10", "chr1:5")


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("t.gtf", "chr1\tx\tgene\t5\n", "line 1: 4 columns, expected 9"),
        ("t.gtf", "chr1\tx\tgene\tq\t7\t.\t+\t.\tx\n", "line 1: start is 'q'"),
        ("t.gtf", "chr1\tx\tgene\t5\t7\t.\t*\t.\tx\n", "line 1: strand is '\\*'"),
        ("t.gtf", "chr1\tx\texon\t5\t7\t.\t+\t.\tx\n", "no transcription start"),
        ("t.tsv", "chrom\tpos\tgene\nchr1\t5\n", "line 2: 2 columns, expected 3"),
        ("t.tsv", "chrom\tpos\nchr1\t5.5\n", "line 2: pos is '5.5'"),
        ("t.bed", "chr1\t5\t6\tg\t0\t?\n", "line 1: strand is '\\?'"),
    ],
)
def test_tss__bad_lines_are_errors(tmp_path, name: str, content: str, message: str) -> None:
    (tmp_path / name).write_text(content)
    with pytest.raises(ReadError, match=message):
        annotate_hits(frame([hit()]), tss=tmp_path / name)


# --- Summits -------------------------------------------------------------------------------------


def peak(chrom: str, start: int, end: int, name: str, summit: int) -> tuple:
    return (chrom, start, end, name, 0, ".", 0, 0, 0, summit - start)


def summit_distance(rows: list[dict], path: Path) -> list[int | None]:
    return annotate_hits(frame(rows), summits=path)["summit_distance"].to_list()


def test_summits__are_those_of_the_own_peak(tmp_path) -> None:
    peaks = [peak("chr1", 0, 50, "peak0", 40), peak("chr1", 10, 30, "peak1", 15)]
    path = lines(tmp_path / "p.narrowPeak", peaks)
    assert summit_distance([hit()], path) == [-25]
    assert summit_distance([hit(peak_name="peak1", peak_id=1)], path) == [0]


def test_summits__are_the_nearest_where_the_file_has_no_such_peak(tmp_path) -> None:
    peaks = [peak("chr1", 0, 50, "other", 40), peak("chr1", 10, 30, "another", 18)]
    path = lines(tmp_path / "p.narrowPeak.gz", peaks)
    assert summit_distance([hit(), hit(start=40, end=50, strand="-")], path) == [-3, 5]
    assert annotate_hits(frame([hit()]).drop("peak_name"), summits=path)[
        "summit_distance"
    ].to_list() == [-3]


def test_summits__names_that_repeat_are_told_apart_by_number(tmp_path) -> None:
    peaks = [peak("chr1", 0, 50, ".", 40), peak("chr1", 10, 30, ".", 18)]
    path = lines(tmp_path / "p.narrowPeak", peaks)
    rows = [hit(peak_name=".", peak_id=0), hit(peak_name=".", peak_id=1)]
    assert summit_distance([*rows, hit(peak_name=".", peak_id=7)], path) == [-25, -3, -3]


def test_summits__of_a_peak_on_another_chromosome_is_not_the_own(tmp_path) -> None:
    peaks = [peak("chr2", 0, 50, "peak0", 40), peak("chr1", 10, 30, "x", 18)]
    assert summit_distance([hit()], lines(tmp_path / "p.narrowPeak", peaks)) == [-3]


def test_summits__of_bed_are_the_middle(tmp_path) -> None:
    assert summit_distance([hit()], lines(tmp_path / "p.bed", [("chr1", 10, 21)])) == [0]


@settings(deadline=None, max_examples=60)
@given(rows=hits, points=starts)
def test_summits__nearest_is_that_of_the_definition(tmp_path_factory, rows, points) -> None:
    folder = tmp_path_factory.mktemp("summits")
    path = lines(folder / "p.bed", [(chrom, at, at + 1, name) for chrom, at, _, name in points])
    centres = [(row["start"] + row["end"]) // 2 for row in rows]
    found = summit_distance(rows, path)
    for row, centre, value in zip(rows, centres, found, strict=True):
        distances = [centre - at for chrom, at, *_ in points if chrom == row["chr"]]
        assert value in distances
        assert abs(value) == min(map(abs, distances))


# --- Tables and other hits -----------------------------------------------------------------------


@settings(deadline=None, max_examples=30)
@given(rows=hits, bed=intervals, size=st.sampled_from([40, 300, 2**24]))
def test_table__is_that_of_memory_whatever_the_blocks(tmp_path_factory, rows, bed, size) -> None:
    folder = tmp_path_factory.mktemp("table")
    asked = {"beds": {"b": lines(folder / "b.bed", bed)}, "bases": True}
    source = write(folder / "hits.tsv", rows)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(_tables, "_BLOCK_BYTES", size)
        counts = annotate_table(source, folder / "out.tsv.gz", Annotations(**asked))
    assert counts == (len(rows), 0, 0)
    expected = annotate_hits(frame(rows), **asked)
    (folder / "out.tsv").write_bytes(gzip.decompress((folder / "out.tsv.gz").read_bytes()))
    found = read(folder / "out.tsv")
    assert [{name: text(value) for name, value in row.items()} for row in expected.to_dicts()] == (
        found
    )


def test_table__of_no_hits_gets_its_columns(tmp_path) -> None:
    bed = lines(tmp_path / "a.bed", [("chr1", 0, 15)])
    source = write(tmp_path / "hits.tsv", [])
    asked = Annotations({"a": bed}, bases=True, tss=bed, summits=bed)
    assert annotate_table(source, tmp_path / "out.tsv", asked) == (0, 0, 0)
    added = ["a", "a_bases", "tss_distance", "tss_gene", "summit_distance"]
    assert (tmp_path / "out.tsv").read_text().split() == [*COLUMNS, *added]
    assert annotate_hits(source, beds={"a": bed}).is_empty()


def test_table__columns_of_the_same_name_are_replaced(tmp_path) -> None:
    one = lines(tmp_path / "1.bed", [("chr1", 0, 15)])
    two = lines(tmp_path / "2.bed", [("chr1", 50, 60)])
    source = write(tmp_path / "hits.tsv", [hit()])
    annotate_table(source, tmp_path / "one.tsv", Annotations({"a": one}))
    annotate_table(tmp_path / "one.tsv", tmp_path / "two.tsv", Annotations({"a": two}))
    (row,) = read(tmp_path / "two.tsv")
    assert row["a"] == "0"
    assert list(row) == [*COLUMNS, "a"]


def test_table__that_exists_is_replaced_only_when_asked(tmp_path) -> None:
    bed = lines(tmp_path / "1.bed", [("chr1", 0, 15)])
    source = write(tmp_path / "hits.tsv", [hit()])
    (tmp_path / "out.tsv").write_text("precious")
    with pytest.raises(RunError, match="exists already"):
        annotate_table(source, tmp_path / "out.tsv", Annotations({"a": bed}))
    assert (tmp_path / "out.tsv").read_text() == "precious"
    annotate_table(source, tmp_path / "out.tsv", Annotations({"a": bed}), overwrite=True)
    assert read(tmp_path / "out.tsv")[0]["a"] == "1"


def test_table__damage_leaves_nothing_behind(tmp_path) -> None:
    bed = lines(tmp_path / "1.bed", [("chr1", 0, 15)])
    source = write(tmp_path / "hits.tsv", [hit(), hit() | {"end": "x"}])
    with pytest.raises(ReadError, match="line 3, column end"):
        annotate_table(source, tmp_path / "out.tsv", Annotations({"a": bed}))
    with pytest.raises(ReadError, match="line 3, column end"):
        annotate_hits(source, beds={"a": bed})
    assert sorted(path.name for path in tmp_path.iterdir()) == ["1.bed", "hits.tsv"]


def test_hits__of_a_store_are_those_of_its_table(tmp_path, hits_store, regions) -> None:
    write_tables(hits_store, tmp_path / "tables")
    bed = lines(
        tmp_path / "a.bed",
        [
            (chrom, start + 20, start + 45)
            for chrom, start in zip(
                regions["region_chrom"].values, regions["region_start"].values, strict=True
            )
        ],
    )
    from_store = annotate_hits(hits_store, beds={"a": bed}, bases=True)
    from_table = annotate_hits(tmp_path / "tables" / "hits.tsv", beds={"a": bed}, bases=True)
    assert len(from_store) == 100
    assert 0 < from_store["a"].sum() < 100
    keys = ["chr", "start", "start_untrimmed", "motif_name", "strand", "peak_name", "peak_id"]
    names = [*keys, "end", "end_untrimmed", "hit_coefficient", "a", "a_bases"]
    assert from_store.select(names).sort(keys).equals(from_table.select(names).sort(keys))


def test_hits__of_pandas_will_do(tmp_path) -> None:
    import pandas as pd

    bed = lines(tmp_path / "a.bed", [("chr1", 0, 15)])
    found = annotate_hits(pd.DataFrame([hit(), hit(start=30, end=33)]), beds={"a": bed})
    assert found["a"].to_list() == [1, 0]
    assert found["hit_coefficient"].to_list() == [1.5, 1.5]


def test_hits__without_places_are_an_error(tmp_path) -> None:
    with pytest.raises(ReadError, match=r"no column chr, end \(found start\)"):
        annotate_hits(pl.DataFrame({"start": [1]}), tss=tmp_path / "t.bed")


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ({}, "nothing to annotate with"),
        ({"beds": {"chr": "a.bed"}}, "chr is a column of the hits"),
        ({"beds": {"hit_x": "a.bed"}}, "hit_x is a column of the hits"),
        ({"beds": {"": "a.bed"}}, "cannot be the name"),
        ({"beds": {"a\tb": "a.bed"}}, "cannot be the name"),
        ({"beds": {"tss_gene": "a.bed"}, "tss": "b.bed"}, "two columns would have the name"),
        ({"beds": {"a": "1", "a_bases": "2"}, "bases": True}, "two columns would have the name"),
    ],
)
def test_names__that_cannot_be_are_errors(asked: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        annotate_hits(frame([hit()]), **asked)


def test_progress__counts_hits(tmp_path, monkeypatch) -> None:
    shown = []

    @contextmanager
    def progress(*asked):
        shown.append(asked)
        yield shown.append

    monkeypatch.setattr(job_module, "progress", progress)
    bed = lines(tmp_path / "1.bed", [("chr1", 0, 15)])
    source = write(tmp_path / "hits.tsv", [hit(), hit()])
    annotate_table(source, tmp_path / "out.tsv", Annotations({"a": bed}))
    assert shown == [("annotate", 2), 2]


def test_hits__of_tracks_say_which(tmp_path, reader, regions, motifs, solver) -> None:
    both = np.stack([regions["region_contributions"].values, regions["region_contributions"] * 2])
    tracks = regions.assign(region_contributions=(("track", "region", "position"), both))
    tracks = tracks.assign_coords(track=["a", "b"])
    extract_regions(reader(tracks), tmp_path / "tracks.zarr")
    call_hits(tmp_path / "tracks.zarr", motifs, tmp_path / "hits.zarr", solver=solver)
    chroms = sorted(set(regions["region_chrom"].values.tolist()))
    bed = lines(tmp_path / "a.bed", [(chrom, 0, 100_000) for chrom in chroms])
    found = annotate_hits(tmp_path / "hits.zarr", beds={"a": bed})
    assert found["track"].value_counts(sort=True).rows() == [("a", 100), ("b", 100)]
    assert found["a"].to_list() == [1] * 200
