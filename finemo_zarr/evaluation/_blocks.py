"""Regions of a dataset, some at a time, as arrays."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from finemo_zarr.sequence import BASES, NO_BASE, project

if TYPE_CHECKING:
    import xarray as xr

_BASES_AT_ONCE = 2**22


class ScoreBlock(NamedTuple):
    """Some regions.

    Parameters
    ----------
    first, last : int
        Which.
    codes : array of uint8, ``(region, position)``
    projected : array of float32, ``(region, position)``
    hypothetical : array of float32, ``(region, 4, position)``, optional
    """

    first: int
    last: int
    codes: NDArray[np.uint8]
    projected: NDArray[Any]
    hypothetical: NDArray[Any] | None


def score_blocks(regions: "xr.Dataset") -> Iterator[ScoreBlock]:
    """Read sequences and scores, in whole chunks, about four million bases at a time."""
    count, length = regions["region_sequence"].shape
    chunks = regions["region_sequence"].chunksizes.get("region", (count,))
    step = max(chunks[0] if chunks else 1, 1)
    step *= max(1, _BASES_AT_ONCE // max(step * length, 1))
    for first in range(0, count, step):
        part = regions[["region_sequence", "region_contributions"]].isel(
            region=slice(first, first + step)
        )
        yield _block(part.load(), first)


def regions_block(regions: "xr.Dataset", rows: list[int]) -> ScoreBlock:
    """Read some single regions."""
    return _block(regions[["region_sequence", "region_contributions"]].isel(region=rows).load(), 0)


def _block(part: "xr.Dataset", first: int) -> ScoreBlock:
    codes, scores = part["region_sequence"].values, part["region_contributions"].values
    last = first + len(codes)
    if scores.ndim == 3:
        return ScoreBlock(first, last, codes, project(scores, codes), scores)
    return ScoreBlock(first, last, codes, np.where(codes == NO_BASE, 0, scores), None)


def flat_windows(
    start: NDArray[np.int64], width: int, length: int
) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """Positions ``(window, width)`` under windows, and which of them lie in their region."""
    position = start[:, None] + np.arange(width)
    inside = (position >= 0) & (position < length)
    return np.where(inside, position, 0), inside


def base_cells(codes: NDArray[np.uint8]) -> NDArray[np.int64]:
    """Row of each base in a matrix of four; 0 where there is none."""
    return np.minimum(codes, len(BASES) - 1).astype(np.int64)
