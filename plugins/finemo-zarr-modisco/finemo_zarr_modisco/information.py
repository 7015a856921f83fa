"""Information content of a position probability matrix, and the parts of a motif that have it."""

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]

WIDTH = 25
"""Width of a pattern and of a seqlet in bp."""
UNIFORM = (0.25, 0.25, 0.25, 0.25)
_PSEUDOCOUNT = 0.001
_TOLERANCE = 1e-5


def information(ppm: FloatArray, background: tuple[float, ...] = UNIFORM) -> FloatArray:
    """Information content of each position, in bits.

    The entropy of the background less that of the position. Where the background is not uniform,
    this is no divergence.

    Parameters
    ----------
    ppm : array, ``(position, 4)``
        Base frequencies; a row that does not sum to 1 is divided by its sum.
    background : tuple of four floats
        Base frequencies of the sequences.

    Returns
    -------
    array, ``(position,)``
    """
    ppm = np.asarray(ppm, dtype=np.float64)
    total = ppm.sum(axis=-1, keepdims=True)
    off = (np.abs(total - 1) > _TOLERANCE) & (total > 0)
    ppm = np.divide(ppm, total, out=ppm.copy(), where=off)
    q = np.asarray(background, dtype=np.float64)
    known = ppm * np.log2((ppm + _PSEUDOCOUNT) / (1 + 4 * _PSEUDOCOUNT))
    bits: FloatArray = known.sum(axis=-1) - (q * np.log2(np.where(q > 0, q, 1))).sum()
    return bits


def best_window(bits: FloatArray, width: int = WIDTH) -> int:
    """First position of the window with the most information, the first of several.

    A motif that is narrower than the window is put into its middle; the position is then negative.
    """
    if len(bits) < width:
        return -((width - len(bits)) // 2)
    sums = np.convolve(bits, np.ones(width), mode="valid")
    # Sums that differ by rounding alone are the same.
    return int(np.argmax(sums >= sums.max() - 1e-9))


def informative_core(bits: FloatArray, least: float) -> tuple[int, int] | None:
    """From the first position with enough information to the last, exclusive; None without any."""
    enough = np.flatnonzero(bits >= least)
    return (int(enough[0]), int(enough[-1]) + 1) if enough.size else None
