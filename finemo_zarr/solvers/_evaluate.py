"""Residual and duality gap of one long region at given coefficients, in little memory.

The residual is that of :class:`finemo_zarr.problem.RegionProblem`, but there is no array of one
number for each motif and position: most positions need no product at all, since by Cauchy-Schwarz
no column that starts there can exceed its penalty.

The gap is the smaller of two. By the definition, all of the residual is shrunk by as much as its
worst place needs, so that of two parts of a region, solved to the same gap, the quiet one could
spoil that of the loud one. So each part is also shrunk by itself, and then all of it by what
columns across the ends of parts need: that is a point of the dual problem too, and its gap as much
a bound.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from finemo_zarr.sequence import one_hot
from finemo_zarr.solvers._columns import core_room, core_weights, largest_squares

if TYPE_CHECKING:
    import xarray as xr

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

_CELLS = 2**19  # products and gathered numbers at a time
_GROUP = 16  # motifs of similar width, which share a bound
_MARGIN = 1e-4  # closer to its penalty than this, a product is looked at in double precision


class Coefficients(NamedTuple):
    """The coefficients that are not zero, ``(hit,)`` each."""

    motif: IntArray
    start: IntArray
    """Where the core starts."""
    value: FloatArray


class _Motifs(NamedTuple):
    weights: FloatArray  # (motif, base, widest core)
    penalised: FloatArray  # the same over lambda
    lambdas: FloatArray  # (motif,)
    room: IntArray  # (motif, 3), from core_room
    bounds: FloatArray  # (motif,): largest squared norm of an unscaled column over lambda


def evaluate(
    scores: FloatArray,
    codes: NDArray[np.uint8],
    motifs: "xr.Dataset",
    found: Coefficients,
    cuts: Sequence[int] = (),
) -> tuple[float, float]:
    """Squared residual and duality gap of a region, not divided by its width.

    Parameters
    ----------
    scores : array, ``(rows, position)``
        Scaled scores, as :func:`finemo_zarr.solvers._hits.problem_scores` has them: one row where
        they are projected, four where they are hypothetical.
    codes : array of uint8, ``(position,)``
        Base codes.
    motifs : xarray.Dataset
        Oriented motifs.
    found : Coefficients
        The coefficients.
    cuts : sequence of int
        Where, in order, parts end that are shrunk by themselves.
    """
    bank = _bank(motifs, len(scores))
    pad = ((0, 0), (0, bank.weights.shape[2]))
    visible = one_hot(codes, np.float64) if len(scores) == 1 else np.ones(scores.shape)
    visible = np.pad(visible, pad)
    shown = np.pad(scores, pad) * visible
    energy = _running(shown)
    residual = _residual(shown, visible, energy, bank, found)
    length, reach = scores.shape[1], bank.weights.shape[2]
    excess = _excess(residual, energy, bank, length, cuts)
    by_parts = residual / excess[np.searchsorted(cuts, np.arange(visible.shape[1]), side="right")]
    # Columns within a part are below their penalty now.
    near = np.array(cuts, dtype=np.int64)[:, None] - np.arange(1, reach)
    across = np.unique(near[(near >= 0) & (near < length)])
    by_parts /= _excess(by_parts, energy, bank, length, starts=across).max()
    squares = float((residual**2).sum())
    objective = 0.5 * squares + float((bank.lambdas[found.motif] * found.value).sum())
    duals = (residual / excess.max(), by_parts)
    bound = max(float((shown * dual).sum() - 0.5 * (dual**2).sum()) for dual in duals)
    return squares, max(objective - bound, 0.0)


def _bank(motifs: "xr.Dataset", rows: int) -> _Motifs:
    weights = core_weights(motifs)
    lambdas = motifs.motif_lambda.values.astype(np.float64)
    penalised = weights / lambdas[:, None, None]
    bounds = largest_squares(penalised, rows)
    return _Motifs(weights, penalised, lambdas, core_room(motifs), bounds)


def _running(values: FloatArray) -> FloatArray:
    """Squared values ``(base, position)`` before each position, ``(position + 1,)``."""
    sums: FloatArray = np.concatenate([[0.0], np.cumsum((values**2).sum(axis=0))])
    return sums


def _residual(
    shown: FloatArray, visible: FloatArray, energy: FloatArray, bank: _Motifs, found: Coefficients
) -> FloatArray:
    explained = np.zeros_like(shown)
    offsets = np.arange(bank.weights.shape[2])
    at_once = max(1, _CELLS // bank.weights[0].size)
    for first in range(0, found.motif.size, at_once):
        motif, start, value = (column[first : first + at_once] for column in found)
        under = energy[start + bank.room[motif, 0]] - energy[start]
        size = value / np.sqrt(under + 1)
        columns = size[:, None, None] * bank.weights[motif]
        positions: Any = (start[:, None] + offsets)[:, None]
        np.add.at(explained.T, (positions, np.arange(4)[:, None]), columns)
    return shown - explained * visible


def _excess(
    residual: FloatArray,
    energy: FloatArray,
    bank: _Motifs,
    length: int,
    cuts: Sequence[int] = (),
    starts: IntArray | None = None,
) -> FloatArray:
    """Largest product of a column with the residual over its penalty, or 1 if that is less.

    One number ``(part,)`` for the columns that start in each part, at some or at all positions.
    """
    starts = np.arange(length) if starts is None else starts
    left, rows = _running(residual), np.ascontiguousarray(residual.T, dtype=np.float32).ravel()
    excess = np.ones(len(cuts) + 1)
    order = np.argsort(bank.room[:, 0])
    for first in range(0, order.size, _GROUP):
        group = order[first : first + _GROUP]
        narrowest, widest = (int(bank.room[group[end], 0]) for end in (0, -1))
        at = starts[starts <= length - narrowest]
        least = energy[at + narrowest] - energy[at] + 1
        near = (left[at + widest] - left[at]) * bank.bounds[group].max() > least
        at, least = at[near], np.sqrt(least[near])
        table = bank.penalised[group, :, :widest].transpose(0, 2, 1).reshape(group.size, -1)
        single, windows = table.T.astype(np.float32), sliding_window_view(rows, 4 * widest)
        at_once = max(1, _CELLS // (4 * widest))
        for begin in range(0, at.size, at_once):
            part = slice(begin, begin + at_once)
            highest = (windows[4 * at[part]] @ single).max(axis=1, initial=0.0)
            some = at[part][highest > (1 - _MARGIN) * least[part]]
            largest = _largest(residual, energy, bank, group, some, length)
            np.maximum.at(excess, np.searchsorted(cuts, some, side="right"), largest)
    return excess


def _largest(
    residual: FloatArray,
    energy: FloatArray,
    bank: _Motifs,
    group: IntArray,
    at: IntArray,
    length: int,
) -> FloatArray:
    """Largest product over penalty ``(start,)`` of the columns of a group at some positions."""
    core, before, behind = bank.room[group].T
    widest = int(core.max())
    windows = residual[:, at[:, None] + np.arange(widest)]
    products = np.einsum("bqw,mbw->qm", windows, bank.penalised[group, :, :widest], optimize=True)
    products /= np.sqrt(energy[at[:, None] + core] - energy[at][:, None] + 1)
    allowed = (at[:, None] >= before) & (at[:, None] + behind <= length)
    largest: FloatArray = products.max(axis=1, initial=0.0, where=allowed)
    return largest
