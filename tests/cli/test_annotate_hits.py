from pathlib import Path

import pytest

from finemo_zarr.execution import call_hits, extract_regions
from finemo_zarr.export import write_tables
from finemo_zarr.model import create_regions

HEADER = "##fileformat=VCFv4.2\n#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\n"


def read(path: Path) -> list[dict[str, str]]:
    header, *lines = path.read_text().splitlines()
    names = header.split("\t")
    return [dict(zip(names, line.split("\t"), strict=True)) for line in lines]


@pytest.fixture
def table(tmp_path, hits_store) -> Path:
    write_tables(hits_store, tmp_path / "tables")
    return tmp_path / "tables" / "hits.tsv"


@pytest.fixture
def all_chroms(tmp_path) -> Path:
    """A BED file of which every hit is part."""
    path = tmp_path / "all.bed"
    path.write_text("".join(f"chr{k}\t0\t1000000\n" for k in (1, 2, 3)))
    return path


@pytest.fixture
def variants(tmp_path, table) -> Path:
    """The second base of the core of every hit changes."""
    rows = [f"{row['chr']}\t{int(row['start']) + 2}\t.\tA\tC\t.\t.\t.\n" for row in read(table)]
    path = tmp_path / "v.vcf"
    path.write_text(HEADER + "".join(sorted(set(rows))))
    return path


def test_annotate__adds_all_columns_to_a_table(run, tmp_path, table, files, all_chroms) -> None:
    out = tmp_path / "out.tsv"
    result = run(
        "annotate-hits", "-i", table, "-o", out, "--bed", f"here={all_chroms}",
        f"peaks={files.peaks}", "--bed-bases", "--tss", all_chroms, "--summits", files.peaks,
    )  # fmt: skip
    assert result.code == 0, result.err
    assert result.out == f"100 hits: {out}\n"
    before, after = read(table), read(out)
    added = ["here", "here_bases", "peaks", "peaks_bases", "tss_distance", "tss_gene"]
    assert list(after[0]) == [*before[0], *added, "summit_distance"]
    for old, new in zip(before, after, strict=True):
        assert {name: new[name] for name in old} == old
        assert new["here"] == "1"
        assert new["here_bases"] == str(int(new["end"]) - int(new["start"]))
        assert int(new["tss_distance"]) == (int(new["start"]) + int(new["end"])) // 2
        assert abs(int(new["summit_distance"])) <= 40


def test_annotate__takes_a_store_with_its_motifs(run, tmp_path, hits_store, variants) -> None:
    out = tmp_path / "out.tsv"
    result = run("annotate-hits", "-i", hits_store, "-o", out, "--variants", variants)
    assert result.code == 0, result.err
    rows, pairs = read(out), read(tmp_path / "out_variants.tsv")
    assert all(int(row["n_variants"]) >= 1 for row in rows)
    assert sum(int(row["n_variants"]) for row in rows) == len(pairs)
    assert result.out.splitlines() == [
        f"100 hits: {out}",
        f"100 of them touched by a variant, {len(pairs)} pairs: {tmp_path / 'out_variants.tsv'}",
    ]
    forward = [row for row in pairs if row["core_position"] == "1"]
    assert len(forward) == 100
    assert all(row["hcwm_change"] != "NaN" for row in pairs)


def test_annotate__takes_a_table_with_motifs_of_a_store(
    run, tmp_path, table, hits_store, variants
) -> None:
    args = ("annotate-hits", "--variants", variants, "--variant-flanks")
    one, two = tmp_path / "1.tsv.gz", tmp_path / "2.tsv.gz"
    assert run(*args, "-i", hits_store, "-o", one).code == 0
    assert run(*args, "-i", table, "-o", two, "--motifs", hits_store).code == 0
    assert one.read_bytes() == two.read_bytes()
    names = [tmp_path / f"{k}_variants.tsv.gz" for k in (1, 2)]
    assert names[0].read_bytes() == names[1].read_bytes()


def test_annotate__chromosomes_of_other_names_are_one_line(run, tmp_path, table) -> None:
    (tmp_path / "a.bed").write_text("1\t5\t10\n")
    result = run(
        "annotate-hits", "-i", table, "-o", tmp_path / "o.tsv", "--bed", f"a={tmp_path}/a.bed"
    )
    assert result.code == 1
    assert "none of its chromosomes (1) is one of the hits' (chr1, chr2, chr3)" in result.err
    assert not (tmp_path / "o.tsv").exists()


def test_annotate__missing_chromosomes_are_a_warning(run, tmp_path, table) -> None:
    (tmp_path / "a.bed").write_text("chr1\t5\t10\n")
    result = run(
        "annotate-hits", "-i", table, "-o", tmp_path / "o.tsv", "--bed", f"a={tmp_path}/a.bed"
    )
    assert result.code == 0
    assert "nothing on 2 of the 3 chromosomes of the hits: chr2, chr3" in result.err


def test_annotate__output_is_replaced_only_when_asked(run, tmp_path, table, all_chroms) -> None:
    args = ("annotate-hits", "-i", table, "-o", tmp_path / "o.tsv", "--bed", f"a={all_chroms}")
    assert run(*args).code == 0
    result = run(*args)
    assert result.code == 1
    assert "exists already" in result.err
    assert run(*args, "--overwrite").code == 0


@pytest.mark.parametrize(
    ("args", "message"),
    [
        ((), "nothing to annotate with"),
        (("--bed", "a.bed"), "--bed a.bed: expected NAME=FILE"),
        (("--bed", "a=1.bed", "a=2.bed"), "gives the name a twice"),
        (("--bed", "start=1.bed"), "start is a column of the hits"),
        (("--tss", "t.bed", "--bed-bases"), "--bed-bases counts bases of --bed"),
        (("--tss", "t.bed", "--variant-flanks"), "are for --variants"),
        (("--variants", "v.vcf"), "without motifs, which --variants needs"),
    ],
)
def test_annotate__what_cannot_be_is_a_usage_error(run, tmp_path, table, args, message) -> None:
    result = run("annotate-hits", "-i", table, "-o", tmp_path / "o.tsv", *args)
    assert result.code == 2
    assert message in " ".join(result.err.split())


def test_annotate__hits_that_are_missing_are_an_error(run, tmp_path, all_chroms) -> None:
    result = run(
        "annotate-hits", "-i", tmp_path / "no.tsv", "-o", tmp_path / "o.tsv", "--tss", all_chroms
    )
    assert result.code == 1
    assert "no.tsv: no such file" in result.err


def test_annotate__an_error_names_the_store_that_was_given(
    run, tmp_path, regions, reader, motifs, solver, all_chroms
) -> None:
    bare = create_regions(regions["region_sequence"].data, regions["region_contributions"].data)
    extract_regions(reader(bare), tmp_path / "bare.zarr")
    call_hits(tmp_path / "bare.zarr", motifs, tmp_path / "h.zarr", solver=solver)
    out = tmp_path / "o.tsv"
    result = run("annotate-hits", "-i", tmp_path / "h.zarr", "--bed", f"x={all_chroms}", "-o", out)
    assert result.code == 1
    assert f"Error: {tmp_path / 'h.zarr'}: the hits have no chromosomes" in result.err
