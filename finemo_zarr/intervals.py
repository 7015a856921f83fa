"""Intervals on chromosomes: which ones overlap, and by how much.

An interval belongs to a *group*, a number: a chromosome, a region where there are no coordinates, a
chromosome of one track. Only intervals of one group can overlap. All here is linear in the number
of intervals and of pairs that overlap, but for a sort.
"""

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

LARGEST_POSITION = 2**40
"""Positions beyond are no positions on a chromosome."""

_ROUNDING = 1e-9


class Intervals(NamedTuple):
    """Arrays ``(interval,)``.

    Parameters
    ----------
    group : array of int
        Number of the chromosome, or whatever keeps intervals apart.
    start, end : array of int
        Half-open, in bp, not beyond ``LARGEST_POSITION`` on either side of 0.
    """

    group: NDArray[Any]
    start: NDArray[Any]
    end: NDArray[Any]

    def take(self, rows: Any) -> "Intervals":
        """Some of the intervals."""
        return Intervals(self.group[rows], self.start[rows], self.end[rows])


def least_share(share: float) -> float:
    """Return the share of their mean length that two intervals must share to overlap.

    Parameters
    ----------
    share : float
        From 0 to 1.

    Returns
    -------
    float
        Lowered by what a product with it may be off, so that 3 bases are 0.1 of 30.

    Raises
    ------
    ValueError
        If it does not lie between 0 and 1.
    """
    if not 0 <= share <= 1:
        raise ValueError(f"the overlap is {share}, expected a share from 0 to 1")
    return share * (1 - _ROUNDING)


def shared_bases(a: Intervals, b: Intervals) -> NDArray[np.int64]:
    """Bases that intervals share, pair by pair; negative where they lie apart."""
    shared: NDArray[np.int64] = np.minimum(a.end, b.end) - np.maximum(a.start, b.start)
    return shared


def overlapping_pairs(a: Intervals, b: Intervals) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """All pairs that share at least one base.

    Parameters
    ----------
    a, b : Intervals
        Two sets, in any order, whose groups are numbered alike.

    Returns
    -------
    index_a, index_b : array of int64, ``(pair,)``
        Ordered by `index_a`.
    """
    span = _span(a, b)
    start_a, end_a = _on_one_line(a, span)
    start_b, end_b = _on_one_line(b, span)
    order = np.argsort(start_b, kind="stable")
    # The furthest end so far rises with the start, so that both bounds can be looked up.
    reach = np.maximum.accumulate(end_b[order])
    low = np.searchsorted(reach, start_a, side="right")
    high = np.searchsorted(start_b[order], end_a, side="left")
    counts = np.maximum(high - low, 0)
    index_a = np.repeat(np.arange(len(start_a)), counts)
    offsets = np.repeat(low - (np.cumsum(counts) - counts), counts)
    index_b = order[np.arange(len(index_a)) + offsets]
    overlap = shared_bases(
        Intervals(a.group, start_a, end_a).take(index_a),
        Intervals(b.group, start_b, end_b).take(index_b),
    )
    return index_a[overlap > 0], index_b[overlap > 0]


def on_one_line(
    intervals: Intervals, apart: int = 1
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Starts and ends on one line, the groups laid one behind the other.

    Parameters
    ----------
    intervals : Intervals
        The intervals.
    apart : int
        Bases from the furthest end in any group to the first start in the next, at least 1.
    """
    return _on_one_line(intervals, _span(intervals, apart=apart))


def _span(*sets: Intervals, apart: int = 1) -> tuple[int, int]:
    """First position of all, and what lies between the same position in two groups."""
    filled = [found for found in sets if len(found.start)]
    if not filled:
        return 0, apart
    first = min(int(min(found.start.min(), found.end.min())) for found in filled)
    last = max(int(max(found.start.max(), found.end.max())) for found in filled)
    return first, last - first + apart


def _on_one_line(
    intervals: Intervals, span: tuple[int, int]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    first, length = span
    offset = intervals.group.astype(np.int64) * length - first
    return intervals.start + offset, intervals.end + offset


def position_order(intervals: Intervals) -> NDArray[np.int64]:
    """Order by group and start; what starts at one place stays in the order it has."""
    starts, _ = on_one_line(intervals)
    order: NDArray[np.int64] = np.argsort(starts, kind="stable")
    return order


def pairs_within(
    position: NDArray[np.int64], reach: int
) -> Iterator[tuple[NDArray[np.int64], NDArray[np.int64]]]:
    """All pairs that lie at most so far apart on a line, some at a time.

    Parameters
    ----------
    position : array of int64, ``(item,)``
        In ascending order.
    reach : int
        Largest distance.

    Yields
    ------
    left, right : array of int64, ``(pair,)``
        Indices: first of neighbours, then of the next but one, and so on.
    """
    left, step = np.arange(position.size), 0
    while left.size:
        step += 1
        left = left[: np.searchsorted(left, position.size - step)]
        # As positions rise, what is too far now is too far for good.
        left = left[position[left + step] - position[left] <= reach]
        yield left, left + step


def stripes(group: NDArray[Any], size: int) -> Iterator[NDArray[np.int64]]:
    """Rows of whole groups, about `size` together, so that memory is bounded by the largest group.

    Parameters
    ----------
    group : array of int, ``(row,)``
        Group of each row, from 0.
    size : int
        Rows to take together.

    Yields
    ------
    array of int64
        Rows in ascending order; each row once in all, the groups in the order of their numbers.
    """
    counts = np.bincount(group)
    stripe_of_group = (np.cumsum(counts) - counts) // size
    stripe = stripe_of_group[group]
    for number in np.unique(stripe_of_group[counts > 0]):
        yield np.flatnonzero(stripe == number)
