import polars as pl
import pytest

from finemo_zarr.export import FORMATS


def test_export__help_lists_the_formats(run) -> None:
    shown = run("export", "--help").out
    for name, made in FORMATS.items():
        assert f"{name} " in shown
        assert made.summary in shown


def test_export__writes_and_says_how_many(run, hits_store, tmp_path) -> None:
    result = run("export", "-F", "parquet", "-i", hits_store, "-o", tmp_path / "h.parquet")
    assert (result.code, result.err) == (0, "")
    found = pl.read_parquet(tmp_path / "h.parquet")
    assert result.out == f"{len(found):,} hits: {tmp_path / 'h.parquet'}\n"


@pytest.mark.parametrize(("name", "said"), [("meme", "3 motifs"), ("npz", "50 regions")])
def test_export__says_what_it_wrote(
    run, hits_store, regions_store, tmp_path, name: str, said: str
) -> None:
    out = tmp_path / "out"
    result = run("export", "-F", name, "-i", hits_store, "-r", regions_store, "-o", out)
    assert result.out == f"{said}: {out}\n"


@pytest.mark.parametrize("name", [name for name in FORMATS if name != "tfm-bed"])
def test_export__takes_every_format(run, hits_store, regions_store, tmp_path, name: str) -> None:
    args = ["-F", name, "-i", hits_store, "-r", regions_store, "-o", tmp_path / "out"]
    result = run("export", *args)
    assert (result.code, result.err) == (0, "")
    assert (tmp_path / "out").exists()
    again = run("export", *args)
    assert again.code == 1
    assert "exists already" in again.err
    assert run("export", *args, "--overwrite").code == 0


def test_export__chooses_hits(run, hits_store, tmp_path) -> None:
    names = ["pos_patterns.pattern_0", "pos_patterns.pattern_2"]
    args = ["-i", hits_store, "-o", tmp_path / "h.bed", "--min-similarity", 0.5]
    result = run("export", "-F", "bed", *args, "--motifs", *names)
    assert (result.code, result.err) == (0, "")
    rows = [line.split("\t") for line in (tmp_path / "h.bed").read_text().splitlines()]
    assert {row[3] for row in rows} == {"pos_patterns.pattern_0"}
    assert len(rows) == 50


def test_export__explains_itself(run, hits_store, tmp_path) -> None:
    unknown = run("export", "-F", "gff", "-i", hits_store, "-o", tmp_path / "h")
    assert unknown.code == 2
    both = run(
        "export",
        "-F",
        "bed",
        "-i",
        hits_store,
        "-o",
        tmp_path / "h",
        "--genome",
        "a",
        "--fasta",
        "b",
    )
    assert both.code == 2
    assert "give one of them" in both.err
    scores = run("export", "-F", "npz", "-i", hits_store, "-o", tmp_path / "h")
    assert scores.code == 1
    assert "-r/--regions" in scores.err
