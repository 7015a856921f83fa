"""Which motifs resemble one another."""

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from finemo_zarr.evaluation._instances import MotifTable

if TYPE_CHECKING:
    import xarray as xr

_SMALLEST_SHARE = 0.5


def motif_similarity(motifs: "xr.Dataset") -> "xr.Dataset":
    """Largest cosine of the cores of two motifs, over all offsets and both strands.

    Only offsets count at which the cores share at least half of the shorter; what reaches over
    counts as zero.

    Parameters
    ----------
    motifs : xarray.Dataset
        An oriented motifs dataset.

    Returns
    -------
    xarray.Dataset
        ``motif_similarity`` ``(motif, other_motif)``, symmetric, 1 on the diagonal.
    """
    import xarray as xr

    table = MotifTable.of(motifs)
    weights = motifs["motif_weights"].values.astype(np.float64)
    starts, ends = motifs["motif_start"].values, motifs["motif_end"].values
    lengths = ends - starts
    cores = np.zeros((len(weights), 4, int(lengths.max(initial=1))))
    for core, matrix, start, end in zip(cores, weights, starts, ends, strict=True):
        core[:, : end - start] = matrix[:, start:end]
    norms = np.sqrt((cores**2).sum(axis=(1, 2), keepdims=True))
    cores = np.divide(cores, norms, out=np.zeros_like(cores), where=norms > 0)
    forward, backward = table.oriented.T
    best = np.maximum(
        _best_cosines(cores[forward], cores[forward], lengths[forward], lengths[forward]),
        _best_cosines(cores[forward], cores[backward], lengths[forward], lengths[backward]),
    )
    dims = ("motif", "other_motif")
    return xr.Dataset(
        {"motif_similarity": (dims, np.maximum(best, best.T))},
        coords={"motif": table.names, "other_motif": table.names},
    )


def _best_cosines(
    a: NDArray[np.float64], b: NDArray[np.float64], width_a: Any, width_b: Any
) -> NDArray[np.float64]:
    longest = a.shape[-1]
    best = np.full((len(a), len(b)), -np.inf)
    shorter = np.minimum(width_a[:, None], width_b[None])
    for offset in range(1 - longest, longest):
        left = a[:, :, max(offset, 0) : longest + min(offset, 0)].reshape(len(a), -1)
        right = b[:, :, max(-offset, 0) : longest - max(offset, 0)].reshape(len(b), -1)
        overlap = np.minimum(width_a[:, None], offset + width_b[None]) - max(offset, 0)
        product = np.where(overlap >= _SMALLEST_SHARE * shorter, left @ right.T, -np.inf)
        best = np.maximum(best, product)
    return best
