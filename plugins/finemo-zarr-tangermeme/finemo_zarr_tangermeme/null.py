"""The scores that a hit is compared with: those of a regions store, or of the region itself."""

from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from finemo_zarr import open_regions
from finemo_zarr.errors import SchemaError
from finemo_zarr.protocols import option
from finemo_zarr_tangermeme.inputs import projected_scores, running_sums

if TYPE_CHECKING:
    import xarray as xr

_AT_ONCE = 512


def null_store_option() -> Any:
    """Declare ``--null-store``."""
    return option(
        "--null-store",
        default=None,
        metavar="STORE",
        help="Regions store whose scores say what is usual, best the one that is called; by default"
        " each region is compared with itself.",
    )


def null_regions_option() -> Any:
    """Declare ``--null-regions``."""
    return option(
        "--null-regions",
        default=20_000,
        metavar="N",
        help="Regions read of the null store, evenly spaced, which bounds memory.",
    )


def compared_with(null_store: Path | None) -> str | None:
    """Why a part of a region would have other hits than the whole, if it would."""
    if null_store is not None:
        return None
    return "each region is compared with itself, so with the whole of it; give --null-store STORE"


@lru_cache(maxsize=4)
def null_scores(path: Path, most: int) -> NDArray[np.float32]:
    """Projected scores ``(region, position)`` of a regions store, at most so many regions.

    Raises
    ------
    SchemaError
        If its regions have tracks, or differ in width: padding is no score.
    """
    regions = open_regions(path)
    if "track" in regions.sizes:
        raise SchemaError(
            f"{path} has several tracks: give a null store of one track, or leave --null-store out"
        )
    if "region_width" in regions:
        raise SchemaError(f"{path} has regions of different widths: a null store needs one width")
    count = regions.sizes["region"]
    chosen = np.unique(np.linspace(0, count - 1, min(most, count)).astype(np.int64))
    return np.concatenate(list(_blocks(regions, chosen)))


def _blocks(regions: "xr.Dataset", chosen: NDArray[np.int64]) -> Iterator[NDArray[np.float32]]:
    wanted = regions[["region_sequence", "region_contributions"]]
    for first in range(0, chosen.size, _AT_ONCE):
        rows = chosen[first : first + _AT_ONCE]
        yield projected_scores(wanted.isel(region=rows).compute(scheduler="synchronous"))


def window_sums(total: NDArray[np.float64], width: int) -> NDArray[np.float64]:
    """Absolute sums ``(region, start)`` of all windows of a width, from the running sums."""
    sums: NDArray[np.float64] = np.abs(total[:, width:] - total[:, :-width])
    return sums


@lru_cache(maxsize=4096)
def null_quantile(path: Path, most: int, width: int, quantile: float) -> float:
    """Quantile of the absolute sums of all windows of a width, in a regions store."""
    total = running_sums(null_scores(path, most))
    return float(np.quantile(window_sums(total, width), quantile))
