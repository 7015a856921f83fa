"""The working set: columns of the problem, in order of place and motif.

A column is a motif whose core starts at a place; ``place * motifs + motif`` is its key.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from finemo_zarr.sequence import NO_BASE
from finemo_zarr_cupy.bank import Bank
from finemo_zarr_cupy.batch import Batch

SETTLED = 1e-9
"""Coefficients are settled when no step changes the explained scores (of mean square 1) by more."""
_PIECE = 2**16  # columns whose values are in memory at a time


@dataclass
class Columns:
    """Columns in order of their keys.

    Attributes
    ----------
    place, motif : arrays of int64, ``(column,)``
    scale : array of float64, ``(column,)``
        Importance scale: values of a column are the motif's weights times this.
    norm : array of float64, ``(column,)``
        Squared norm.
    coefficient : array of float64, ``(column,)``
    """

    place: Any
    motif: Any
    scale: Any
    norm: Any
    coefficient: Any

    @property
    def count(self) -> int:
        """Number of columns."""
        return int(self.place.size)

    def take(self, index: Any) -> "Columns":
        """Return some of the columns."""
        return Columns(*(values[index] for values in vars(self).values()))


def no_columns(xp: Any) -> Columns:
    """Return an empty working set."""
    whole, real = xp.empty(0, dtype=xp.int64), xp.empty(0)
    return Columns(whole, whole, real, real, real)


def merge(xp: Any, bank: Bank, one: Columns, other: Columns) -> Columns:
    """Return two working sets as one."""
    joined = Columns(
        *(
            xp.concatenate(pair)
            for pair in zip(vars(one).values(), vars(other).values(), strict=True)
        )
    )
    return joined.take(xp.argsort(joined.place * bank.size + joined.motif))


def enter(xp: Any, bank: Bank, batch: Batch, columns: Columns, keys: Any) -> tuple[Columns, Any]:
    """Put columns that are not there into the working set.

    Returns
    -------
    columns : Columns
        The larger working set.
    violated : array of bool, ``(region,)``
        Whether one of the new columns of a region violates its optimality condition.
    """
    if not keys.size:
        return columns, xp.zeros(batch.count, dtype=bool)
    if columns.count:
        present = columns.place * bank.size + columns.motif
        at = xp.minimum(xp.searchsorted(present, keys), columns.count - 1)
        keys = keys[present[at] != keys]
    new = _describe(xp, bank, batch, keys // bank.size, keys % bank.size)
    product = products(xp, bank, batch, new, batch.residual)
    violating = (product > bank.lambdas[new.motif] * (1 + SETTLED)) & (new.norm > 0)
    violated = xp.zeros(batch.count, dtype=bool)
    violated[new.place[violating] // batch.stride] = True
    return merge(xp, bank, columns, new.take(new.norm > 0)), violated


def _describe(xp: Any, bank: Bank, batch: Batch, place: Any, motif: Any) -> Columns:
    energy = batch.sums[place + bank.cores[motif]] - batch.sums[place]
    new = Columns(place, motif, 1 / xp.sqrt(energy + 1), energy, xp.zeros(place.size))
    new.norm = by_pieces(
        xp, new, lambda part: (column_values(xp, bank, batch, part) ** 2).sum(axis=1)
    )
    return new


def products(xp: Any, bank: Bank, batch: Batch, columns: Columns, scores: Any) -> Any:
    """Products ``(column,)`` of columns with scores ``(place * rows,)``, in double precision."""

    def multiply(part: Columns) -> Any:
        values = column_values(xp, bank, batch, part)
        return (values * scores[spans(xp, bank, batch, part)]).sum(axis=1)

    return by_pieces(xp, columns, multiply)


def column_values(xp: Any, bank: Bank, batch: Batch, columns: Columns) -> Any:
    """Values ``(column, widest * rows)`` of columns from the core's start, zero behind the core."""
    weights = bank.weights[columns.motif]
    if bank.rows == 1:
        codes = batch.codes[spans(xp, bank, batch, columns)]
        chosen = 4 * xp.arange(bank.widest) + xp.minimum(codes, NO_BASE - 1)
        weights = xp.take_along_axis(weights, chosen, axis=1) * (codes < NO_BASE)
    return weights * columns.scale[:, None]


def spans(xp: Any, bank: Bank, batch: Batch, columns: Columns) -> Any:
    """Where the values of columns stand, ``(column, widest * rows)``, in ``(place * rows,)``."""
    return columns.place[:, None] * batch.rows + xp.arange(bank.widest * batch.rows)


def by_pieces(xp: Any, columns: Columns, function: Callable[[Columns], Any]) -> Any:
    """Call a function for some columns at a time, which bounds memory, and join the results."""
    pieces = range(0, max(columns.count, 1), _PIECE)
    return xp.concatenate([function(columns.take(slice(i, i + _PIECE))) for i in pieces])
