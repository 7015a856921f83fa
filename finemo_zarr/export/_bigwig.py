"""Contribution scores of a regions store as bigWig."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from finemo_zarr.export._source import Source
from finemo_zarr.sequence import project

if TYPE_CHECKING:
    import xarray as xr

_STRIPE_BASES = 2**26
"""Bases of the regions of the chromosomes that are written together."""


def write_contributions(
    source: Source, path: Path, sizes: Mapping[str, int], track: str | None = None
) -> None:
    """Write projected scores; where regions overlap, their mean.

    Memory is bounded by the regions of one chromosome; of a store whose regions are not sorted by
    chromosome, some chunks are read more than once.

    Parameters
    ----------
    source : Source
        Hits and their regions store.
    path : Path
        bigWig file.
    sizes : mapping
        Lengths of the chromosomes, ordered by name.
    track : str, optional
        Name of the track; by default the mean of all.
    """
    import pyBigWig

    with pyBigWig.open(str(path), "w") as file:
        file.addHeader(list(sizes.items()))
        for chroms, rows, scores in _stripes(source, track):
            for chrom in sorted(set(chroms)):
                own = [number for number, name in enumerate(chroms) if name == chrom]
                for start, values in _covered(source, rows[own], scores[own], sizes[chrom]):
                    file.addEntries(chrom, start, values=values, span=1, step=1)


def _stripes(
    source: Source, track: str | None
) -> Iterator[tuple[list[str], NDArray[np.int64], NDArray[np.float32]]]:
    """Chromosomes, numbers and scores of the regions of some chromosomes, in order of name."""
    places = source.places(by_name=True)
    width = source.regions.sizes["position"]
    per_rank = np.bincount(places.rank) * width
    stripe_of_rank = (np.cumsum(per_rank) - per_rank) // _STRIPE_BASES
    stripe = stripe_of_rank[places.rank]
    for number in np.unique(stripe):
        wanted = stripe == number
        parts = [
            _projected(block)[wanted[part]] for part, block in source.score_blocks(track, wanted)
        ]
        rows = np.flatnonzero(wanted)
        yield places.chrom.gather(rows).to_list(), rows, np.concatenate(parts)


def _projected(block: "xr.Dataset") -> NDArray[Any]:
    scores = block["region_contributions"].values
    return scores if scores.ndim == 2 else project(scores, block["region_sequence"].values)


def _covered(
    source: Source, rows: NDArray[np.int64], scores: NDArray[np.float32], size: int
) -> Iterator[tuple[int, NDArray[np.float32]]]:
    """Start and scores of each stretch of a chromosome that regions cover without a gap."""
    regions = source.opened.regions
    first, last = regions["region_start"].values[rows], regions["region_end"].values[rows]
    begin, end = np.clip(first, 0, size), np.clip(last, 0, size)
    order = np.argsort(begin, kind="stable")
    order = order[begin[order] < end[order]]
    if not order.size:
        return
    reach = np.maximum.accumulate(end[order])
    new = np.flatnonzero(np.r_[True, begin[order][1:] > reach[:-1]])
    for low, high in zip(new, [*new[1:], order.size], strict=True):
        start, stop = int(begin[order[low]]), int(reach[high - 1])
        total, count = np.zeros(stop - start), np.zeros(stop - start)
        for row in order[low:high]:
            at = slice(begin[row] - start, end[row] - start)
            total[at] += scores[row, begin[row] - first[row] : end[row] - first[row]]
            count[at] += 1
        yield start, (total / count).astype(np.float32)
