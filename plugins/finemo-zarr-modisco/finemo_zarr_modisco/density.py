"""Density adaptation: how near is near depends on how many neighbours there are.

Rows of neighbours may differ in length; they are laid one behind the other, and `bounds` says where
each begins.
"""

from typing import Literal

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]
Kernel = Literal["reference", "calibrated"]

PERPLEXITY = 10.0
_STEPS = 100
_TOLERANCE = 1e-5
_LEAST_NORM = 1e-8
_AT_ONCE = 2**20


def row_sums(values: FloatArray, bounds: NDArray[np.int64]) -> FloatArray:
    """Sum of each row; a row has at least one value.

    Parameters
    ----------
    values : array, ``(value,)``
        The rows.
    bounds : array of int, ``(row + 1,)``
        Where each begins, and where the last ends.
    """
    if len(bounds) == 1:
        return np.zeros(0)
    return np.add.reduceat(values, bounds[:-1])


def find_betas(
    distances: FloatArray, bounds: NDArray[np.int64], perplexity: float = PERPLEXITY
) -> FloatArray:
    """Precision for each row at which ``softmax(-beta d)`` has a perplexity, by halving.

    Parameters
    ----------
    distances : array, ``(value,)``
        Distances of all rows.
    bounds : array of int, ``(row + 1,)``
        Where each begins.
    perplexity : float
        What is asked for; a third of its length of a row that is no longer. A row that cannot have
        it, since values are the same, goes as far as it gets in 100 steps.
    """
    found = np.ones(len(bounds) - 1)
    first = 0
    while first < len(found):
        most = np.searchsorted(bounds, bounds[first] + _AT_ONCE, side="right") - 1
        last = max(int(most), first + 1)
        rows = slice(int(bounds[first]), int(bounds[last]))
        own = bounds[first : last + 1] - bounds[first]
        found[first:last] = _find_betas(distances[rows], own, perplexity)
        first = last
    return found


def _find_betas(distances: FloatArray, bounds: NDArray[np.int64], perplexity: float) -> FloatArray:
    lengths = np.diff(bounds)
    wanted = np.log(np.where(lengths > perplexity, perplexity, np.maximum(lengths / 3, 1)))
    nearest = np.minimum.reduceat(distances, bounds[:-1])
    beyond = distances - np.repeat(nearest, lengths)
    beta = np.ones(len(lengths))
    low, high = np.zeros(len(lengths)), np.full(len(lengths), np.inf)
    open_rows = np.ones(len(lengths), np.bool_)
    for _ in range(_STEPS):
        weights = np.exp(-beyond * np.repeat(beta, lengths))
        total = row_sums(weights, bounds)
        entropy = np.log(total) + beta * row_sums(weights * beyond, bounds) / total
        off = entropy - wanted
        open_rows &= np.abs(off) > _TOLERANCE
        if not open_rows.any():
            break
        up = open_rows & (off > 0)
        down = open_rows & (off <= 0)
        low[up], high[down] = beta[up], beta[down]
        middle = np.where(np.isinf(high), 2 * beta, (low + high) / 2)
        beta = np.where(open_rows, middle, beta)
    return beta


def kernel_values(distances: FloatArray, beta: FloatArray, kernel: Kernel) -> FloatArray:
    """What a distance counts for.

    Parameters
    ----------
    distances, beta : arrays
        Distances, and the beta of each.
    kernel : {"reference", "calibrated"}
        ``reference`` divides by beta, ``calibrated`` multiplies with it, which is what it was found
        for: see the page of the plugin.
    """
    with np.errstate(over="ignore"):
        scaled = distances * beta if kernel == "calibrated" else distances / beta
    return np.exp(-scaled)


def row_shares(
    distances: FloatArray, bounds: NDArray[np.int64], beta: FloatArray, kernel: Kernel
) -> tuple[FloatArray, FloatArray]:
    """What each value of a row counts for, as a share of the row; and what the row sums to.

    Parameters
    ----------
    distances : array, ``(value,)``
        Distances of all rows.
    bounds : array of int, ``(row + 1,)``
        Where each begins.
    beta : array, ``(row,)``
        From :func:`find_betas`.
    kernel : {"reference", "calibrated"}
        See :func:`kernel_values`.
    """
    lengths = np.diff(bounds)
    each = np.repeat(beta, lengths)
    if kernel == "reference" or not len(lengths):
        values = kernel_values(distances, each, kernel)
        norm = np.maximum(row_sums(values, bounds), _LEAST_NORM)
        return values / np.repeat(norm, lengths), norm
    # A common factor cancels, without which what is far from all would be nothing.
    nearest = np.minimum.reduceat(distances, bounds[:-1])
    values = kernel_values(distances - np.repeat(nearest, lengths), each, kernel)
    total = row_sums(values, bounds)
    norm = np.maximum(total * kernel_values(nearest, beta, kernel), _LEAST_NORM)
    return values / np.repeat(total, lengths), norm
