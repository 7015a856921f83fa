import numpy as np
import pytest
from hit_rows import place, read, rows, write
from hypothesis import given, settings
from hypothesis import strategies as st

from finemo_zarr import store
from finemo_zarr.errors import ReadError, RunError
from finemo_zarr.execution.check import check_store
from finemo_zarr.export import write_tables
from finemo_zarr.intervals import Intervals
from finemo_zarr.postprocess.cluster import ClusterOptions, cluster_hits, single_linkage

DISTANCES = st.integers(-6, 4)


def oracle(found: list[dict], max_dist: int, by_motif: bool) -> list[set[int]]:
    """Clusters by the definition: hits are linked one by one, and links are followed."""

    def key(row):
        return (place(row), row["motif_name"] if by_motif else None)

    order = sorted(range(len(found)), key=lambda i: found[i]["start"])
    clusters = [{i} for i in range(len(found))]
    for position, j in enumerate(order):
        for i in order[:position]:
            linked = found[j]["start"] <= found[i]["end"] + max_dist
            if key(found[i]) == key(found[j]) and linked and clusters[i] is not clusters[j]:
                clusters[i] |= clusters[j]
                for member in clusters[j]:
                    clusters[member] = clusters[i]
    return clusters


def best(found: list[dict], members: set[int]) -> int:
    """The most similar, of equal ones the first by start."""
    score = {i: found[i]["hit_similarity"] for i in members}
    order = sorted(members, key=lambda i: (found[i]["start"], i))
    return max(order, key=lambda i: -1.0 if score[i] is None else score[i])


def ranked(found: list[dict]) -> bool:
    """Whether there is a score to find the best by."""
    return not found or any(row["hit_similarity"] is not None for row in found)


@settings(deadline=None)
@given(rows().filter(ranked), DISTANCES, st.booleans(), st.booleans())
def test_cluster__is_what_links_give(tmp_path_factory, found, max_dist, by_motif, merge):
    folder = tmp_path_factory.mktemp("hits")
    source = write(folder / "hits.tsv", found)
    options = ClusterOptions(max_dist, by_motif, merge)
    counts = cluster_hits(source, folder / "out.tsv", options)
    clusters = oracle(found, max_dist, by_motif)
    winners = {best(found, members) for members in clusters}
    assert counts == (len(found), len(winners))
    made = read(folder / "out.tsv")
    for index, (row, given_row) in enumerate(zip(made, found, strict=True)):
        assert row["is_primary"] == str(int(index in winners))
        span = (given_row["start"], given_row["end"])
        if merge and index in winners:
            members = [found[i] for i in clusters[index]]
            span = (min(m["start"] for m in members), max(m["end"] for m in members))
        assert (int(row["start"]), int(row["end"])) == span
        assert row["motif_name"] == given_row["motif_name"]


@settings(deadline=None)
@given(rows(tracks=True).filter(ranked), DISTANCES)
def test_cluster__keeps_tracks_apart(tmp_path_factory, found, max_dist):
    folder = tmp_path_factory.mktemp("hits")
    cluster_hits(write(folder / "a.tsv", found), folder / "b.tsv", ClusterOptions(max_dist))
    winners = {best(found, members) for members in oracle(found, max_dist, by_motif=False)}
    marks = [row["is_primary"] == "1" for row in read(folder / "b.tsv")]
    assert marks == [index in winners for index in range(len(found))]


def test_cluster__compares_numbers_not_words():
    places = Intervals(np.zeros(4, int), np.array([0, 5, 50, 55]), np.array([10, 15, 60, 65]))
    found = single_linkage(places, np.array([9.0, 10.0, 1e-05, 0.5]))
    assert found.best.tolist() == [False, True, False, True]
    assert found.start.tolist() == [0, 0, 50, 50]
    assert found.end.tolist() == [15, 15, 65, 65]


@pytest.mark.parametrize(("max_dist", "count"), [(0, 1), (-1, 2), (-3, 2), (5, 1)])
def test_cluster__joins_what_touches_and_asks_for_overlap_below_zero(max_dist, count):
    places = Intervals(np.zeros(2, int), np.array([0, 10]), np.array([10, 20]))
    found = single_linkage(places, np.zeros(2), max_dist)
    assert len(set(found.cluster.tolist())) == count
    assert found.best.tolist() == [True, count == 2]


def test_cluster__takes_any_number_before_none():
    places = Intervals(np.zeros(3, int), np.zeros(3, int), np.full(3, 5))
    found = single_linkage(places, np.array([np.nan, -np.inf, np.nan]))
    assert found.best.tolist() == [False, True, False]
    assert single_linkage(places.take(slice(0)), np.zeros(0)).best.size == 0


def test_cluster__ranks_by_any_column(tmp_path):
    text = "chr\tstart\tend\tmotif_name\tstrand\thit_coefficient\thit_similarity\tlog_odds\n"
    lines = ["chr1\t0\t10\tA\t+\t3\t0.9\t9.0", "chr1\t5\t15\tB\t-\t1\t0.5\t10.0"]
    (tmp_path / "a.tsv").write_text(text + "\n".join(lines))
    cluster_hits(tmp_path / "a.tsv", tmp_path / "b.tsv", ClusterOptions(score="log_odds"))
    assert [row["is_primary"] for row in read(tmp_path / "b.tsv")] == ["0", "1"]
    again = ClusterOptions(score="hit_coefficient")
    cluster_hits(tmp_path / "b.tsv", tmp_path / "c.tsv", again)
    assert [row["is_primary"] for row in read(tmp_path / "c.tsv")] == ["1", "0"]
    merged = ClusterOptions(score="log_odds", merge_coordinates=True)
    cluster_hits(tmp_path / "c.tsv", tmp_path / "merged.tsv", merged)
    assert [list(row.values())[1:3] for row in read(tmp_path / "merged.tsv")] == [
        ["0", "10"],
        ["0", "15"],
    ]
    with pytest.raises(ReadError, match="no column depth"):
        cluster_hits(tmp_path / "a.tsv", tmp_path / "d.tsv", ClusterOptions(score="depth"))
    with pytest.raises(RunError, match="exists"):
        cluster_hits(tmp_path / "a.tsv", tmp_path / "c.tsv")


def test_cluster__of_a_store_marks_what_its_table_marks(tmp_path, hits_store):
    options = ClusterOptions(max_dist=40, score="hit_coefficient_global")
    counts = cluster_hits(hits_store, tmp_path / "out.zarr", options)
    made = store.open_hits(tmp_path / "out.zarr")
    assert 0 < counts.primary < counts.hits
    assert int(made.hits["hit_is_primary"].sum()) == counts.primary
    check_store(tmp_path / "out.zarr")
    write_tables(hits_store, tmp_path / "t")
    assert cluster_hits(tmp_path / "t" / "hits.tsv", tmp_path / "t.tsv", options) == counts
    write_tables(tmp_path / "out.zarr", tmp_path / "u")
    marks = [row["is_primary"] for row in read(tmp_path / "u" / "hits.tsv")]
    assert marks == [row["is_primary"] for row in read(tmp_path / "t.tsv")]


def test_cluster__asks_for_a_score_that_a_hit_has(tmp_path, hits_store):
    options = ClusterOptions(score="hit_importance")  # which this solver does not give
    write_tables(hits_store, tmp_path / "t")
    for source, out in ((hits_store, "o.zarr"), (tmp_path / "t" / "hits.tsv", "o.tsv")):
        with pytest.raises(RunError, match=r"no hit has a hit_importance.*\(--score\)"):
            cluster_hits(source, tmp_path / out, options)
        assert not (tmp_path / out).exists()


def test_cluster__says_what_a_store_cannot(tmp_path, hits_store):
    merge = ClusterOptions(merge_coordinates=True)
    with pytest.raises(RunError, match=r"collapse its hits\.tsv"):
        cluster_hits(hits_store, tmp_path / "out.zarr", merge)
    with pytest.raises(RunError, match=r"whose name ends in \.zarr"):
        cluster_hits(hits_store, tmp_path / "out.tsv")
    with pytest.raises(ReadError, match=r"no score hit_depth; there are hit_coeff.*hit_similar"):
        cluster_hits(hits_store, tmp_path / "out.zarr", ClusterOptions(score="hit_depth"))
    table = write(tmp_path / "a.tsv", [])
    with pytest.raises(RunError, match=r"name it \.tsv"):
        cluster_hits(table, tmp_path / "out.zarr")
    assert cluster_hits(table, tmp_path / "out.tsv") == (0, 0)
