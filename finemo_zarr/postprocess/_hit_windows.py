"""The cores of hits as windows, and the matrices that they are compared with."""

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from finemo_zarr.motifs import motif_numbers
from finemo_zarr.postprocess._windows import Windows
from finemo_zarr.store import HitsStore

if TYPE_CHECKING:
    import xarray as xr

FloatArray = NDArray[np.float64]


def hit_windows(
    opened: HitsStore, rows: NDArray[np.int64]
) -> tuple[Windows, NDArray[np.int64], list[FloatArray]]:
    """Cores of hits, the number of their motif, and the part of the CWM that each covers.

    The extent of a core is read from the hit itself, so that it is that of the run.
    """
    hits, motifs = opened.hits.isel(hit=rows), opened.motifs
    oriented = hits["hit_motif"].values.astype(np.int64)
    start, end = (hits[f"hit_{name}"].values.astype(np.int64) for name in ("start", "end"))
    before = start - hits["hit_start_untrimmed"].values
    width = motifs["motif_width"].values[oriented]
    minus = (motifs["motif_strand"].values == "-")[oriented]
    first = np.where(minus, width - before - (end - start), before)
    numbers, forward = _forward(motifs)
    motif = numbers[oriented]
    extents, core = np.unique(
        np.stack([motif, first, end - start], axis=1), axis=0, return_inverse=True
    )
    matrices = motifs["motif_cwm"].values.astype(np.float64)
    cores = [_cut(matrices[forward[m]], int(at), int(size)) for m, at, size in extents.tolist()]
    region = hits["hit_region"].values.astype(np.int64)
    return Windows(region, start, end, core.reshape(-1)), motif, cores


def _forward(motifs: "xr.Dataset") -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Number of the motif of each oriented one, and the index of the ``+`` one of each."""
    names, numbers = motif_numbers(motifs)
    forward = np.zeros(len(names), dtype=np.int64)
    plus = np.flatnonzero(motifs["motif_strand"].values == "+")
    forward[numbers[plus]] = plus
    return numbers, forward


def _cut(matrix: FloatArray, start: int, size: int) -> FloatArray:
    """Columns of a matrix; what lies outside of it is zero."""
    cut = np.zeros((len(matrix), size))
    low, high = max(start, 0), min(start + size, matrix.shape[1])
    if high > low:
        cut[:, low - start : high - start] = matrix[:, low:high]
    return cut
