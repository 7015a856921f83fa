"""The active-set method on a batch, and what is reported of its solution."""

from typing import Any

from finemo_zarr_cupy.bank import Bank
from finemo_zarr_cupy.batch import Batch, refresh
from finemo_zarr_cupy.columns import (
    Columns,
    by_pieces,
    column_values,
    enter,
    no_columns,
    products,
    spans,
)
from finemo_zarr_cupy.polish import polish
from finemo_zarr_cupy.scan import candidates
from finemo_zarr_cupy.settle import Settle, settle_clusters

_NEGLIGIBLE = 1e-7
_SWEEPS = 32  # before the next Newton steps


def solve_batch(
    xp: Any, bank: Bank, batch: Batch, settle: Settle, *, max_steps: int, cells: int
) -> tuple[Columns, Any]:
    """Solve a batch: scan, let columns enter, settle, until no column violates its condition.

    Parameters
    ----------
    xp : module
        NumPy or CuPy.
    bank, batch : Bank, Batch
        The motifs and the regions; the residual of the batch is changed.
    settle : Settle
        Settles the working set.
    max_steps : int
        Sweeps allowed per region.
    cells : int
        Products and gathered scores that may be in memory at a time.

    Returns
    -------
    columns : Columns
        The working set with its coefficients.
    steps : array of int32, ``(region,)``
        Sweeps taken.
    """
    columns = no_columns(xp)
    steps = xp.zeros(batch.count, dtype=xp.int32)
    woken = xp.zeros(batch.count, dtype=bool)
    while True:
        refresh(xp, batch, bank.widest)
        columns, violated = enter(xp, bank, batch, columns, candidates(xp, bank, batch, cells))
        active = (violated | woken) & (steps < max_steps)
        if not bool(active.any()):
            return columns, steps
        chosen = xp.flatnonzero(active[columns.place // batch.stride])
        part = columns.take(chosen)
        budget = xp.minimum(max_steps - steps, _SWEEPS)
        steps += settle_clusters(xp, bank, batch, part, budget, settle=settle)
        woken = polish(xp, bank, batch, part, active & (steps < max_steps))
        columns.coefficient[chosen] = part.coefficient


def quality(xp: Any, bank: Bank, batch: Batch, columns: Columns) -> dict[str, Any]:
    """Columns for :func:`finemo_zarr.model.create_qc`, but for the steps.

    Columns outside of the working set are below their penalty, so the dual point follows from those
    in it.
    """
    region = columns.place // batch.stride
    lambdas = bank.lambdas[columns.motif]
    excess = xp.ones(batch.count)
    if columns.count:
        ratios = products(xp, bank, batch, columns, batch.residual) / lambdas
        xp.maximum.at(excess, region, ratios)
    penalty = _sum_by_region(xp, batch, region, lambdas * columns.coefficient)
    residual, scores = batch.rows_of(batch.residual), batch.rows_of(batch.scores)
    squares, overlap = (residual**2).sum(axis=1), (residual * scores).sum(axis=1)
    widths = xp.maximum(batch.widths, 1)
    gap = 0.5 * squares + penalty - overlap / excess + 0.5 * squares / excess**2
    return {
        "nll": squares / (2 * widths),
        "dual_gap": xp.maximum(gap, 0) / widths,
        "scale": batch.scale,
    }


def _sum_by_region(xp: Any, batch: Batch, region: Any, values: Any) -> Any:
    """Sums of values of sorted regions, in the same order each time, as atomics would not do."""
    if not region.size:
        return xp.zeros(batch.count)
    rank = xp.arange(region.size) - xp.searchsorted(region, region, side="left")
    table = xp.zeros((batch.count, int(rank.max()) + 1))
    table[region, rank] = values
    return table.sum(axis=1)


def describe_hits(xp: Any, bank: Bank, batch: Batch, columns: Columns) -> dict[str, Any]:
    """Columns for :func:`finemo_zarr.model.create_hits`, by region, start and motif.

    `start` is that of the core.
    """
    hits = columns.take(columns.coefficient * xp.sqrt(columns.norm) > _NEGLIGIBLE)
    region, start = hits.place // batch.stride, hits.place % batch.stride
    scale = batch.scale[region]
    sums = by_pieces(xp, hits, lambda part: _sums_under(xp, bank, batch, part))
    product, absolute, squared = sums.T
    return {
        "region": region,
        "motif": hits.motif,
        "start": start,
        "coefficient": hits.coefficient,
        "coefficient_global": hits.coefficient * scale**2,
        "similarity": product / hits.scale / xp.sqrt(xp.where(squared > 0, squared, 1)),
        "importance": absolute * scale,
        "importance_sq": squared * scale**2,
    }


def _sums_under(xp: Any, bank: Bank, batch: Batch, hits: Columns) -> Any:
    """Product with the scores under the core, their absolute and squared sum, ``(hit, 3)``."""
    numbers = xp.arange(bank.widest * batch.rows)
    core = numbers < bank.cores[hits.motif][:, None] * batch.rows
    under = batch.scores[spans(xp, bank, batch, hits)] * core
    product = (under * column_values(xp, bank, batch, hits)).sum(axis=1)
    return xp.stack([product, xp.abs(under).sum(axis=1), (under**2).sum(axis=1)], axis=1)
