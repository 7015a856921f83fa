import numpy as np
import pytest
from planted_pairs import (
    PAIR,
    SPACING,
    hits_of,
    oriented_motifs,
    planted,
    regions_of,
    shuffled,
    write_regions,
)

from finemo_zarr import store
from finemo_zarr.errors import ReadError, RunError, SchemaError
from finemo_zarr.execution import call_hits, load_motifs
from finemo_zarr.execution.check import check_store
from finemo_zarr.motifs import MotifOptions, prepare_motifs
from finemo_zarr.postprocess import collapse_hits
from finemo_zarr.postprocess._composite_motifs import Spans, Sums
from finemo_zarr.postprocess.composites import (
    CompositeOptions,
    _motifs,
    find_composites,
    write_motif_store,
)
from finemo_zarr.sequence import project

N = 250


@pytest.fixture(scope="module")
def sites():
    return planted(N, seed=3)


@pytest.fixture(scope="module")
def datasets(sites):
    return regions_of(sites, N)


@pytest.fixture(scope="module")
def stores(tmp_path_factory, sites, datasets):
    folder = tmp_path_factory.mktemp("composites")
    write_regions(datasets, folder / "r.zarr")
    return folder / "r.zarr", hits_of(sites, datasets, folder / "h.zarr")


@pytest.fixture(scope="module")
def found(stores):
    return find_composites(stores[1], stores[0])


def test_composites__finds_the_planted_pair_and_nothing_else(found):
    (row,) = found.rows
    names = oriented_motifs()["motif_name"].values[::2].tolist()
    assert (row["motif_left"], row["motif_right"]) == (names[PAIR[0]], names[PAIR[2]])
    assert (row["strand_left"], row["strand_right"]) == ("-", "+")
    assert row["spacing"] == SPACING
    assert row["count"] > 0.3 * N
    assert row["fold"] == pytest.approx(row["count"] / row["expected"])
    assert row["pvalue"] <= row["qvalue"] < 1e-9
    assert row["name"] == f"{names[0]}-_{SPACING}_{names[1]}+"
    assert row["num_averaged"] == row["count"] == row["num_distinct"]
    assert row["gap_bits"] < 0.1
    assert row["likely_repeat"] == 0


@pytest.mark.parametrize("seed", range(3))
def test_composites__finds_nothing_where_positions_are_shuffled(
    stores, sites, datasets, tmp_path, seed
):
    path = hits_of(shuffled(sites, seed), datasets, tmp_path / "s.zarr")
    options = CompositeOptions(max_qvalue=0.05, min_count=1)
    assert find_composites(path, stores[0], options).rows == []
    assert find_composites(path, stores[0], options).motifs is None


def test_composites__are_found_in_hits_that_were_called(stores, tmp_path):
    call_hits(stores[0], oriented_motifs(), tmp_path / "called.zarr")
    (row,) = find_composites(tmp_path / "called.zarr").rows
    assert row["spacing"] == SPACING
    assert (row["strand_left"], row["strand_right"]) == ("-", "+")


def test_composites__motif_is_the_mean_over_the_spans(found, datasets, sites):
    codes = datasets["region_sequence"].values
    scores = datasets["region_contributions"].values
    actual = project(scores, codes)
    motifs = oriented_motifs()
    width = (motifs["motif_end"] - motifs["motif_start"]).values
    left, right = 2 * PAIR[0] + PAIR[1], 2 * PAIR[2] + PAIR[3]
    size = int(width[left] + SPACING + width[right]) + 10
    totals, count = np.zeros((3, 4, size)), 0
    for region in range(N):
        own = np.flatnonzero(sites["region"] == region)
        for i in own:
            for j in own:
                if sites["start"][j] - sites["end"][i] != SPACING:
                    continue
                pair = (sites["motif"][i], sites["motif"][j])
                if pair not in ((left, right), (right ^ 1, left ^ 1)):
                    continue
                at = slice(sites["start"][i] - 5, sites["end"][j] + 5)
                hot = np.eye(5)[codes[region, at]].T[:4]
                parts = (hot * actual[region, at], scores[region, :, at], hot)
                if pair != (left, right):
                    parts = tuple(part[::-1, ::-1] for part in parts)
                totals += parts
                count += 1
    (row,) = found.rows
    assert count == row["count"]
    made = found.motifs.isel(motif=0)
    assert int(made["motif_width"]) == size
    for name, total in zip(("cwm", "hcwm", "ppm"), totals, strict=True):
        assert made[f"motif_{name}"].values == pytest.approx(total / count, abs=1e-7), name
    assert str(made["motif_origin"].values) == "composite"


def test_composites__can_be_called(found, stores, tmp_path):
    write_motif_store(tmp_path / "m.zarr", found.motifs, {"command": "test", "options": {}})
    assert check_store(tmp_path / "m.zarr").state == "ok"
    loaded = load_motifs([tmp_path / "m.zarr"])
    assert loaded["motif_name"].values.tolist() == [found.rows[0]["name"]]
    assert loaded["motif_cwm"].values == pytest.approx(found.motifs["motif_cwm"].values)
    motifs = prepare_motifs(loaded, MotifOptions())
    hits = call_hits(stores[0], motifs, tmp_path / "h.zarr").hits
    similar = hits["hit_similarity"].values > 0.9
    assert abs(int(similar.sum()) - found.rows[0]["count"]) <= 2


def test_composites__needs_no_scores_if_no_motif_is_wanted(stores):
    found = find_composites(stores[1], motifs=False)
    assert found.motifs is None
    assert len(found.rows) == 1
    with pytest.raises(RunError, match="give it with -r"):
        find_composites(stores[1])


def test_composites__curves_are_of_all_arrangements_of_the_pair(found):
    curves = found.curves
    assert curves.sizes["arrangement"] <= 4
    assert curves["spacing"].values.tolist() == list(range(101))
    peak = np.unravel_index(curves["count"].values.argmax(), curves["count"].shape)
    assert curves["spacing"].values[peak[1]] == SPACING
    assert int(curves["count"].max()) == found.rows[0]["count"]


def test_composites__takes_no_more_motifs_than_it_is_told(stores):
    assert find_composites(stores[1], stores[0], CompositeOptions(most=0)).motifs is None


def test_composites__tells_copies_of_a_repeat_by_what_lies_between(sites, datasets, tmp_path):
    # The bases between the cores are always the same but for one in ten, on either strand.
    rng = np.random.default_rng(0)
    copied = datasets.copy(deep=True)
    codes = copied["region_sequence"].values
    consensus = rng.integers(4, size=SPACING).astype(np.uint8)
    left, right = 2 * PAIR[0] + PAIR[1], 2 * PAIR[2] + PAIR[3]
    for region in range(N):
        own = np.flatnonzero(sites["region"] == region)
        for i in own:
            for j in own[sites["start"][own] - sites["end"][i] == SPACING]:
                pair = (sites["motif"][i], sites["motif"][j])
                if pair not in ((left, right), (right ^ 1, left ^ 1)):
                    continue
                spacer = np.where(
                    rng.random(SPACING) < 0.1, rng.integers(4, size=SPACING), consensus
                )
                turned = spacer if pair == (left, right) else 3 - spacer[::-1]
                codes[region, sites["end"][i] : sites["start"][j]] = turned
    write_regions(copied, tmp_path / "r.zarr")
    path = hits_of(sites, copied, tmp_path / "h.zarr")
    found = find_composites(path, tmp_path / "r.zarr")
    (row,) = found.rows
    assert row["num_distinct"] == row["count"]
    assert 1.2 < row["gap_bits"] < 2
    assert row["likely_repeat"] == 1
    assert found.motifs is None
    kept = find_composites(path, tmp_path / "r.zarr", CompositeOptions(repeats=True))
    assert kept.motifs.sizes["motif"] == 1


def test_gap__has_bits_only_where_there_are_bases_between_the_cores():
    bases = np.array([[20, 0, 5], [0, 20, 5], [0, 0, 5], [0, 0, 5]], np.float64)

    def bits(gap: slice) -> float:
        none = np.zeros(0, np.int64)
        sums = Sums(Spans(none, none, none.astype(bool), 3, gap), none)
        sums.bases = bases
        return sums.gap_bits

    expected = 2 - 3 / (2 * np.log(2) * 20)  # less what chance makes of 20 sequences
    assert bits(slice(0, 2)) == pytest.approx(expected)
    assert bits(slice(2, 3)) == 0
    assert np.isnan(bits(slice(1, 1)))


def test_composites__likely_repeats_come_last_and_short_spacers_are_none():
    def sums(spacing: int, conserved: bool) -> Sums:
        none = np.zeros(0, np.int64)
        made = Sums(Spans(none, none, none.astype(bool), spacing, slice(0, spacing)), none)
        made.bases = np.tile([[40], [0], [0], [0]] if conserved else [[10]] * 4, spacing) * 1.0
        made.cwm, made.count = made.bases, 40
        return made

    rows = [{"name": f"m{spacing}", "spacing": spacing} for spacing in (9, 3, 4, 0)]
    both = [
        sums(9, conserved=True),
        sums(3, conserved=True),
        sums(4, conserved=False),
        sums(0, False),
    ]
    motifs = _motifs(rows, both, CompositeOptions(most=2))
    assert [row["name"] for row in rows] == ["m3", "m4", "m0", "m9"]
    assert [row["likely_repeat"] for row in rows] == [0, 0, 0, 1]
    assert motifs["motif_name"].values.tolist() == ["m3", "m4"]


def test_composites__other_regions_are_refused_where_nothing_is_found(stores, datasets, tmp_path):
    write_regions(datasets.isel(region=slice(9)), tmp_path / "other.zarr")
    for options in (CompositeOptions(min_count=10**6), CompositeOptions()):
        for motifs in (True, False):
            with pytest.raises(ReadError, match="9 regions, and the hits of"):
                find_composites(stores[1], tmp_path / "other.zarr", options, motifs=motifs)


def test_composites__looks_at_primary_hits_only(stores, tmp_path):
    with pytest.raises(SchemaError, match="collapse-hits"):
        find_composites(stores[1], stores[0], primary=True)
    collapse_hits(stores[1], tmp_path / "c.zarr")
    found = find_composites(tmp_path / "c.zarr", stores[0], primary=True)
    assert [row["spacing"] for row in found.rows] == [SPACING]


def test_composites__counts_a_place_of_overlapping_regions_once(sites, datasets, tmp_path, found):
    twice = {
        name: np.concatenate([values, values + (N if name == "region" else 0)])
        for name, values in sites.items()
    }
    import xarray as xr

    both = xr.concat([datasets, datasets], dim="region", combine_attrs="override")
    path = hits_of(twice, both, tmp_path / "twice.zarr")
    again = find_composites(path, motifs=False)
    assert again.num_pairs == found.num_pairs
    assert again.rows[0]["count"] == found.rows[0]["count"]


def test_composites__asks_for_one_track(stores, hits_store):
    with pytest.raises(RunError, match="has no tracks"):
        find_composites(stores[1], stores[0], track="liver")


def test_composites__of_no_hits_is_empty(stores, sites, datasets, tmp_path):
    none = {name: values[:0] for name, values in sites.items()}
    found = find_composites(hits_of(none, datasets, tmp_path / "n.zarr"), stores[0])
    assert (found.rows, found.num_pairs, found.motifs) == ([], 0, None)


def test_options__must_make_sense():
    with pytest.raises(ValueError, match="largest spacing"):
        CompositeOptions(min_spacing=5, max_spacing=4)
    with pytest.raises(ValueError, match="above 0"):
        CompositeOptions(background=0)


def test_store__of_motifs_alone_opens(found, tmp_path):
    write_motif_store(tmp_path / "m.zarr", found.motifs, {})
    assert store.open_hits(tmp_path / "m.zarr").hits.sizes["hit"] == 0


def test_composites__a_tandem_repeat_counts_once_in_its_region(datasets, tmp_path):
    # Twelve copies of a motif every 16 bases in each of 3 regions.
    copies, at = np.arange(12), 16
    motifs = oriented_motifs()
    width = int(motifs["motif_end"][0] - motifs["motif_start"][0])
    region = np.repeat([4, 8, 9], len(copies))
    start = np.tile(copies * at, 3)
    tandem = {"region": region, "motif": 0 * region, "start": start, "end": start + width}
    path = hits_of(tandem, datasets, tmp_path / "t.zarr")
    found = find_composites(path, options=CompositeOptions(min_count=1), motifs=False)
    assert found.num_pairs > 30
    assert all(row["count"] <= 3 for row in found.rows)
