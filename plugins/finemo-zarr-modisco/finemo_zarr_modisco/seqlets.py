"""Seqlets: short windows of high importance."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from finemo_zarr_modisco.information import WIDTH
from finemo_zarr_modisco.jaccard import CORE

FLANK = (WIDTH - CORE) // 2
"""Bases of a seqlet on either side of its core."""


class Seqlets(NamedTuple):
    """Arrays ``(seqlet,)``, ordered by region and start.

    Parameters
    ----------
    region : array of int
        Number of the region.
    start : array of int
        First base of the seqlet in the region.
    """

    region: NDArray[np.int64]
    start: NDArray[np.int64]


def core_sums(importance: NDArray[np.float64]) -> NDArray[np.float64]:
    """Sums over all cores, ``(region, length - 4)``.

    Parameters
    ----------
    importance : array, ``(region, length)``
        Contributions, times the sign of the patterns that are looked for.
    """
    count = max(importance.shape[1] - CORE + 1, 0)
    if not count:
        return np.zeros((len(importance), 0))
    # From the middle outwards, so that the sum is the same on the other strand to the last bit.
    part = [importance[:, at : at + count] for at in range(CORE)]
    sums: NDArray[np.float64] = part[2] + (part[1] + part[3]) + (part[0] + part[4])
    return sums


def find_seqlets(importance: NDArray[np.float64], threshold: float) -> Seqlets:
    """Take windows by importance of their cores, the best first; cores do not overlap.

    Parameters
    ----------
    importance : array, ``(region, length)``
        Contributions, times the sign of the patterns that are looked for.
    threshold : float
        Smallest importance of a core.
    """
    sums = core_sums(importance)
    sums[sums < threshold] = -np.inf
    sums[:, :FLANK] = -np.inf
    sums[:, max(sums.shape[1] - FLANK, 0) :] = -np.inf
    regions, starts = [np.zeros(0, np.int64)], [np.zeros(0, np.int64)]
    rows = np.flatnonzero((sums > -np.inf).any(axis=1))
    around = np.arange(1 - CORE, CORE)
    while rows.size:
        best = sums[rows].argmax(axis=1)
        regions.append(rows)
        starts.append(best - FLANK)
        masked = np.clip(best[:, None] + around, 0, sums.shape[1] - 1)
        sums[rows[:, None], masked] = -np.inf
        rows = rows[(sums[rows] > -np.inf).any(axis=1)]
    region, start = np.concatenate(regions), np.concatenate(starts)
    order = np.lexsort((start, region))
    return Seqlets(region[order], start[order])
