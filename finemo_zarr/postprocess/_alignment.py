"""How two motifs lie on one another."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]


class Alignment(NamedTuple):
    """A motif laid on another.

    Parameters
    ----------
    similarity : float
        Mean cosine of the columns that lie on one another, from -1 to 1.
    offset : int
        Column of the first motif on which the first column of the second lies.
    reverse : bool
        Whether the second is reverse-complemented.
    """

    similarity: float
    offset: int
    reverse: bool


def align(a: FloatArray, b: FloatArray) -> Alignment:
    """Lay a motif on another, in the better orientation, at the offset with the largest sum.

    The sum is that of the cosines of columns, from each of which its mean was subtracted; at least
    one column lies on another. Of equal sums, the first offset and the given orientation win.

    Parameters
    ----------
    a, b : array, ``(4, width)``
        Matrices, of any widths.
    """
    forward, backward = _best(a, b), _best(a, b[::-1, ::-1])
    reverse = backward[0] > forward[0]
    total, offset = backward if reverse else forward
    overlap = min(a.shape[1], offset + b.shape[1]) - max(offset, 0)
    # Rounding would make of the same more than the same.
    return Alignment(min(total / overlap, 1.0), offset, reverse)


def _best(a: FloatArray, b: FloatArray) -> tuple[float, int]:
    """Largest sum of cosines, and its offset."""
    rows = zip(_unit_columns(a), _unit_columns(b), strict=True)
    sums = np.sum([np.correlate(x, y, "full") for x, y in rows], axis=0)
    # What differs by rounding alone is the same.
    best = int(np.argmax(sums >= sums.max() - 1e-9))
    return float(sums[best]), best - (b.shape[1] - 1)


def _unit_columns(matrix: FloatArray) -> FloatArray:
    centred = matrix - matrix.mean(axis=0)
    length = np.sqrt((centred**2).sum(axis=0))
    unit: FloatArray = np.divide(centred, length, out=np.zeros_like(centred), where=length > 0)
    return unit


def match_one_to_one(similarity: FloatArray, least: float) -> list[tuple[int, int]]:
    """Pairs of rows and columns: the best of all, then the best of what is left, and so on.

    Parameters
    ----------
    similarity : array, ``(row, column)``
        What is larger is better.
    least : float
        Pairs below this are none.
    """
    left, pairs = similarity.astype(np.float64).copy(), []
    while left.size:
        row, column = divmod(int(left.argmax()), left.shape[1])
        if not left[row, column] >= least:
            break
        pairs.append((row, column))
        left[row], left[:, column] = -np.inf, -np.inf
        if np.isneginf(left).all():
            break
    return pairs
