import numpy as np
import pytest
import xarray as xr

from finemo_zarr.errors import SchemaError
from finemo_zarr.evaluation import MotifTable
from finemo_zarr.evaluation._instances import hit_instances
from finemo_zarr.evaluation.positions import centre_distances, position_summary

FAR = np.iinfo(np.int64).max


def summits(rows) -> xr.Dataset:
    return xr.Dataset(
        {
            "region_chrom": ("region", [chrom for chrom, _ in rows]),
            "region_start": ("region", [start for _, start in rows]),
        }
    )


def test_distances__are_to_the_centre_of_the_region(made) -> None:
    store = made(1, 80)
    found = centre_distances(store, hit_instances(store))
    centre = (store.hits["hit_start"].values + store.hits["hit_end"].values) / 2
    np.testing.assert_array_equal(found, np.floor(centre - 30))


def test_distances__are_to_the_nearest_summit_of_the_chromosome(made) -> None:
    store = made(2, 80)
    rows = [("chr1", 130), ("chr1", 190), ("chr9", 200)]
    own = hit_instances(store)
    found = centre_distances(store, own, summits(rows))
    region = store.hits["hit_region"].values
    start = store.regions["region_start"].values[region]
    middle = start + (store.hits["hit_start"].values + store.hits["hit_end"].values) / 2
    for value, where, at in zip(found, middle, region, strict=True):
        if store.regions["region_chrom"].values[at] != "chr1":
            assert value == FAR
            continue
        apart = [where - 130, where - 190]
        least = min(map(abs, apart))
        assert value in {np.floor(d) for d in apart if abs(d) == least}
    assert (centre_distances(store, own, summits([("chr9", 5)])) == FAR).all()


def test_distances__to_summits_need_coordinates(made) -> None:
    store = made(0)
    bare = store._replace(
        regions=store.regions.drop_vars([n for n in store.regions if str(n).startswith("region_")])
    )
    assert len(centre_distances(bare, hit_instances(bare))) == store.hits.sizes["hit"]
    with pytest.raises(SchemaError, match="have no coordinates"):
        centre_distances(bare, hit_instances(bare), summits([("chr1", 5)]))


def test_summary__counts_every_instance_once(made) -> None:
    store = made(3, 200)
    own, names = hit_instances(store), MotifTable.of(store.motifs).names
    distance = centre_distances(store, own)
    distance[:5] = FAR
    found = position_summary({"hits": (own.motif, distance)}, names, reach=10, bin_width=3)
    assert found["bin"].values.tolist() == [-12, -9, -6, -3, 0, 3, 6, 9]
    for at in range(len(names)):
        values = distance[own.motif == at]
        inside = values[(values >= -12) & (values < 12)]
        part = found.sel(set="hits").isel(motif=at)
        expected = np.histogram(inside, bins=np.arange(-12, 13, 3))[0]
        np.testing.assert_array_equal(part["count"], expected)
        assert int(part["n_outside"]) == len(values) - len(inside)
        assert float(part["median_absolute"]) == np.median(np.abs(inside))
        assert float(part["distance_quantile"].sel(quantile=0.75)) == np.quantile(inside, 0.75)
