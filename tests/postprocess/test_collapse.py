import errno
import gzip
import sys
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
import xarray as xr
from hit_rows import place, read, rows, write
from hypothesis import given, settings
from hypothesis import strategies as st

from finemo_zarr import store
from finemo_zarr.errors import ReadError, RunError
from finemo_zarr.execution import CallOptions, call_hits, extract_regions
from finemo_zarr.execution.check import check_store
from finemo_zarr.export import write_tables
from finemo_zarr.model import create_hits, create_regions, validate
from finemo_zarr.postprocess import _stores, _tables, collapse, collapse_hits
from finemo_zarr.solvers.coordinate_descent import CoordinateDescent

module = sys.modules["finemo_zarr.postprocess.collapse"]

SHARES = st.sampled_from([0.0, 0.1, 0.2, 0.5, 0.7, 1.0])
METHODS = ("pairwise", "greedy")
NAN = float("nan")


def oracle(found: list[dict], share: float, method: str) -> list[bool]:
    """Every hit against every other; `found` has `place start end hit_similarity`, by priority."""
    count = len(found)
    first = sorted(range(count), key=lambda i: found[i]["start"])
    rank = {row: number for number, row in enumerate(first)}
    score = [
        -float("inf") if row["hit_similarity"] is None else row["hit_similarity"] for row in found
    ]

    def overlaps(i: int, j: int) -> bool:
        one, two = found[i], found[j]
        shared = min(one["end"], two["end"]) - max(one["start"], two["start"])
        mean = Fraction(one["end"] - one["start"] + two["end"] - two["start"], 2)
        return place(one) == place(two) and shared > 0 and shared >= Fraction(str(share)) * mean

    def beats(i: int, j: int) -> bool:
        return (score[i], -rank[i]) > (score[j], -rank[j])

    if method == "pairwise":
        return [
            not any(overlaps(i, j) and beats(j, i) for j in range(count) if j != i)
            for i in range(count)
        ]
    kept: list[int] = []
    for i in sorted(range(count), key=lambda i: (-score[i], rank[i])):
        if not any(overlaps(i, j) for j in kept):
            kept.append(i)
    return [i in kept for i in range(count)]


def ranked(found: list[dict]) -> bool:
    """Whether there is a similarity to find the best by."""
    return not found or any(row["hit_similarity"] is not None for row in found)


def primaries(path: Path) -> list[bool]:
    return [row["is_primary"] == "1" for row in read(path)]


@settings(deadline=None, max_examples=200)
@given(
    found=st.booleans().flatmap(lambda tracks: rows(tracks=tracks)).filter(ranked),
    share=SHARES,
    method=st.sampled_from(METHODS),
    size=st.sampled_from([1, 5, 1000]),
)
def test_collapse_hits__equals_every_one_against_every_one(
    tmp_path_factory, found, share, method, size
):
    folder = tmp_path_factory.mktemp("c")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "_STRIPE_HITS", size)
        patch.setattr(_tables, "_BLOCK_BYTES", 100 * size)
        source = write(folder / "a.tsv", found)
        counts = collapse_hits(source, folder / "b.tsv", overlap=share, method=method)
        collapse_hits(folder / "b.tsv", folder / "c.tsv", overlap=share, method=method)
    expected = oracle(found, share, method)
    assert primaries(folder / "b.tsv") == expected
    assert counts == (len(found), sum(expected))
    assert (folder / "b.tsv").read_bytes() == (folder / "c.tsv").read_bytes()


@settings(deadline=None, max_examples=100)
@given(
    found=rows().filter(ranked),
    share=SHARES,
    method=st.sampled_from(METHODS),
    size=st.sampled_from([1, 5, 1000]),
    tracks=st.sampled_from([None, 1, 2]),
    data=st.data(),
)
def test_collapse__of_a_dataset_equals_every_one_against_every_one(
    found, share, method, size, tracks, data
):
    """Two chromosomes with two regions each, or four regions without coordinates."""
    placed = data.draw(st.booleans())
    chroms, offset = ["chr2", "chr1", "chr2", "chr1"], [100, 0, 110, -5]
    regions = xr.Dataset({"region_chrom": ("region", chroms)}) if placed else xr.Dataset()
    regions = regions.assign(
        {"region_start": ("region", offset), "region_id": ("region", [3, 2, 1, 0])}
        if placed
        else {"other": ("region", offset)}
    )
    for row in found:
        row["region"] = data.draw(st.integers(0, 3))
        row["track"] = data.draw(st.integers(0, (tracks or 1) - 1))
    columns = {
        "region": [row["region"] for row in found],
        "motif": [row["motif_name"] == "CTCF" for row in found],
        **{
            name: [row[name] for row in found]
            for name in ("start", "end", "start_untrimmed", "end_untrimmed")
        },
        "similarity": np.array([row["hit_similarity"] for row in found], dtype=float),
    }
    if tracks:
        columns["track"] = [row["track"] for row in found]
    hits = create_hits(columns)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "_STRIPE_HITS", size)
        patch.setattr(module, "_READ_HITS", max(size // 2, 1))
        marked = collapse(hits, regions, overlap=share, method=method)
    expected = []
    for index, row in enumerate(found):
        shift = offset[row["region"]] if placed else 0
        tie = (row["start_untrimmed"] + shift, row["motif_name"] == "CTCF", 3 - row["region"])
        chrom = chroms[row["region"]] if placed else "NA"
        moved = {"start": row["start"] + shift, "end": row["end"] + shift, "chr": chrom}
        expected.append({**row, **moved, "peak_id": row["region"], "tie": tie, "index": index})
    expected.sort(key=lambda row: row["tie"])
    best = dict(
        zip([row["index"] for row in expected], oracle(expected, share, method), strict=True)
    )
    assert marked["hit_is_primary"].values.tolist() == [best[i] for i in range(len(found))]
    assert "hit_is_primary" not in hits
    assert validate(marked, "hits")["hit_is_primary"].attrs["long_name"]


def hit(start: int, end: int, similarity: float | None, **more: object) -> dict:
    row = {"chr": "chr1", "start": start, "end": end, "hit_similarity": similarity, "peak_id": 0}
    return row | more


def test_collapse_hits__needs_a_similarity_where_hits_overlap(tmp_path):
    apart = write(tmp_path / "apart.tsv", [hit(0, 10, None), hit(20, 30, None)])
    collapse_hits(apart, tmp_path / "out.tsv")
    assert primaries(tmp_path / "out.tsv") == [True, True]
    near = write(tmp_path / "near.tsv", [hit(0, 10, None), hit(2, 12, None)])
    with pytest.raises(RunError, match=r"near\.tsv: hits overlap.*--method cluster --score NAME"):
        collapse_hits(near, tmp_path / "no.tsv")
    assert not (tmp_path / "no.tsv").exists()


@pytest.mark.parametrize(("method", "expected"), [("pairwise", [1, 0, 0]), ("greedy", [1, 0, 1])])
def test_collapse_hits__a_loser_still_beats_others_unless_greedy(tmp_path, method, expected):
    chain = [hit(0, 10, 0.9), hit(6, 16, 0.7), hit(12, 22, 0.5)]
    collapse_hits(write(tmp_path / "a.tsv", chain), tmp_path / "b.tsv", method=method)
    assert primaries(tmp_path / "b.tsv") == [bool(mark) for mark in expected]


@pytest.mark.parametrize("method", METHODS)
def test_collapse_hits__the_better_of_two_stays(tmp_path, method):
    two = [hit(0, 10, 0.5), hit(2, 12, 0.9), hit(40, 50, 0.1), hit(42, 52, 0.1), hit(90, 95, None)]
    collapse_hits(write(tmp_path / "a.tsv", two), tmp_path / "b.tsv", method=method)
    assert primaries(tmp_path / "b.tsv") == [False, True, True, False, True]


def test_collapse_hits__the_share_is_of_the_mean_length(tmp_path):
    for shared, expected in ((2, [True, True]), (3, [True, False])):
        two = [hit(0, 10, 0.9), hit(10 - shared, 30 - shared, 0.5)]
        source = write(tmp_path / "a.tsv", two)
        collapse_hits(source, tmp_path / "b.tsv", overlap=0.2, overwrite=True)
        assert primaries(tmp_path / "b.tsv") == expected


@pytest.mark.parametrize("method", METHODS)
def test_collapse_hits__many_may_overlap_at_one_place(tmp_path, method):
    rng = np.random.default_rng(0)
    found = [hit(start, start + 90, float(rng.integers(5))) for start in range(120)]
    collapse_hits(write(tmp_path / "a.tsv", found), tmp_path / "b.tsv", method=method)
    assert primaries(tmp_path / "b.tsv") == oracle(found, 0.2, method)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize(
    ("untrimmed", "motif", "region"), [([3, 2], [0, 1], [1, 0]), ([3, 3], [1, 0], [1, 0]),
                                       ([3, 3], [1, 1], [0, 1])],
)  # fmt: skip
def test_collapse__of_one_start_and_similarity_the_first_row_of_the_table_stays(
    untrimmed, motif, region, method
):
    columns = {
        "start": [5, 5],
        "end": [9, 9],
        "start_untrimmed": untrimmed,
        "end_untrimmed": [12, 12],
    }
    hits = create_hits(columns | {"region": region, "motif": motif, "similarity": [0.5, 0.5]})
    names = {"region_chrom": ("region", ["chr1", "chr1"]), "region_start": ("region", [0, 0])}
    regions = xr.Dataset(names | {"region_id": ("region", [8, 7])})
    marked = collapse(hits, regions, method=method)
    assert marked["hit_is_primary"].values.tolist() == [False, True]


CORNERS = {
    "a long one reaches over a short one": (
        0.2,
        [hit(0, 30, 0.5), hit(2, 5, 0.1), hit(20, 32, 0.9)],
    ),
    "those that only touch share nothing": (
        0.0,
        [hit(0, 30, 0.1), hit(5, 10, 0.5), hit(10, 15, 0.9)],
    ),
    "the share is reached exactly": (0.56, [hit(0, 12, 0.9), hit(5, 18, 0.5)]),
    "one base more is needed": (0.57, [hit(0, 12, 0.9), hit(5, 18, 0.5)]),
}


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("corner", CORNERS)
def test_collapse_hits__corners(tmp_path, corner, method):
    share, found = CORNERS[corner]
    source = write(tmp_path / "a.tsv", found)
    collapse_hits(source, tmp_path / "b.tsv", overlap=share, method=method)
    assert primaries(tmp_path / "b.tsv") == oracle(found, share, method)


# --- What a table keeps ---------------------------------------------------------------------------

ODD = (
    'chr\tnotes "x"\tstart\tend\thit_correlation\n'
    'chr1\t"\t5\t9\t0.50\n'
    "chr1\t 'a  \t+6\t10\t5e-1\n"
    "\U0001f9ec\t\t-1\t1\tNA\r\n"
    "chr1\t#\t07\t11\t0.75"
)
MARKED = (
    'chr\tnotes "x"\tstart\tend\thit_correlation\tis_primary\n'
    'chr1\t"\t5\t9\t0.50\t0\n'
    "chr1\t 'a  \t+6\t10\t5e-1\t0\n"
    "\U0001f9ec\t\t-1\t1\tNA\t1\r\n"
    "chr1\t#\t07\t11\t0.75\t1"
)


@pytest.mark.parametrize("packed", [False, True])
def test_collapse_hits__changes_no_byte_of_the_other_columns(tmp_path, packed):
    source = tmp_path / ("a.tsv.gz" if packed else "a.tsv")
    data = ODD.encode()
    source.write_bytes(gzip.compress(data) if packed else data)
    collapse_hits(source, tmp_path / "b.tsv")
    assert (tmp_path / "b.tsv").read_bytes() == MARKED.encode()
    collapse_hits(source, tmp_path / "c.tsv.gz")
    assert gzip.decompress((tmp_path / "c.tsv.gz").read_bytes()) == MARKED.encode()


def test_collapse_hits__replaces_marks_where_they_stand(tmp_path):
    source = tmp_path / "a.tsv"
    source.write_text("is_primary\tchr\tstart\tend\thit_similarity\n9\tc\t1\t5\t1\n\tc\t1\t5\t1\n")
    collapse_hits(source, tmp_path / "b.tsv")
    assert [line.split("\t")[0] for line in (tmp_path / "b.tsv").read_text().splitlines()] == [
        "is_primary", "1", "0"
    ]  # fmt: skip
    collapse_hits(source, source, overwrite=True)
    assert source.read_bytes() == (tmp_path / "b.tsv").read_bytes()


def test_collapse_hits__blocks_change_nothing(tmp_path, monkeypatch):
    source = tmp_path / "a.tsv"
    source.write_bytes(ODD.encode())
    for size in (1, 7, 64):
        monkeypatch.setattr(_tables, "_BLOCK_BYTES", size)
        collapse_hits(source, tmp_path / "b.tsv", overwrite=True)
        assert (tmp_path / "b.tsv").read_bytes() == MARKED.encode()


# --- Stores ---------------------------------------------------------------------------------------


@pytest.fixture
def called(tmp_path, regions, motifs, reader) -> Path:
    """Hits of regions that overlap, each region also a second time."""
    twice = regions.isel(region=np.repeat(np.arange(20), 2))
    shift = np.tile([0, 7], 20)
    twice = twice.assign(
        region_id=("region", np.arange(40)),
        region_start=("region", twice["region_start"].values + shift),
        region_end=("region", twice["region_end"].values + shift),
    )
    extract_regions(reader(twice), tmp_path / "r.zarr")
    call_hits(tmp_path / "r.zarr", motifs, tmp_path / "h.zarr", solver=CoordinateDescent())
    return tmp_path / "h.zarr"


@pytest.mark.parametrize("method", METHODS)
def test_collapse_hits__a_store_and_its_table_agree(tmp_path, called, method):
    counts = collapse_hits(called, tmp_path / "c.zarr", method=method)
    assert 0 < counts.primary < counts.hits
    write_tables(called, tmp_path)
    assert collapse_hits(tmp_path / "hits.tsv", tmp_path / "c.tsv", method=method) == counts
    opened = store.open_hits(tmp_path / "c.zarr")
    hits, motifs = opened.hits.load(), opened.motifs
    of_store = sorted(
        (
            int(opened.regions["region_id"][row.hit_region]),
            int(opened.regions["region_start"][row.hit_region] + row.hit_start),
            str(motifs["motif_name"].values[row.hit_motif]),
            str(motifs["motif_strand"].values[row.hit_motif]),
            bool(row.hit_is_primary),
        )
        for row in (hits.isel(hit=index) for index in range(hits.sizes["hit"]))
    )
    of_table = sorted(
        (int(row["peak_id"]), int(row["start"]), row["motif_name"], row["strand"],
         row["is_primary"] == "1")
        for row in read(tmp_path / "c.tsv")
    )  # fmt: skip
    assert of_store == of_table


def test_collapse_hits__a_store_stays_whole(tmp_path, called):
    collapse_hits(called, tmp_path / "c.zarr")
    before, after = store.open_hits(called), store.open_hits(tmp_path / "c.zarr")
    for one, two in zip(before, after, strict=True):
        assert two.drop_vars("hit_is_primary", errors="ignore").identical(one)
    assert check_store(tmp_path / "c.zarr").state == "ok"
    steps = store.read_info(tmp_path / "c.zarr").provenance["steps"]
    assert [(step["command"], step["options"]["method"]) for step in steps] == [
        ("collapse-hits", "pairwise")
    ]


@pytest.mark.parametrize("method", METHODS)
def test_collapse_hits__in_a_store_without_coordinates_hits_of_one_region_overlap(
    tmp_path, regions, motifs, reader, solver, method
):
    bare = create_regions(regions["region_sequence"].data, regions["region_contributions"].data)
    extract_regions(reader(bare), tmp_path / "r.zarr")
    options = CallOptions(post_filter=False)  # all hits of a region lie at one place
    call_hits(tmp_path / "r.zarr", motifs, tmp_path / "h.zarr", solver=solver, options=options)
    counts = collapse_hits(tmp_path / "h.zarr", tmp_path / "c.zarr", overlap=0, method=method)
    assert 0 < counts.primary < counts.hits
    write_tables(tmp_path / "h.zarr", tmp_path)
    of_table = collapse_hits(tmp_path / "hits.tsv", tmp_path / "c.tsv", overlap=0, method=method)
    assert of_table == counts
    found = store.open_hits(tmp_path / "h.zarr")
    marked = collapse(found.hits, found.regions, overlap=0, method=method)
    assert marked.identical(store.open_hits(tmp_path / "c.zarr").hits.load())


def test_collapse_hits__says_that_a_store_is_damaged_of_its_reading_only(
    tmp_path, hits_store, monkeypatch
):
    for chunk in (hits_store / "hits" / "hit_similarity" / "c").iterdir():
        chunk.write_bytes(b"damaged")
    with pytest.raises(ReadError, match=f"{hits_store}: a damaged store"):
        collapse_hits(hits_store, tmp_path / "c.zarr")

    def refuse(*args):
        raise KeyError("ours")

    monkeypatch.setattr(module, "region_places", refuse)
    with pytest.raises(KeyError, match="ours"):
        collapse_hits(hits_store, tmp_path / "c.zarr")


def test_collapse_hits__a_store_can_be_collapsed_again_and_in_place(tmp_path, called):
    collapse_hits(called, tmp_path / "c.zarr", method="greedy")
    once = store.open_hits(tmp_path / "c.zarr").hits.load()
    collapse_hits(tmp_path / "c.zarr", tmp_path / "c.zarr", method="greedy", overwrite=True)
    assert store.open_hits(tmp_path / "c.zarr").hits.load().identical(once)
    assert len(store.read_info(tmp_path / "c.zarr").provenance["steps"]) == 2
    assert check_store(tmp_path / "c.zarr").state == "ok"


def test_collapse_hits__a_store_without_hits(tmp_path, regions_store, motifs, solver):
    from dataclasses import dataclass

    @dataclass(frozen=True)
    class Nothing(type(solver)):
        def solve(self, regions, motifs):
            found = super().solve(regions, motifs)
            return type(found)(found.hits.isel(hit=slice(0)), found.qc)

    call_hits(regions_store, motifs, tmp_path / "h.zarr", solver=Nothing())
    assert collapse_hits(tmp_path / "h.zarr", tmp_path / "c.zarr") == (0, 0)
    assert store.open_hits(tmp_path / "c.zarr").hits["hit_is_primary"].dtype == bool
    assert check_store(tmp_path / "c.zarr").state == "ok"


def test_collapse_hits__a_store_in_a_bucket(called):
    pytest.importorskip("obstore")
    collapse_hits(called, "memory://collapse/c.zarr")
    collapse_hits("memory://collapse/c.zarr", "memory://collapse/d.zarr")
    one, two = (store.open_hits(f"memory://collapse/{name}.zarr").hits.load() for name in "cd")
    assert two.identical(one)


def test_collapse_hits__a_store_on_a_web_server_cannot_be_listed():
    pytest.importorskip("obstore")
    with pytest.raises(ReadError, match="cannot be listed, and so not copied"):
        _stores._names(store.locate("https://example.org/hits.zarr"))


# --- What cannot be -------------------------------------------------------------------------------


def test_collapse_hits__refuses_output_that_exists(tmp_path, called):
    source = write(tmp_path / "a.tsv", [hit(0, 9, 1.0)])
    (tmp_path / "b.tsv").write_text("mine")
    with pytest.raises(RunError, match="exists already"):
        collapse_hits(source, tmp_path / "b.tsv")
    (tmp_path / "c.zarr").mkdir()
    (tmp_path / "c.zarr" / "notes").write_text("mine")
    with pytest.raises(RunError, match="what finemo-zarr did not write"):
        collapse_hits(called, tmp_path / "c.zarr", overwrite=True)
    assert (tmp_path / "b.tsv").read_text() == "mine"


def test_collapse_hits__names_of_outputs_say_what_they_are(tmp_path, called):
    source = write(tmp_path / "a.tsv", [hit(0, 9, 1.0)])
    with pytest.raises(RunError, match="is a table, and becomes a table"):
        collapse_hits(source, tmp_path / "b.zarr")
    with pytest.raises(RunError, match=r"whose name ends in \.zarr"):
        collapse_hits(called, tmp_path / "b.tsv")


@pytest.mark.parametrize(
    ("options", "message"),
    [({"overlap": 1.5}, "a share from 0 to 1"), ({"method": "best"}, "'pairwise' or 'greedy'")],
)
def test_collapse__options_must_make_sense(options, message):
    with pytest.raises(ValueError, match=message):
        collapse(create_hits({name: [] for name in ("region", "motif", "start", "end",
                 "start_untrimmed", "end_untrimmed")}), **options)  # fmt: skip


def test_collapse_hits__nothing_is_left_of_what_fails(tmp_path, monkeypatch):
    source = write(tmp_path / "a.tsv", [hit(0, 9, 1.0)])
    with source.open("a") as file:
        file.write("chr1\t5\tx\t0.5\t0\n")
    with pytest.raises(ReadError, match=r"line 3, column end: found 'x', expected a whole number"):
        collapse_hits(source, tmp_path / "b.tsv")

    def refuse(*args):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(module, "write_marked", refuse)
    with pytest.raises(RunError, match="the disk is full"):
        collapse_hits(write(tmp_path / "a.tsv", [hit(0, 9, 1.0)]), tmp_path / "b.tsv")
    assert [path.name for path in tmp_path.iterdir()] == ["a.tsv"]
