"""What solvers share: the motifs as columns, and which of these are the same."""

from collections import defaultdict
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    import xarray as xr

_SAME = 1e-6


def core_weights(motifs: "xr.Dataset") -> NDArray[np.float64]:
    """Weights of each motif from its core's start on.

    Parameters
    ----------
    motifs : xarray.Dataset
        Oriented motifs.

    Returns
    -------
    array, ``(motif, base, widest core)``
        Zero behind a core that is narrower than the widest.
    """
    starts, ends = motifs.motif_start.values, motifs.motif_end.values
    weights = np.zeros((starts.size, 4, max(int((ends - starts).max(initial=1)), 1)))
    for index, matrix in enumerate(motifs.motif_weights.values):
        weights[index, :, : ends[index] - starts[index]] = matrix[:, starts[index] : ends[index]]
    return weights


def core_room(motifs: "xr.Dataset") -> NDArray[np.int64]:
    """What each motif needs of a region, ``(motif, 3)``.

    Core width, bases before the core, and bases from its start on.

    Parameters
    ----------
    motifs : xarray.Dataset
        Oriented motifs.
    """
    start, end, width = (
        motifs[name].values.astype(np.int64) for name in ("motif_start", "motif_end", "motif_width")
    )
    if motifs.attrs["placement"] == "full":
        return np.column_stack([end - start, start, width - start])
    return np.column_stack([end - start, np.zeros_like(start), end - start])


def largest_squares(weights: NDArray[np.float64], rows: int) -> NDArray[np.float64]:
    """Largest squared norm ``(motif,)`` that a column can have before it is scaled.

    Parameters
    ----------
    weights : array, ``(motif, base, widest core)``
        From :func:`core_weights`, as they are or over lambda.
    rows : int
        1 on projected scores, of which one base shows at each position; 4 on hypothetical ones.
    """
    squares = weights**2
    largest: Any = squares.max(axis=1) if rows == 1 else squares.sum(axis=1)
    return np.asarray(largest.sum(axis=1))


def equal_motifs(motifs: "xr.Dataset") -> list[tuple[int, int]]:
    """Pairs of motifs whose columns are the same, so that a solution cannot tell them apart.

    Such are the two strands of a motif whose core is its own reverse complement, and a motif that
    is given twice.

    Parameters
    ----------
    motifs : xarray.Dataset
        Oriented motifs.

    Returns
    -------
    list of (int, int)
        The motif that is not called, and the one that is: ``+`` before ``-``, then the motif that
        comes first. Of several equal motifs, the first of the list to be called comes first.
    """
    weights = core_weights(motifs)
    widths = motifs.motif_end.values - motifs.motif_start.values
    lambdas = motifs.motif_lambda.values
    reverse = np.asarray(motifs.motif_strand.values == "-", dtype=bool)
    alike: dict[tuple[Any, Any], list[int]] = defaultdict(list)
    pairs = []
    for index in np.lexsort((np.arange(reverse.size), reverse)).tolist():
        earlier = alike[widths[index], lambdas[index]]
        difference = np.abs(weights[earlier] - weights[index]).max(axis=(1, 2), initial=0.0)
        same = difference <= _SAME * np.abs(weights[index]).max()
        pairs += [(index, other) for other, equal in zip(earlier, same, strict=True) if equal]
        earlier.append(index)
    return pairs
