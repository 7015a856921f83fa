"""The dense pass: which columns come near their penalty.

Products are in single precision, so a column this close to its penalty is a candidate, which is
then looked at in double precision. Places at which a bound rules a candidate out are passed over:
by Cauchy-Schwarz the product of a column with the residual is at most the norm of the weights times
the norm of the residual under the core, times the column's scale.
"""

from typing import Any

from finemo_zarr_cupy.bank import Bank, Group
from finemo_zarr_cupy.batch import Batch

_MARGIN = 1e-4


def candidates(xp: Any, bank: Bank, batch: Batch, cells: int) -> Any:
    """Find the columns at or above their penalty, where the residual is new.

    Parameters
    ----------
    xp : module
        NumPy or CuPy.
    bank : Bank
        The motifs.
    batch : Batch
        The regions.
    cells : int
        Products and gathered scores that may be in memory at a time.

    Returns
    -------
    array of int64, ``(column,)``
        Their keys, in any order.
    """
    left = _sums_before(xp, batch)
    found = [xp.empty(0, dtype=xp.int64)]
    for group in bank.groups:
        places = _promising(xp, group, batch, left)
        step = max(1, cells // (group.motifs.size + 4 * group.widest))
        slices = (places[first : first + step] for first in range(0, places.size, step))
        found += [_scan(xp, bank, group, batch, part) for part in slices]
    return xp.concatenate(found)


def _sums_before(xp: Any, batch: Batch) -> Any:
    """Squared residual before each place, within the region."""
    squares = (batch.residual.reshape(batch.count, batch.stride, -1) ** 2).sum(axis=2)
    sums = xp.zeros((batch.count, batch.stride))
    sums[:, 1:] = xp.cumsum(squares[:, :-1], axis=1)
    return sums


def _promising(xp: Any, group: Group, batch: Batch, left: Any) -> Any:
    """Places at which some motif of a group could reach its penalty."""
    positions = batch.length - group.narrowest + 1
    if positions <= 0:
        return xp.empty(0, dtype=xp.int64)
    energy = batch.rows_of(batch.sums)
    above = energy[:, group.narrowest : group.narrowest + positions] - energy[:, :positions] + 1
    under = left[:, group.widest : group.widest + positions] - left[:, :positions]
    promising = (under * group.bound > above) & batch.rows_of(batch.stale)[:, :positions]
    promising &= xp.arange(positions) + group.narrowest <= batch.widths[:, None]
    region, position = xp.nonzero(promising)
    return region * batch.stride + position


def _scan(xp: Any, bank: Bank, group: Group, batch: Batch, places: Any) -> Any:
    """Keys of the candidates of a group at some places."""
    ratios = _windows(xp, group, batch, places) @ group.table
    energy = batch.sums[places[:, None] + group.widths] - batch.sums[places][:, None]
    least = ((1 - _MARGIN) * xp.sqrt(energy + 1)).astype(xp.float32)
    position = (places % batch.stride)[:, None]
    width = batch.widths[places // batch.stride][:, None]
    allowed = (position >= group.before) & (position + group.behind <= width)
    place, member = xp.nonzero((ratios >= least[:, group.width_of]) & allowed)
    return places[place] * bank.size + group.motifs[member]


def _windows(xp: Any, group: Group, batch: Batch, places: Any) -> Any:
    """What is under the widest core at each place, ``(place, 4 * widest)``, in single precision."""
    at = places[:, None] * batch.rows + xp.arange(group.widest * batch.rows)
    residual = batch.single[at]
    if batch.rows == 1:
        shows = batch.codes[at][:, :, None] == xp.arange(4, dtype=xp.uint8)
        residual = (residual[:, :, None] * shows).reshape(places.size, -1)
    return residual
