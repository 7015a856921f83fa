from pathlib import Path

import pytest

from finemo_zarr.export import write_tables
from finemo_zarr.postprocess.intersect import RELAXED_KEYS, STRICT_KEYS

HEADER = "\t".join(STRICT_KEYS) + "\thit_coefficient\n"
ROW = "chr1\t{}\t9\t0\t12\tCTCF\t+\tp\t{}\t{}\n"


@pytest.fixture
def tables(tmp_path: Path) -> list[Path]:
    bodies = [
        ROW.format(3, 1, 0.5) + ROW.format(4, 1, 1.5),
        ROW.format(4, 1, 2.5) + ROW.format(4, 1, 3.5),
        ROW.format(4, 2, 4.5),
    ]
    paths = [tmp_path / f"{k}.tsv" for k in range(3)]
    for path, body in zip(paths, bodies, strict=True):
        path.write_text(HEADER + body)
    return paths


def test_intersect_hits__joins_two_tables(run, tables, tmp_path) -> None:
    result = run("intersect-hits", "-i", *tables[:2], "-o", tmp_path / "out.tsv")
    assert (result.code, result.err) == (0, "")
    more = (
        "1 of these rows are there because a table has the same hit more than once: each stands "
        "with each (1 different hits)"
    )
    assert result.out.splitlines() == [
        f"2 hits: {tables[0]}",
        f"2 hits: {tables[1]}",
        f"2 in all of them: {tmp_path / 'out.tsv'}",
        more,
    ]
    header, *rows = (tmp_path / "out.tsv").read_text().splitlines()
    assert header == HEADER.strip() + "\thit_coefficient_1"
    assert rows == [ROW.format(4, 1, "1.5\t2.5").strip(), ROW.format(4, 1, "1.5\t3.5").strip()]


def test_intersect_hits__relaxed_compares_less(run, tables, tmp_path) -> None:
    assert run("intersect-hits", "-i", *tables, "-o", tmp_path / "strict.tsv").code == 0
    assert len((tmp_path / "strict.tsv").read_text().splitlines()) == 1
    result = run("intersect-hits", "-r", "-i", *tables, "-o", tmp_path / "out.tsv")
    assert result.code == 0
    lines = (tmp_path / "out.tsv").read_text().splitlines()
    assert len(lines) == 1 + 2 * 2 * 1
    names = lines[0].split("\t")
    assert [name for name in names if name.endswith("_2")] == [
        f"{name}_2" for name in HEADER.split() if name not in RELAXED_KEYS
    ]


def test_intersect_hits__stores_and_their_tables_are_the_same(run, hits_store, tmp_path) -> None:
    write_tables(hits_store, tmp_path / "t")
    table = tmp_path / "t" / "hits.tsv"
    for name, pair in (("a", (table, table)), ("b", (hits_store, table)), ("c", (hits_store,) * 2)):
        assert run("intersect-hits", "-i", *pair, "-o", tmp_path / name).code == 0
    made = {(tmp_path / name).read_bytes() for name in "abc"}
    assert len(made) == 1
    assert made.pop().count(b"\n") == table.read_bytes().count(b"\n")


@pytest.mark.parametrize("count", [0, 1])
def test_intersect_hits__needs_two(run, tables, tmp_path, count) -> None:
    given = ["-i", *tables[:count]] if count else []
    result = run("intersect-hits", *given, "-o", tmp_path / "out.tsv")
    assert result.code == 2
    assert ("expected two or more" if count else "Missing option '-i'") in result.err


def test_intersect_hits__errors_are_one_line(run, tables, tmp_path) -> None:
    (tmp_path / "bad.tsv").write_text(HEADER.replace("peak_id", "peak"))
    result = run("intersect-hits", "-i", tables[0], tmp_path / "bad.tsv", "-o", tmp_path / "o")
    assert (result.code, result.err.count("\n")) == (1, 1)
    assert "bad.tsv: no column peak_id; -r compares fewer columns" in result.err
    result = run("intersect-hits", "-i", *tables, "-o", tables[0])
    assert "exists already" in result.err
    assert not (tmp_path / "o").exists()


def test_intersect_hits__help_has_examples(run) -> None:
    assert "finemo-zarr intersect-hits -r -i" in run("intersect-hits", "--help").out
