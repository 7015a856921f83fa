import gzip
from pathlib import Path

import pytest

from finemo_zarr import store
from finemo_zarr.cli import collapse_hits as module
from finemo_zarr.export import write_tables
from finemo_zarr.postprocess import collapse_hits

ROWS = "chr\tstart\tend\thit_similarity\nc\t0\t10\t0.9\nc\t6\t16\t0.7\nc\t12\t22\t0.5\n"


@pytest.fixture
def table(tmp_path: Path) -> Path:
    (tmp_path / "hits.tsv").write_text(ROWS)
    return tmp_path / "hits.tsv"


def marks(path: Path) -> str:
    return "".join(line[-1] for line in path.read_text().splitlines()[1:])


def test_collapse_hits__marks_a_table(run, table, tmp_path) -> None:
    result = run("collapse-hits", "-i", table, "-o", tmp_path / "out.tsv")
    assert (result.code, result.err) == (0, "")
    assert result.out == f"3 hits, 1 of them primary: {tmp_path / 'out.tsv'}\n"
    assert marks(tmp_path / "out.tsv") == "100"


def test_collapse_hits__options_reach_the_rule(run, table, tmp_path) -> None:
    for args, expected in (
        (["--method", "greedy"], "101"),
        (["-O", "0.5"], "111"),
        (["--overlap-frac", "0.4"], "100"),
    ):
        assert (
            run("collapse-hits", "-i", table, "-o", tmp_path / "o", *args, "--overwrite").code == 0
        )
        assert marks(tmp_path / "o") == expected


def test_collapse_hits__clusters_reach_from_hit_to_hit(run, table, tmp_path) -> None:
    text = table.read_text().splitlines()
    scored = [text[0] + "\tlog_odds\tmotif_name"]
    rows = zip(text[1:], ("9.0", "10.0", "1e-05"), "ABA", strict=True)
    scored += [f"{line}\t{score}\t{motif}" for line, score, motif in rows]
    table.write_text("\n".join(scored))
    out = tmp_path / "o"
    for options, expected in (
        ([], "100"),
        (["--score", "log_odds"], "010"),
        (["--max-dist", "-5"], "111"),
        (["--max-dist", "-4"], "100"),
        (["--by-motif"], "111"),
        (["--by-motif", "--max-dist", "2"], "110"),
    ):
        args = ["-i", table, "-o", out, "--method", "cluster", *options, "--overwrite"]
        assert run("collapse-hits", *args).code == 0
        assert marks(out) == expected, options
    args = ["-i", table, "-o", out, "--method", "cluster", "--merge-coordinates", "--overwrite"]
    assert run("collapse-hits", *args).code == 0
    assert out.read_text().splitlines()[1].startswith("c\t0\t22\t0.9")


def test_collapse_hits__clusters_of_a_store_are_marked(run, hits_store, tmp_path) -> None:
    args = ["-i", hits_store, "--method", "cluster", "--score", "hit_coefficient_global"]
    assert run("collapse-hits", *args, "-o", tmp_path / "c.zarr").code == 0
    assert "hit_is_primary" in store.open_hits(tmp_path / "c.zarr").hits
    assert run("collapse-hits", *args, "-o", tmp_path / "c.tsv").code == 0
    result = run("collapse-hits", *args, "--merge-coordinates", "-o", tmp_path / "d.zarr")
    assert result.code == 1
    assert "collapse its hits.tsv" in result.err


def test_collapse_hits__a_folder_becomes_a_store_or_a_table(run, hits_store, tmp_path) -> None:
    folder = tmp_path / "called"
    folder.mkdir()
    hits_store.rename(folder / "hits.zarr")
    write_tables(folder, folder)
    for out in ("c.zarr", "c.tsv", "c.tsv.gz"):
        result = run("collapse-hits", "-i", folder, "-o", tmp_path / out)
        assert (result.code, result.err) == (0, "")
    assert "hit_is_primary" in store.open_hits(tmp_path / "c.zarr").hits
    collapse_hits(folder / "hits.tsv", tmp_path / "d.tsv")
    assert (tmp_path / "c.tsv").read_bytes() == (tmp_path / "d.tsv").read_bytes()
    assert (
        gzip.decompress((tmp_path / "c.tsv.gz").read_bytes()) == (tmp_path / "d.tsv").read_bytes()
    )
    assert not [path for path in tmp_path.iterdir() if path.name.startswith(".")]


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (["-O", "1.2"], "-O/--overlap-frac is 1.2, expected a number from 0 to 1"),
        (["-O", "nan"], "-O/--overlap-frac is nan, expected a number from 0 to 1"),
        (["--method", "best"], "'best' is not one of 'pairwise', 'greedy', 'cluster'"),
        (["--method", "cluster", "-O", "0.2"], "is not for --method cluster: give --max-dist"),
        (["--by-motif"], "--by-motif, --merge-coordinates and --score are for --method cluster"),
    ],
)
def test_collapse_hits__options_must_make_sense(run, table, tmp_path, args, message) -> None:
    result = run("collapse-hits", "-i", table, "-o", tmp_path / "out.tsv", *args)
    assert result.code == 2
    assert message in result.err
    assert [path.name for path in tmp_path.iterdir()] == ["hits.tsv"]


def test_collapse_hits__an_output_must_be_named_for_what_it_is(run, hits_store, tmp_path) -> None:
    result = run("collapse-hits", "-i", hits_store, "-o", tmp_path / "out")
    assert result.code == 2
    assert "a store, whose name ends in .zarr, or as a table, .tsv or .tsv.gz" in result.err


def test_collapse_hits__refuses_output_that_exists(run, table) -> None:
    result = run("collapse-hits", "-i", table, "-o", table)
    assert result.code == 1
    assert result.err.startswith(f"Error: {table}: exists already; ")
    assert run("collapse-hits", "-i", table, "-o", table, "--overwrite").code == 0
    assert marks(table) == "100"


def test_collapse_hits__refuses_a_regions_store(run, regions_store, tmp_path) -> None:
    for out in ("out.zarr", "out.tsv"):
        result = run("collapse-hits", "-i", regions_store, "-o", tmp_path / out)
        assert (result.code, result.err.count("\n")) == (1, 1)
        assert "expected a hits store" in result.err


def test_collapse_hits__help_has_examples(run) -> None:
    result = run("collapse-hits", "--help")
    assert "finemo-zarr collapse-hits -i" in result.out
    assert "Traceback" not in result.out
    assert module.make_command().short_help
