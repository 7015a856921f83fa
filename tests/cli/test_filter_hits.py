import gzip
from contextlib import contextmanager

import numpy as np
import pytest

from finemo_zarr import store
from finemo_zarr.cli import filter_hits as module
from finemo_zarr.postprocess import _scores, collapse_hits


def test_filter_hits__writes_a_store_its_thresholds_and_figures(run, hits_store, tmp_path):
    out = tmp_path / "kept.zarr"
    result = run("filter-hits", "-i", hits_store, "-o", out)
    assert (result.code, result.err) == (0, "")
    kept = store.open_hits(out).hits.sizes["hit"]
    assert f"{kept:,} of them kept: {out}" in result.out
    lines = (tmp_path / "kept.filter" / "thresholds.tsv").read_text().splitlines()
    columns = lines[0].split("\t")
    assert columns[:3] == ["motif_name", "num_hits", "num_kept"]
    assert columns[3:] == [
        "importance_threshold",
        "sufficient_importance",
        "similarity_threshold",
    ]
    assert sum(int(line.split("\t")[2]) for line in lines[1:]) == kept
    figures = sorted(path.name for path in (tmp_path / "kept.filter").glob("*.png"))
    assert figures == sorted(f"{line.split(chr(9))[0]}.png" for line in lines[1:])


@pytest.mark.parametrize("name", ["kept.tsv", "kept.tsv.gz"])
def test_filter_hits__a_store_may_become_a_table(run, hits_store, tmp_path, name):
    args = ["-i", hits_store, "--method", "exponential", "--max-figures", "0"]
    assert run("filter-hits", *args, "-o", tmp_path / "kept.zarr").code == 0
    result = run("filter-hits", *args, "-o", tmp_path / name, "--overwrite")
    assert (result.code, result.err) == (0, "")
    data = (tmp_path / name).read_bytes()
    text = (gzip.decompress(data) if name.endswith(".gz") else data).decode()
    rows = store.open_hits(tmp_path / "kept.zarr").hits.sizes["hit"]
    assert len(text.splitlines()) == rows + 1
    assert [path.name for path in (tmp_path / "kept.filter").iterdir()] == ["thresholds.tsv"]


def test_filter_hits__filters_a_table_by_any_column(run, tmp_path):
    scores = np.random.default_rng(0).exponential(1, 300).round(3).tolist()
    rows = [f"c\t{i}\t{i + 4}\t{score}" for i, score in enumerate(scores)]
    (tmp_path / "a.tsv").write_text("\n".join(["chr\tstart\tend\tlog_odds", *rows]))
    args = ["-i", tmp_path / "a.tsv", "--method", "exponential", "--score", "log_odds"]
    result = run("filter-hits", *args, "-o", tmp_path / "b.tsv")
    assert (result.code, result.err) == (0, "")
    kept = (tmp_path / "b.tsv").read_text().splitlines()[1:]
    assert set(kept) < set(rows)
    assert (tmp_path / "b.filter" / "log_odds.png").exists()
    larger = run("filter-hits", *args, "-o", tmp_path / "c.tsv", "--share", "0.5")
    assert larger.code == 0
    assert len((tmp_path / "c.tsv").read_text().splitlines()) - 1 < len(kept)


def test_filter_hits__options_reach_the_filter(run, hits_store, tmp_path):
    collapse_hits(hits_store, tmp_path / "c.zarr")
    args = [
        "--primary", "--importance", 0.6, "--sufficient", 0.7, "--similarity", 0.9,
        "--window", 60, "--seed", 5, "-r", tmp_path / "regions.zarr",
    ]  # fmt: skip
    result = run("filter-hits", "-i", tmp_path / "c.zarr", "-o", tmp_path / "k.zarr", *args)
    assert (result.code, result.err) == (0, "")
    step = store.read_info(tmp_path / "k.zarr").provenance["steps"][-1]["options"]
    assert step == {
        "method": "isotonic",
        "importance": 0.6,
        "sufficient": 0.7,
        "similarity": 0.9,
        "window": 60,
        "seed": 5,
    }
    assert store.open_hits(tmp_path / "k.zarr").hits["hit_is_primary"].values.all()
    args = ["--primary", "-r", tmp_path / "regions.zarr", "--max-figures", 0]
    result = run("filter-hits", "-i", tmp_path / "c.zarr", "-o", tmp_path / "p.zarr", *args)
    hits = store.open_hits(tmp_path / "c.zarr").hits
    primary = int(hits["hit_is_primary"].sum())
    kept = store.open_hits(tmp_path / "p.zarr").hits.sizes["hit"]
    said = f"{hits.sizes['hit']:,} hits, {primary:,} of them primary, {kept:,} of those kept: "
    assert result.out.startswith(said)


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (["--importance", "1.5"], "--importance is 1.5, expected a number between 0 and 1"),
        (["--share", "1"], "--share is 1.0, expected a number between 0 and 1"),
        (["--window", "0"], "--window is 0, expected at least 1"),
        (["--share", "0.2"], "--share is for --method exponential, not isotonic"),
        (
            ["--method", "exponential", "--importance", "0.6"],
            "--importance is for --method isotonic, not exponential",
        ),
    ],
)
def test_filter_hits__options_must_make_sense(run, hits_store, tmp_path, args, message):
    result = run("filter-hits", "-i", hits_store, "-o", tmp_path / "k.zarr", *args)
    assert result.code == 2
    assert message in result.err
    assert not (tmp_path / "k.zarr").exists()


def test_filter_hits__says_what_a_table_cannot(run, tmp_path):
    (tmp_path / "a.tsv").write_text("chr\tstart\tend\tx\nc\t0\t4\t1\n")
    table = tmp_path / "a.tsv"
    result = run("filter-hits", "-i", table, "-o", tmp_path / "b.tsv")
    assert result.code == 2
    assert "need a hits store" in result.err
    args = ["--method", "exponential", "--score", "x"]
    result = run("filter-hits", "-i", table, "-o", tmp_path / "b.zarr", *args)
    assert "a table becomes a table" in result.err
    result = run("filter-hits", "-i", table, "-o", tmp_path / "b", *args)
    assert "a name that ends in .zarr, .tsv or .tsv.gz" in result.err
    result = run("filter-hits", "-i", table, "-o", tmp_path / "b.tsv", "--method", "exponential")
    assert result.code == 1
    assert "no column hit_imp_frac (found chr, start, end, x); name that of the" in result.err
    assert "(--score)" in result.err
    result = run("filter-hits", "-i", tmp_path / "none", "-o", tmp_path / "b.tsv")
    assert (result.code, "none: no such file; expected a hits store" in result.err) == (1, True)
    assert [path.name for path in tmp_path.iterdir()] == ["a.tsv"]


def test_filter_hits__leaves_nothing_behind_if_it_fails(run, hits_store, tmp_path):
    before = sorted(path.name for path in tmp_path.iterdir())
    result = run("filter-hits", "-i", hits_store, "-o", tmp_path / "k.zarr", "--primary")
    assert result.code == 1
    assert "collapse-hits" in result.err
    assert sorted(path.name for path in tmp_path.iterdir()) == before


def test_filter_hits__writes_no_hits_if_the_figures_cannot_be_made(
    run, hits_store, tmp_path, monkeypatch
):
    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(module, "_draw", interrupted)
    assert run("filter-hits", "-i", hits_store, "-o", tmp_path / "k.zarr").code == 130
    assert not list(tmp_path.glob("*k.*"))


def test_filter_hits__refuses_output_that_exists(run, hits_store, tmp_path):
    args = ["filter-hits", "-i", hits_store, "-o", tmp_path / "k.zarr", "--max-figures", "0"]
    assert run(*args).code == 0
    result = run(*args)
    assert result.code == 1
    assert "exists already" in result.err
    assert run(*args, "--overwrite").code == 0
    # A folder with something else in it is not replaced.
    (tmp_path / "k.filter" / "notes.txt").write_text("mine")
    assert run(*args, "--overwrite").code == 1
    assert (tmp_path / "k.filter" / "notes.txt").exists()


def test_filter_hits__help_has_examples(run):
    assert "finemo-zarr filter-hits -i" in run("filter-hits", "--help").out
    assert module.make_command().short_help


def test_filter_hits__tells_how_far_it_is(run, hits_store, tmp_path, monkeypatch):
    told = []

    @contextmanager
    def progress(label, total):
        done = []
        yield lambda count=1: done.append(count)
        told.append((label, total, sum(done)))

    for each in (module, _scores):
        monkeypatch.setattr(each, "progress", progress)
    assert run("filter-hits", "-i", hits_store, "-o", tmp_path / "k.zarr").code == 0
    regions = store.open_hits(hits_store).qc.sizes["region"]
    figures = len(list((tmp_path / "k.filter").glob("*.png")))
    assert told == [("look at windows", regions, regions), ("draw", figures, figures)]
