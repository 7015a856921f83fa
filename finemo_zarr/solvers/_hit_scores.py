"""What solvers share: similarity and importances of hits, from their definitions."""

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from finemo_zarr.sequence import NO_BASE
from finemo_zarr.solvers._columns import core_weights

if TYPE_CHECKING:
    import xarray as xr

FloatArray = NDArray[np.float64]
Places = tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]

_AT_ONCE = 4096  # hits


def score_hits(
    scores: FloatArray, codes: NDArray[np.uint8], motifs: "xr.Dataset", places: Places
) -> dict[str, FloatArray]:
    """Similarity and importances, as columns for :func:`finemo_zarr.model.create_hits`.

    Parameters
    ----------
    scores : array, ``(region, rows, position)``
        From :func:`finemo_zarr.solvers._hits.problem_scores`.
    codes : array of uint8, ``(region, position)``
        Base codes.
    motifs : xarray.Dataset
        Oriented motifs.
    places : three arrays of int, ``(hit,)``
        Region, motif and the first base of the core.
    """
    weights = core_weights(motifs)
    widths = (motifs.motif_end.values - motifs.motif_start.values).astype(np.int64)
    count = places[0].size
    sums = [np.empty((3, 0))] + [
        _sums(scores, codes, (weights, widths), (region, motif, start))
        for region, motif, start in (
            tuple(place[first : first + _AT_ONCE] for place in places)
            for first in range(0, count, _AT_ONCE)
        )
    ]
    product, importance, importance_sq = np.concatenate(sums, axis=1)
    norm = np.sqrt(importance_sq)
    return {
        "similarity": np.divide(product, norm, out=np.zeros(count), where=norm > 0),
        "importance": importance,
        "importance_sq": importance_sq,
    }


def _sums(
    scores: FloatArray,
    codes: NDArray[np.uint8],
    bank: tuple[FloatArray, NDArray[np.int64]],
    places: Places,
) -> FloatArray:
    """Sums ``(3, hit)`` under the cores: score times weight, absolute and squared score."""
    weights, widths = bank
    region, motif, start = places
    offsets = np.arange(weights.shape[2])
    inside = offsets < widths[motif][:, None]
    positions = np.where(inside, start[:, None] + offsets, 0)
    under = np.where(inside[:, None], scores[region[:, None], :, positions].transpose(0, 2, 1), 0)
    if scores.shape[1] == 1:
        bases = np.where(inside, codes[region[:, None], positions], NO_BASE)
        own = weights[motif[:, None], np.minimum(bases, 3), offsets]
        shown = np.where(bases < NO_BASE, own, 0)[:, None]
    else:
        shown = weights[motif]
    sums: FloatArray = np.stack([under * shown, np.abs(under), under**2]).sum(axis=(2, 3))
    return sums
