"""The scores that a hit is compared with: those of a regions store, or of the region itself."""

from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

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


class NullStore(NamedTuple):
    """A regions store as it is now: what is remembered of it counts until it is written anew.

    Parameters
    ----------
    path : Path
        The store.
    most : int
        Regions read of it.
    stamp : tuple of int
        When its description was written, and how long that is.
    """

    path: Path
    most: int
    stamp: tuple[int, ...]

    @classmethod
    def now(cls, path: Path | str, most: int) -> "NullStore":
        """The store, as its description is now; where there is none, opening it says so."""
        described = Path(path) / "zarr.json"
        stat = described.stat() if described.is_file() else None
        return cls(Path(path), most, () if stat is None else (stat.st_mtime_ns, stat.st_size))


@lru_cache(maxsize=4)
def null_scores(null: NullStore) -> NDArray[np.float32]:
    """Projected scores ``(region, position)`` of a regions store.

    Raises
    ------
    SchemaError
        If its regions have tracks, or differ in width: padding is no score.
    """
    path = null.path
    regions = open_regions(path)
    if "track" in regions.sizes:
        raise SchemaError(
            f"{path} has several tracks: give a null store of one track, or leave --null-store out"
        )
    if "region_width" in regions:
        raise SchemaError(f"{path} has regions of different widths: a null store needs one width")
    count = regions.sizes["region"]
    chosen = np.unique(np.linspace(0, count - 1, min(null.most, count)).astype(np.int64))
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
def null_quantile(null: NullStore, width: int, quantile: float) -> float:
    """Quantile of the absolute sums of all windows of a width, in a regions store.

    Raises
    ------
    SchemaError
        If its regions are narrower.
    """
    total = running_sums(null_scores(null))
    if (widest := total.shape[1] - 1) < width:
        raise SchemaError(
            f"{null.path} has regions of {widest} bp, and a motif has {width} bp: give a null store"
            " of regions that are at least as wide, or trim motifs more (-t)"
        )
    return float(np.quantile(window_sums(total, width), quantile))
