"""Newton steps on the positive coefficients.

Sweeps alone stall between columns that are nearly parallel, such as the two strands of a
near-palindrome, and share the coefficient among them as chance has it. Given which coefficients are
positive, the optimum is the solution of a linear system for each cluster of them.
"""

from dataclasses import dataclass
from typing import Any

from finemo_zarr_cupy.bank import Bank
from finemo_zarr_cupy.batch import Batch
from finemo_zarr_cupy.columns import SETTLED, Columns, column_values, products, spans
from finemo_zarr_cupy.settle import cluster_starts

_MOST_STEPS = 8  # before the next sweeps
_RIDGE = 1e-10  # of the diagonal, where columns may depend on each other
_NO_GAIN = 1e-16  # in the objective: the step that gained so little was the last
_NUMBERS = 2**22  # of the matrices that are in memory at a time


def polish(xp: Any, bank: Bank, batch: Batch, columns: Columns, wanted: Any) -> Any:
    """Solve for the positive coefficients; change coefficients and residual in place.

    Parameters
    ----------
    xp : module
        NumPy or CuPy.
    bank, batch, columns : Bank, Batch, Columns
        The motifs, the regions and columns of the working set.
    wanted : array of bool, ``(region,)``
        Regions that take part.

    Returns
    -------
    array of bool, ``(region,)``
        Whether a region is not settled: a coefficient is zero that should not be, or further
        steps are due.
    """
    due, regions = wanted, columns.place // batch.stride
    for _ in range(_MOST_STEPS):
        chosen = xp.flatnonzero((columns.coefficient > 0) & due[regions])
        if not chosen.size:
            due = xp.zeros(batch.count, dtype=bool)
            break
        support = _Support.of(xp, bank, batch, columns.take(chosen))
        change, again = support.step()
        support.add(change)
        columns.coefficient[chosen] = support.columns.coefficient
        due = xp.zeros(batch.count, dtype=bool)
        due[regions[chosen[support.first[again]]]] = True
    return (_woken(xp, bank, batch, columns) | due) & wanted


def _woken(xp: Any, bank: Bank, batch: Batch, columns: Columns) -> Any:
    slope = products(xp, bank, batch, columns, batch.residual) - bank.lambdas[columns.motif]
    zero = (columns.coefficient == 0) & (slope > SETTLED * xp.sqrt(columns.norm))
    woken = xp.zeros(batch.count, dtype=bool)
    woken[columns.place[zero] // batch.stride] = True
    return woken


@dataclass(frozen=True)
class _Support:
    """Columns with positive coefficients, in clusters that do not overlap."""

    xp: Any
    bank: Bank
    batch: Batch
    columns: Columns
    values: Any  # (column, widest * rows)
    slope: Any  # (column,)
    first: Any  # (cluster,)
    sizes: Any  # (cluster,)
    owner: Any  # (column,): its cluster
    rank: Any  # (column,): its number in the cluster

    @classmethod
    def of(cls, xp: Any, bank: Bank, batch: Batch, columns: Columns) -> "_Support":
        first = cluster_starts(xp, bank, columns)
        number = xp.arange(columns.count)
        owner = xp.searchsorted(first, number, side="right") - 1
        return cls(
            xp=xp,
            bank=bank,
            batch=batch,
            columns=columns,
            values=column_values(xp, bank, batch, columns),
            slope=products(xp, bank, batch, columns, batch.residual) - bank.lambdas[columns.motif],
            first=first,
            sizes=xp.diff(xp.append(first, columns.count)),
            owner=owner,
            rank=number - first[owner],
        )

    def step(self) -> tuple[Any, Any]:
        """Change of each coefficient, and the clusters that are not at their optimum yet.

        Steps end where a coefficient becomes zero.
        """
        xp = self.xp
        change, again = xp.zeros(self.columns.count), xp.zeros(self.first.size, dtype=bool)
        pairs = self._products_of_pairs()
        size, largest = 1, int(self.sizes.max())
        while size // 2 < largest:
            alike = xp.flatnonzero((self.sizes > size // 2) & (self.sizes <= size))
            piece = max(1, _NUMBERS // size**2)
            for start in range(0, int(alike.size), piece):
                some = alike[start : start + piece]
                again[some] = self._step_of(some, size, pairs, change)
            size *= 2
        return change, again

    def _step_of(self, clusters: Any, size: int, pairs: tuple[Any, ...], change: Any) -> Any:
        """Write the change of clusters of at most a size; return which need another step."""
        xp = self.xp
        one, other, product = pairs
        local = xp.full(self.first.size, -1)
        local[clusters] = xp.arange(clusters.size)
        mine = local[self.owner[one]] >= 0
        one, other, product = one[mine], other[mine], product[mine]
        matrix = xp.zeros((clusters.size, size, size))
        matrix[:, xp.arange(size), xp.arange(size)] = 1
        at = local[self.owner[one]]
        matrix[at, self.rank[one], self.rank[other]] = product
        matrix[at, self.rank[other], self.rank[one]] = product
        rank = xp.arange(size)
        there = rank < self.sizes[clusters][:, None]
        index = xp.where(there, self.first[clusters][:, None] + rank, 0)
        slope = xp.where(there, self.slope[index], 0)
        step = xp.linalg.solve(matrix, slope[:, :, None])[:, :, 0]
        room = self.columns.coefficient[index]
        falling = there & (step < 0)
        length = xp.where(falling, room / xp.where(falling, -step, 1), xp.inf)
        most = xp.minimum(length.min(axis=1), 1)[:, None]
        change[index[there]] = xp.where(length <= most, -room, most * step)[there]
        return (most[:, 0] < 1) | ((slope * step).sum(axis=1) > _NO_GAIN)

    def _products_of_pairs(self) -> tuple[Any, ...]:
        """Pairs of columns that may overlap, each with itself too, and their products."""
        xp, place = self.xp, self.columns.place
        number = xp.arange(self.columns.count)
        behind = xp.searchsorted(place, place + self.bank.widest, side="left")
        ends = xp.cumsum(behind - number)
        pair = xp.arange(int(ends[-1]))
        one = xp.searchsorted(ends, pair, side="right")
        other = one + pair - (ends - behind + number)[one]
        product = self._multiply(one, other)
        return one, other, xp.where(one == other, product * (1 + _RIDGE), product)

    def _multiply(self, one: Any, other: Any) -> Any:
        """Products of columns with columns that start at the same place or behind."""
        xp, numbers = self.xp, self.values.shape[1]
        product = xp.zeros(one.size)
        piece = max(1, _NUMBERS // numbers)
        for start in range(0, int(one.size), piece):
            left, right = one[start : start + piece], other[start : start + piece]
            shift = (self.columns.place[right] - self.columns.place[left]) * self.batch.rows
            at = xp.arange(numbers) + shift[:, None]
            under = xp.take_along_axis(self.values[left], xp.minimum(at, numbers - 1), axis=1)
            product[start : start + piece] = (under * self.values[right] * (at < numbers)).sum(
                axis=1
            )
        return product

    def add(self, change: Any) -> None:
        """Change the coefficients, and the residual in the same order each time."""
        xp, batch = self.xp, self.batch
        self.columns.coefficient += change
        at = spans(xp, self.bank, batch, self.columns)
        for rank in range(int(self.sizes.max())):
            members = self.first[self.sizes > rank] + rank
            batch.residual[at[members]] -= change[members][:, None] * self.values[members]
