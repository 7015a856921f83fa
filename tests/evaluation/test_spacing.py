from collections import Counter

import numpy as np
import pytest
import xarray as xr
from scipy.stats import binom, binomtest

from finemo_zarr.evaluation import MotifTable
from finemo_zarr.evaluation._instances import hit_instances
from finemo_zarr.evaluation.hit_pairs import hit_line
from finemo_zarr.evaluation.nearest import nearest_distances
from finemo_zarr.evaluation.spacing import (
    local_mean,
    orientations,
    pair_spacings,
    periodicity,
    preferred_spacings,
)


def unique_hits(store):
    """Chromosome, core, motif and strand of each hit, once; as plain rows."""
    found = hit_instances(store)
    core = found.intervals()
    rows = zip(core.group, core.start, core.end, found.motif, found.reverse, strict=True)
    return sorted({tuple(int(value) for value in row) for row in rows})


def test_hits__lie_where_their_store_has_them(made) -> None:
    """The core of a hit need not be the one of its motif."""
    plain = made(5)
    moved = {"hit_start": plain.hits["hit_start"] - 1, "hit_end": plain.hits["hit_end"] + 2}
    rows, wider = unique_hits(plain), plain._replace(hits=plain.hits.assign(moved))
    assert unique_hits(wider) == [(c, start - 1, end + 2, m, r) for c, start, end, m, r in rows]
    lines = [hit_line(each) for each in (plain, wider)]
    called = np.unique(lines[0].motif)
    assert (lines[1].width[called] == lines[0].width[called] + 3).all()


def brute_pairs(store, most):
    """Motifs, strands and offset of all pairs, one by one."""
    rows, found = unique_hits(store), Counter()
    for i, (chrom, start, end, motif, reverse) in enumerate(rows):
        for other in rows[i + 1 :]:
            if chrom != other[0] or (start < other[2] and other[1] < end):
                continue
            one, two = (chrom, start, end, motif, reverse), other
            if (one[1] + one[2]) > (two[1] + two[2]):
                one, two = two, one
            distance = (two[1] + two[2] - one[1] - one[2]) // 2
            if distance > most:
                continue
            first, second, sign = (one, two, 1) if one[3] <= two[3] else (two, one, -1)
            opposite = one[4] != two[4]
            sign *= -1 if first[4] else 1
            if first[3] == second[3] and not opposite:
                sign = 1
            found[first[3], second[3], opposite, sign * distance] += 1
    return found


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("most", [10, 40])
def test_spacings__are_those_of_all_pairs(made, seed, most) -> None:
    store = made(seed, 120)
    expected = brute_pairs(store, most)
    found = pair_spacings(store, max_distance=most, min_pairs=1)
    number = {name: at for at, name in enumerate(MotifTable.of(store.motifs).names.tolist())}
    seen = Counter()
    for pair, strand, offset in np.argwhere(found["count"].values).tolist():
        key = (
            number[found["first"].values[pair]],
            number[found["second"].values[pair]],
            bool(strand),
            int(found["offset"][offset]),
        )
        seen[key] += int(found["count"][pair, strand, offset])
    assert seen == expected
    np.testing.assert_array_equal(found["n_pairs"], found["count"].sum(("strand", "offset")))
    assert (np.diff(found["n_pairs"]) <= 0).all()
    # Nothing is counted where nothing can be.
    assert not found["count"].values[np.isnan(found["background"].values)].any()


def test_spacings__of_regions_without_coordinates_stay_in_their_region(made) -> None:
    store = made(1, 120)
    bare = store._replace(
        regions=store.regions.drop_vars([n for n in store.regions if str(n).startswith("region_")])
    )
    found = pair_spacings(bare, max_distance=40, min_pairs=1)
    assert int(found["n_pairs"].sum()) == sum(brute_pairs(bare, 40).values())
    assert int(found["n_pairs"].sum()) < sum(brute_pairs(store, 40).values())


def test_spacings__leave_out_what_is_rare(made) -> None:
    every = pair_spacings(made(0, 120), min_pairs=1)
    some = pair_spacings(made(0, 120), min_pairs=20)
    kept = int((every["n_pairs"] >= 20).sum())
    assert some.sizes["pair"] == kept
    assert some.attrs["n_left_out"] == every.sizes["pair"] - kept
    assert pair_spacings(made(0, 120), min_pairs=1, max_rows=2).sizes["pair"] == 2
    none = pair_spacings(made(0, 120), min_pairs=10**6)
    for table in (preferred_spacings(none), orientations(none), periodicity(none)):
        assert table.sizes["pair"] == 0


def test_local_mean__is_that_of_the_neighbours() -> None:
    values = np.random.default_rng(0).uniform(0, 5, (3, 40))
    values[1, :7] = np.nan
    for leave_out in (None, 1):
        found = local_mean(values, width=9, leave_out=leave_out)
        for row, at in np.ndindex(3, 40):
            near = [
                values[row, i]
                for i in range(max(at - 4, 0), min(at + 5, 40))
                if np.isfinite(values[row, i]) and (leave_out is None or abs(i - at) > leave_out)
            ]
            expected = np.mean(near) if near else np.nan
            assert found[row, at] == pytest.approx(expected, nan_ok=True)


def spacings_of(counts, least=10) -> xr.Dataset:
    """Spacings of pairs, all on the same strand and downstream, from counts by distance."""
    counts = np.atleast_2d(counts)
    n_pairs, length = counts.shape
    most = length - 1
    count = np.zeros((n_pairs, 2, 2 * most + 1), np.int64)
    count[:, 0, most:] = counts
    usable = np.abs(np.arange(-most, most + 1)) >= least
    mean = local_mean(np.where(usable, count, np.nan), leave_out=1)
    return xr.Dataset(
        {
            "first": ("pair", [f"a{at}" for at in range(n_pairs)]),
            "second": ("pair", [f"b{at}" for at in range(n_pairs)]),
            "n_pairs": ("pair", counts.sum(axis=1)),
            "least_distance": ("pair", np.full(n_pairs, least)),
            "count": (("pair", "strand", "offset"), count),
            "background": (("pair", "strand", "offset"), np.where(usable, mean, np.nan)),
        },
        coords={"strand": ["same", "opposite"], "offset": np.arange(-most, most + 1)},
        attrs={"max_distance": most, "min_pairs": 1, "n_left_out": 0},
    )


def random_counts(rng, pairs, shape):
    counts = rng.poisson(shape, (pairs, shape.size))
    counts[:, :10] = 0
    return counts


def test_preferred__is_the_spacing_that_was_planted() -> None:
    rng = np.random.default_rng(3)
    counts = random_counts(rng, 4, np.full(151, 4.0))
    counts[0, 37] += 40
    table = spacings_of(counts)
    found = preferred_spacings(table)
    assert (int(found["offset"][0]), str(found["strand"].values[0])) == (37, "same")
    assert int(found["count"][0]) == counts[0, 37]
    beside = [counts[0, i] for i in range(27, 48) if abs(i - 37) > 1]
    assert float(found["expected"][0]) == pytest.approx(np.mean(beside))
    trials = counts[0, 37] + sum(beside)
    spacings = int(np.isfinite(table["background"][0]).sum())
    exact = binom.logsf(counts[0, 37] - 1, trials, 1 / 19) + np.log(spacings)
    assert float(found["log10_p"][0]) == pytest.approx(exact / np.log(10))
    assert (found["log10_q"] < np.log10(0.01)).values.tolist() == [True, False, False, False]


def test_preferred__finds_nothing_in_sparse_pairs_by_chance() -> None:
    counts = random_counts(np.random.default_rng(4), 400, np.full(151, 0.2))
    assert (preferred_spacings(spacings_of(counts))["log10_q"] > np.log10(0.05)).all()


def test_periodicity__is_that_of_dna_and_not_of_a_single_spacing() -> None:
    rng = np.random.default_rng(5)
    distance = np.arange(151)
    falling = 20 * np.exp(-distance / 80)
    helical = falling * (1 + 0.7 * np.cos(2 * np.pi * distance / 10.5))
    counts = np.concatenate(
        [random_counts(rng, 1, helical), random_counts(rng, 40, falling)], axis=0
    )
    counts[1, 52] += 300
    found = periodicity(spacings_of(counts))
    assert float(found["strongest_period"][0]) == pytest.approx(10.5, abs=0.5)
    assert float(found["log10_q"][0]) < -6
    assert (found["log10_q"][1:] > np.log10(0.05)).all()
    # By chance, the power is exponential: about 1 in the mean, above 3 once in 20 times.
    chance = found["power"].values[2:]
    assert 0.7 < chance.mean() < 1.2
    assert 0.01 < (chance > 3).mean() < 0.08


def test_periodicity__of_too_few_distances_is_not_known() -> None:
    found = periodicity(spacings_of(np.full((1, 40), 5)))
    assert np.isnan(found["power"]).all()
    assert np.isnan(found["strongest_period"]).all()
    assert np.isnan(found["log10_q"]).all()


def test_orientations__are_counted_and_tested(made) -> None:
    table = pair_spacings(made(2, 200), max_distance=40, min_pairs=1)
    found = orientations(table)
    count = found["orientation_count"].values
    np.testing.assert_array_equal(count.sum(axis=1), table["n_pairs"])
    same = found["first"].values == found["second"].values
    assert not count[same, 1].any()
    for row, p in zip(count, found["log10_p"].values, strict=True):
        expected = binomtest(int(row[:2].sum()), int(row.sum()), 0.5).pvalue
        assert 10**p == pytest.approx(expected)


@pytest.mark.parametrize("seed", range(5))
def test_nearest__is_the_nearest_of_all(made, seed) -> None:
    store = made(seed, 100)
    names = MotifTable.of(store.motifs).names.tolist()
    rows = unique_hits(store)
    number = Counter(row[3] for row in rows)
    for pair in [(names[0], names[1]), (names[1], names[1]), (names[3], names[2])]:
        found = nearest_distances(store, [pair], max_distance=50)
        first, second = (names.index(str(found[name].values[0])) for name in ("first", "second"))
        assert {names[first], names[second]} == set(pair)
        assert number[first] <= number[second]
        expected = []
        for chrom, start, end, motif, _ in rows:
            if motif != first:
                continue
            apart = [
                abs(o[1] + o[2] - start - end) // 2
                for o in rows
                if o[0] == chrom and o[3] == second and (o[1] >= end or o[2] <= start)
            ]
            expected += [min(apart)] if apart and min(apart) <= 50 else []
        assert sorted(found["distance"].values.tolist()) == sorted(expected)
        assert int(found["n_near"][0]) == len(expected)
        assert int(found["n_hits"][0]) == number[first]


def test_nearest__quartiles_are_quartiles_and_whiskers_reach_one_and_a_half() -> None:
    from finemo_zarr.evaluation.nearest import _summary

    values = np.array([*range(1, 10), 100])
    low, middle, high, least, most = _summary(values)
    assert (low, middle, high) == tuple(np.percentile(values, [25, 50, 75]))
    assert (least, most) == (1, 9)
    assert np.isnan(_summary(np.zeros(0))).all()


def test_nearest__of_a_motif_without_hits_is_empty(made) -> None:
    store = made(0, 60)
    names = MotifTable.of(store.motifs).names.tolist()
    motif = store.hits["hit_motif"].values
    kept = store.motifs["motif_name"].values[motif] != names[0]
    bare = store._replace(hits=store.hits.isel(hit=kept))
    found = nearest_distances(bare, [(names[0], names[1]), (names[2], names[0])])
    assert found["n_near"].values.tolist() == [0, 0]
    assert np.isnan(found["whisker"]).all()
    assert nearest_distances(bare, []).sizes["pair"] == 0
