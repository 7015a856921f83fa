import pytest

from finemo_zarr import store
from finemo_zarr.cli import merge_heads as module
from finemo_zarr.execution import load_motifs
from finemo_zarr.execution.check import check_store


def test_merge_heads__writes_what_call_hits_writes_and_the_matches(run, hits_store, tmp_path):
    out = tmp_path / "merged"
    result = run("merge-heads", hits_store, hits_store, "-o", out, "--names", "count", "profile")
    assert (result.code, result.err) == (0, "")
    count = store.open_hits(hits_store).hits.sizes["hit"]
    assert "3 motifs, 3 of them of both heads" in result.out
    assert f"{2 * count:,} hits, " in result.out
    assert check_store(out).state == "ok"
    assert store.open_hits(out).hits.sizes["hit"] == 2 * count
    assert len((out / "hits.tsv").read_text().splitlines()) == 2 * count + 1
    header, *rows = ((out / "matches.tsv").read_text()).splitlines()
    assert header.split("\t") == [
        "motif_name", "count", "profile", "similarity", "strand", "shift", "best_similarity",
        "num_hits_count", "num_hits_profile", "num_primary",
    ]  # fmt: skip
    assert [row.split("\t")[3:6] for row in rows] == [["1", "+", "0"]] * 3
    names = load_motifs([out])["motif_name"].values.tolist()
    assert names == [row.split("\t")[0] for row in rows]
    assert (out / "matches.png").stat().st_size > 1000


def test_merge_heads__options_reach_the_merge(run, hits_store, tmp_path):
    out = tmp_path / "merged"
    args = ["--min-similarity", 1, "--max-dist", 60, "--by-motif", "--no-figure"]
    result = run("merge-heads", hits_store, hits_store, "-o", out, *args)
    assert (result.code, result.err) == (0, "")
    options = store.read_info(out / "hits.zarr").provenance["options"]
    assert (options["min_similarity"], options["max_dist"], options["by_motif"]) == (1, 60, True)
    assert not (out / "matches.png").exists()


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (["--names", "a"], "--names has a, expected two different names"),
        (["--names", "a", "a"], "--names has a a, expected two different names"),
        (["--min-similarity", "2"], "expected a number from -1 to 1"),
    ],
)
def test_merge_heads__options_must_make_sense(run, hits_store, tmp_path, args, message):
    result = run("merge-heads", hits_store, hits_store, "-o", tmp_path / "m", *args)
    assert result.code == 2
    assert message in result.err
    assert not (tmp_path / "m").exists()


def test_merge_heads__refuses_output_that_exists(run, hits_store, tmp_path):
    args = ["merge-heads", hits_store, hits_store, "-o", tmp_path / "m", "--no-figure"]
    assert run(*args).code == 0
    assert "exists already" in run(*args).err
    assert run(*args, "--overwrite").code == 0


def test_merge_heads__a_missing_score_leaves_nothing(run, hits_store, tmp_path):
    result = run(
        "merge-heads", hits_store, hits_store, "-o", tmp_path / "m", "--score", "hit_depth"
    )
    assert result.code == 1
    assert "no score hit_depth" in result.err
    assert not (tmp_path / "m").exists()


def test_merge_heads__help_has_examples(run):
    assert "finemo-zarr merge-heads counts profile" in run("merge-heads", "--help").out
    assert module.make_command().short_help
