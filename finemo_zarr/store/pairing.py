"""A hits store and the regions store that its hits were called in."""

from pathlib import Path
from typing import TYPE_CHECKING

from finemo_zarr.errors import ReadError
from finemo_zarr.store.locations import Location, RemotePath, locate
from finemo_zarr.store.reading import HitsStore, hits_path, open_regions, reading

if TYPE_CHECKING:
    import xarray as xr

_ADVICE = "give the regions store that the hits were called in (-r/--regions)"


def open_regions_of(
    opened: HitsStore, hits: Path | str | RemotePath, path: Path | str | RemotePath
) -> "xr.Dataset":
    """Open the regions store that hits were called in.

    Parameters
    ----------
    opened : HitsStore
        The hits.
    hits : path
        Where they lie.
    path : path
        The regions store.

    Returns
    -------
    xarray.Dataset
        A regions dataset, as from :func:`open_regions`.

    Raises
    ------
    ReadError
        If it cannot be read, or is another: it has more or fewer regions, or they lie elsewhere.
    """
    path = locate(path)
    regions = open_regions(path)
    _check_same(regions, opened, path, hits_path(hits))
    return regions


def _check_same(regions: "xr.Dataset", opened: HitsStore, path: Location, hits: Location) -> None:
    theirs, ours = regions.sizes["region"], opened.qc.sizes["region"]
    if theirs != ours:
        raise ReadError(
            f"{path} has {theirs:,} regions, and the hits of {hits} were called in {ours:,};"
            f" {_ADVICE}"
        )
    for name in ("region_chrom", "region_start"):
        if name in regions and name in opened.regions:
            with reading(path):
                found = regions[name].values
            with reading(hits):
                different = found != opened.regions[name].values
            if different.any():
                raise ReadError(
                    f"{path} and {hits} place {int(different.sum()):,} regions differently, first"
                    f" region {int(different.argmax())}; {_ADVICE}"
                )
