import numpy as np
import pytest
import xarray as xr
from scipy.stats import fisher_exact, poisson

from finemo_zarr.errors import SchemaError
from finemo_zarr.evaluation import occurrence
from finemo_zarr.evaluation.cooccurrence import (
    co_occurrence_tests,
    hits_of_regions,
    prevalence,
    region_sample,
    regions_apart,
)


def occurrences(count) -> xr.Dataset:
    """As `occurrence` makes it, from counts ``(region, motif)``."""
    count = np.asarray(count, dtype=np.int32)
    names = np.array([f"m{at}" for at in range(count.shape[1])], dtype=np.dtypes.StringDType())
    return xr.Dataset(
        {
            "count": (("region", "motif"), count),
            "total": ("region", count.sum(axis=1)),
            "n_regions": ("motif", (count > 0).sum(axis=0)),
        },
        coords={"motif": names},
    )


@pytest.mark.parametrize("balls", ["hits", "regions"])
def test_tests__are_fisher_and_poisson(balls) -> None:
    count = np.random.default_rng(1).poisson([0.2, 0.5, 1.5, 0.0], (150, 4))
    count[:40, 1] += count[:40, 0]
    found = co_occurrence_tests(occurrences(count), balls=balls)
    has = count > 0
    for one, other in np.ndindex(3, 3):
        cell = found.isel(motif=one, other_motif=other)
        if one == other:
            twice = int((count[:, one] >= 2).sum())
            thrown = has[:, one].sum() if balls == "regions" else count[:, one].sum()
            empty = (1 - 1 / 150) ** thrown
            once = thrown / 150 * (1 - 1 / 150) ** (thrown - 1)
            mean = 150 * (1 - empty - once)
            assert int(cell["regions_with_both"]) == twice
            assert float(cell["expected"]) == pytest.approx(mean)
            assert float(cell["p"]) == pytest.approx(poisson.sf(twice - 1, mean))
            continue
        a, b = has[:, one], has[:, other]
        table = [[(a & b).sum(), (a & ~b).sum()], [(~a & b).sum(), (~a & ~b).sum()]]
        assert int(cell["regions_with_both"]) == table[0][0]
        assert float(cell["p"]) == pytest.approx(fisher_exact(table, "greater").pvalue)
        assert float(cell["log10_p"]) == pytest.approx(np.log10(float(cell["p"])))
    assert np.isnan(found["p"].values[3]).all()
    assert found.attrs == {"n_regions": 150, "n_tests": 6, "balls": balls}
    assert found["motif"].values.tolist() == found["other_motif"].values.tolist()
    np.testing.assert_array_equal(found["q"], found["q"].T)
    # Each pair is one test of six.
    p = found["p"].values[np.triu_indices(3)]
    assert float(found["q"].min()) == pytest.approx(min(1, 6 * p.min()))


def test_poisson_mean__of_rare_motifs_is_the_number_of_pairs_that_meet() -> None:
    count = np.zeros((10_000, 1), int)
    count[:30] = 1
    found = co_occurrence_tests(occurrences(count))
    assert float(found["expected"][0, 0]) == pytest.approx(30 * 29 / 2 / 10_000, rel=3e-3)
    assert float(found["p"][0, 0]) == 1  # of at least none


def test_tests__of_regions_by_chance_find_nothing() -> None:
    rng = np.random.default_rng(2)
    found = co_occurrence_tests(occurrences(rng.poisson(rng.uniform(0.05, 1, 30), (2000, 30))))
    p = found["p"].values[np.triu_indices(30)]
    assert 0.01 < (p < 0.05).mean() < 0.08
    assert (found["q"] > 0.05).all()


def test_tests__refuse_other_balls() -> None:
    with pytest.raises(SchemaError, match="balls is 'peaks'"):
        co_occurrence_tests(occurrences([[1]]), balls="peaks")


def test_tests__of_nothing_are_none() -> None:
    for count in (np.zeros((0, 2)), np.zeros((5, 2))):
        found = co_occurrence_tests(occurrences(count))
        assert found.attrs["n_tests"] == 0
        assert np.isnan(found["p"].values).all()


def test_regions__are_counted_by_hits() -> None:
    found = hits_of_regions(occurrences([[0, 0], [1, 2], [0, 1], [2, 2]]))
    assert found["regions_with"].values.tolist() == [1, 1, 0, 1, 1]
    assert found["cumulative_share"].values.tolist() == [0.25, 0.5, 0.5, 0.75, 1]
    assert found.attrs["share_without_hits"] == 0.25
    assert found["quantile_hits"].sel(quantile=0.75) == 3.25
    assert np.isnan(hits_of_regions(occurrences(np.zeros((0, 1))))["quantile_hits"]).all()


def test_prevalence__counts_regions_once(made) -> None:
    store = made(3, 200)
    seen = occurrence(store)
    found = prevalence(seen)
    count = seen["count"].values
    np.testing.assert_allclose(found["prevalence"], (count > 0).mean(axis=0))
    np.testing.assert_allclose(found["share_with"].sum("hits"), found["prevalence"])
    np.testing.assert_allclose(found["share_with"].sel(hits=4), (count >= 4).mean(axis=0))
    np.testing.assert_allclose(found["mean_hits"] * found["n_regions"], found["n_hits"])


def test_sample__orders_motifs_by_frequency_and_regions_as_binary_numbers() -> None:
    count = np.array([[0, 1, 0], [1, 1, 0], [0, 0, 0], [0, 2, 0], [1, 0, 0]])
    found = region_sample(occurrences(count))
    assert found["motif"].values.tolist() == ["m1", "m0"]
    assert found["region"].values.tolist() == [1, 0, 3, 4, 2]
    assert found.values.tolist() == [[1, 1], [1, 0], [1, 0], [0, 1], [0, 0]]
    some = region_sample(occurrences(count), most=2, seed=1)
    assert some.sizes["region"] == 2
    np.testing.assert_array_equal(some, (count[some["region"].values][:, [1, 0]] > 0))


@pytest.mark.parametrize("seed", range(5))
def test_apart__counts_regions_with_hits_that_do_not_overlap(made, seed) -> None:
    from finemo_zarr.evaluation import MotifTable

    store = made(seed, 90)
    table = MotifTable.of(store.motifs)
    hits = store.hits
    rows = list(
        zip(
            hits["hit_region"].values.tolist(),
            table.of_oriented[hits["hit_motif"].values].tolist(),
            hits["hit_start"].values.tolist(),
            hits["hit_end"].values.tolist(),
            strict=True,
        )
    )
    found = regions_apart(store, occurrence(store))
    for one, other in np.ndindex(found.shape):
        held = {
            a[0]
            for i, a in enumerate(rows)
            for j, b in enumerate(rows)
            if i != j and a[0] == b[0] and (a[1], b[1]) == (one, other)
            if a[2] >= b[3] or b[2] >= a[3]
        }
        assert int(found[one, other]) == len(held)
