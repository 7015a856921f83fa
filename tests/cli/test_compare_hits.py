from pathlib import Path

import polars as pl
import pytest

from finemo_zarr.export import write_tables

HEADER = "chr\tstart\tend\tstrand\tmotif_name\thit_coefficient\thit_similarity\n"
FILES = ["compare.png", "compare.svg", "compare.tsv", "pairs.tsv"]


def row(start: int, motif: str, coefficient: float) -> str:
    return f"chr1\t{start}\t{start + 10}\t+\t{motif}\t{coefficient}\t0.9\n"


@pytest.fixture
def tables(tmp_path: Path) -> tuple[Path, Path]:
    a, b = tmp_path / "a.tsv", tmp_path / "b.tsv"
    a.write_text(HEADER + row(0, "X", 1) + row(50, "X", 2) + row(90, "X", 3) + row(200, "X", 4))
    b.write_text(HEADER + row(0, "X", 1) + row(50, "X", 3) + row(91, "X", 3) + row(205, "Y", 4))
    return a, b


def test_compare_hits__writes_tables_and_a_figure(run, tables, tmp_path) -> None:
    result = run("compare-hits", *tables, "-o", tmp_path / "out")
    assert (result.code, result.err) == (0, "")
    assert result.out.splitlines() == [
        f"A: 4 hits, {tables[0]}",
        f"B: 4 hits, {tables[1]}",
        "matched           2  (50.0% of A, 50.0% of B)",
        "moved             1  (25.0% of A, 25.0% of B)",
        "renamed           1  (25.0% of A, 25.0% of B)",
        "lost              0  (0.0% of A)",
        "new               0  (0.0% of B)",
        "coefficients of matched hits: Pearson 1.0000, Spearman 1.0000",
        f"written: {tmp_path / 'out'}",
    ]
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == FILES
    motifs = pl.read_csv(tmp_path / "out" / "compare.tsv", separator="\t")
    assert motifs["motif_name"].to_list() == ["X", "Y"]
    assert motifs["renamed_to"].to_list() == ["Y", None]
    pairs = pl.read_csv(tmp_path / "out" / "pairs.tsv", separator="\t")
    assert pairs["status"].to_list() == ["matched", "matched", "moved", "renamed"]
    assert pairs["hit_coefficient_b"].to_list() == [1, 3, 3, 4]


def test_compare_hits__options_reach_the_rule(run, tables, tmp_path) -> None:
    out = tmp_path / "out"
    result = run("compare-hits", *tables, "-o", out, "-O", "0.6", "--no-figure")
    assert "lost              1  (25.0% of A)" in result.out
    assert sorted(path.name for path in out.iterdir()) == FILES[2:]


def test_compare_hits__of_a_store_and_its_table(run, hits_store, tmp_path) -> None:
    write_tables(hits_store, tmp_path / "t")
    table = tmp_path / "t" / "hits.tsv"
    result = run("compare-hits", hits_store, table, "-o", tmp_path / "out")
    assert result.code == 0
    assert result.out.splitlines()[2].endswith("(100.0% of A, 100.0% of B)")


def test_compare_hits__of_nothing(run, tables, tmp_path) -> None:
    (tmp_path / "none.tsv").write_text(HEADER)
    none = tmp_path / "none.tsv"
    for number, pair in enumerate([(none, none), (none, tables[0]), (tables[0], none)]):
        result = run("compare-hits", *pair, "-o", tmp_path / f"out{number}")
        assert (result.code, result.err) == (0, "")
        assert "too few, or all the same" in result.out


def test_compare_hits__replaces_only_what_it_wrote(run, tables, tmp_path) -> None:
    out = tmp_path / "out"
    assert run("compare-hits", *tables, "-o", out).code == 0
    assert "exists already" in run("compare-hits", *tables, "-o", out).err
    assert run("compare-hits", *tables, "-o", out, "--overwrite").code == 0
    (out / "notes.txt").write_text("mine")
    result = run("compare-hits", *tables, "-o", out, "--overwrite")
    assert result.code == 1
    assert "what finemo-zarr did not write" in result.err
    assert (out / "notes.txt").exists()


def test_compare_hits__nothing_is_left_of_what_fails(run, tables, tmp_path) -> None:
    tables[1].write_text(HEADER + "chr1\t1\n")
    result = run("compare-hits", *tables, "-o", tmp_path / "out")
    assert (result.code, result.err.count("\n")) == (1, 1)
    assert "b.tsv: line 2 has 2 columns, expected 7" in result.err
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.tsv", "b.tsv"]


@pytest.mark.parametrize("share", ["-0.1", "2", "nan"])
def test_compare_hits__options_must_make_sense(run, tables, tmp_path, share) -> None:
    result = run("compare-hits", *tables, "-o", tmp_path / "out", f"-O{share}")
    assert result.code == 2
    assert "expected a number from 0 to 1" in result.err


def test_compare_hits__needs_two(run, tables, tmp_path) -> None:
    result = run("compare-hits", tables[0], "-o", tmp_path / "out")
    assert result.code == 2
    assert "Missing argument 'B'" in result.err


def test_compare_hits__help_has_examples(run) -> None:
    assert "finemo-zarr compare-hits default loose" in run("compare-hits", "--help").out
