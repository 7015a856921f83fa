"""How messages name a region."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import xarray as xr


def region_label(regions: "xr.Dataset", index: int) -> str:
    """Name a region by its coordinates, if it has any, and its number.

    Parameters
    ----------
    regions : xarray.Dataset
        A regions dataset, or only its coordinates.
    index : int
        Number of the region, from 0.
    """
    if "region_chrom" not in regions:
        return f"region {index} (counting from 0)"
    row = regions[["region_chrom", "region_start", "region_end", "region_name"]].isel(region=index)
    chrom, start, end, name = (row[key].values.item() for key in row.data_vars)
    place = f"{chrom}:{start}-{end}"
    return f"{name} ({place})" if name and name != "." else f"region {index} ({place})"
