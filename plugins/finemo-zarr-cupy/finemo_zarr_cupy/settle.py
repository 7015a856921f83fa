"""Coordinate descent on the working set.

Columns fall into *clusters*: two columns of different clusters do not overlap, so that clusters are
problems of their own. Within a cluster columns are visited in order, again and again, until none
moves; a column is due again when one that overlaps it has moved. On a CUDA device one warp does one
cluster; in the array formulation all clusters do their first column, then their second, ….
"""

from dataclasses import dataclass
from typing import Any, Protocol

from finemo_zarr_cupy.bank import Bank
from finemo_zarr_cupy.batch import Batch
from finemo_zarr_cupy.columns import SETTLED, Columns, column_values, spans


@dataclass(frozen=True)
class Clusters:
    """Which columns belong together.

    Attributes
    ----------
    first : array of int32, ``(cluster + 1,)``
        First column of each, and the number of columns.
    budget : array of int32, ``(cluster,)``
        Sweeps allowed.
    left, right : arrays of int32, ``(column,)``
        The columns ``left <= other < right`` may overlap a column.
    """

    first: Any
    budget: Any
    left: Any
    right: Any


class Settle(Protocol):
    """Settles the columns; changes coefficients and residual in place."""

    def __call__(
        self, xp: Any, bank: Bank, batch: Batch, columns: Columns, clusters: Clusters
    ) -> Any:
        """Return the sweeps taken, ``(cluster,)``."""


def find_clusters(xp: Any, bank: Bank, batch: Batch, columns: Columns, budget: Any) -> Clusters:
    """Find the clusters of columns, which may take a budget of sweeps ``(region,)``."""
    place, first = columns.place, cluster_starts(xp, bank, columns)
    return Clusters(
        first=xp.append(first, columns.count).astype(xp.int32),
        budget=budget[place[first] // batch.stride].astype(xp.int32),
        left=xp.searchsorted(place, place - bank.widest, side="right").astype(xp.int32),
        right=xp.searchsorted(place, place + bank.widest, side="left").astype(xp.int32),
    )


def cluster_starts(xp: Any, bank: Bank, columns: Columns) -> Any:
    """First columns of the clusters."""
    starts = xp.ones(columns.count, dtype=bool)
    starts[1:] = columns.place[1:] - columns.place[:-1] >= bank.widest
    return xp.flatnonzero(starts)


def settle_clusters(
    xp: Any, bank: Bank, batch: Batch, columns: Columns, budget: Any, *, settle: Settle
) -> Any:
    """Settle columns; return the most sweeps that a cluster took, ``(region,)``."""
    clusters = find_clusters(xp, bank, batch, columns, budget)
    taken = settle(xp, bank, batch, columns, clusters)
    most = xp.zeros(batch.count, dtype=xp.int32)
    xp.maximum.at(most, columns.place[clusters.first[:-1]] // batch.stride, taken)
    return most


def settle_arrays(xp: Any, bank: Bank, batch: Batch, columns: Columns, clusters: Clusters) -> Any:
    """Settle by array operations: the same steps as the kernel, for NumPy."""
    work = _Work(xp, bank, batch, columns, clusters)
    taken = xp.zeros(clusters.budget.size, dtype=xp.int32)
    due = xp.arange(clusters.budget.size)
    while due.size:
        taken[due] += 1
        work.moved[due] = False
        for members in work.ranks(due):
            work.step(members)
        due = xp.flatnonzero(work.moved & (taken < clusters.budget))
    return taken


class _Work:
    """Columns with their values, which of them are due, and the clusters in which one moved."""

    def __init__(
        self, xp: Any, bank: Bank, batch: Batch, columns: Columns, clusters: Clusters
    ) -> None:
        self._xp, self._columns, self._clusters = xp, columns, clusters
        self._residual = batch.residual
        self._lambdas = bank.lambdas[columns.motif]
        self._values = column_values(xp, bank, batch, columns)
        self._at = spans(xp, bank, batch, columns)
        self._sizes = xp.diff(clusters.first)
        self._owner = xp.searchsorted(clusters.first, xp.arange(columns.count), side="right") - 1
        self._waiting = xp.ones(columns.count, dtype=bool)
        self.moved = xp.ones(clusters.budget.size, dtype=bool)

    def ranks(self, due: Any) -> Any:
        """Yield the first columns of some clusters, then the second ones, …, that are waiting."""
        for rank in range(int(self._sizes[due].max())):
            due = due[self._sizes[due] > rank]
            members = self._clusters.first[due] + rank
            members = members[self._waiting[members]]
            if members.size:
                yield members

    def step(self, members: Any) -> None:
        """Move columns of different clusters to their optima."""
        xp, columns = self._xp, self._columns
        self._waiting[members] = False
        values, at = self._values[members], self._at[members]
        slope = (values * self._residual[at]).sum(axis=1) - self._lambdas[members]
        old, norm = columns.coefficient[members], columns.norm[members]
        step = xp.maximum(0.0, old + slope / norm) - old
        moved = step * step * norm > SETTLED**2
        members, step = members[moved], step[moved]
        if members.size:
            self.moved[self._owner[members]] = True
            columns.coefficient[members] = old[moved] + step
            self._residual[at[moved]] -= step[:, None] * values[moved]
            self._wake(members)

    def _wake(self, moved: Any) -> None:
        """Mark the columns that overlap those that moved, but not these."""
        xp = self._xp
        left, right = self._clusters.left[moved][:, None], self._clusters.right[moved][:, None]
        others = left + xp.arange(int((right - left).max()))
        self._waiting[others[(others < right) & (others != moved[:, None])]] = True
