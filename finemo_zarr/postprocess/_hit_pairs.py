"""Pairs of hits that lie near to one another, by what lies how to what."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from finemo_zarr.intervals import Intervals, on_one_line, pairs_within

IntArray = NDArray[np.int64]


class PlacedHits(NamedTuple):
    """Hits in the order of their places: arrays ``(hit,)``.

    Parameters
    ----------
    group : array of int64
        Number of the region; hits of one stand together, by start.
    start, end : array of int64
        Of the core.
    oriented : array of int64
        Twice the number of the motif, and one more on the strand ``-``.
    """

    group: IntArray
    start: IntArray
    end: IntArray
    oriented: IntArray


class HitPairs(NamedTuple):
    """Pairs: arrays ``(pair,)``.

    Parameters
    ----------
    left, right : array of int64
        Indices of the hits, as they lie.
    arrangement : array of int64
        What is read from left to right, on the strand on which its number is less: the oriented
        motif on the left times the number of oriented motifs, and that on the right.
    flipped : array of bool
        Whether that is the other strand.
    spacing : array of int64
        Bases between the cores; negative where they overlap.
    """

    left: IntArray
    right: IntArray
    arrangement: IntArray
    flipped: NDArray[np.bool_]
    spacing: IntArray

    def take(self, rows: IntArray | NDArray[np.bool_]) -> "HitPairs":
        """Some of the pairs."""
        return HitPairs(
            self.left[rows],
            self.right[rows],
            self.arrangement[rows],
            self.flipped[rows],
            self.spacing[rows],
        )


def find_pairs(hits: PlacedHits, n_oriented: int, spacings: range) -> HitPairs:
    """All pairs of hits of one region at some spacings.

    What lies left has its centre further to the left; hits with the same centre are no pair.

    Parameters
    ----------
    hits : PlacedHits
        The hits.
    n_oriented : int
        Number of oriented motifs.
    spacings : range
        Spacings in bp, one after the other.
    """
    near = _neighbours(hits, spacings.stop - 1)
    # A hit that begins first, but reaches further, may have its centre on the right.
    twice = hits.start + hits.end
    swapped = twice[near[0]] > twice[near[1]]
    left, right = np.where(swapped, near[1], near[0]), np.where(swapped, near[0], near[1])
    spacing = hits.start[right] - hits.end[left]
    wanted = (spacing >= spacings.start) & (spacing < spacings.stop)
    wanted &= twice[left] != twice[right]
    left, right, spacing = left[wanted], right[wanted], spacing[wanted]
    first, second = hits.oriented[left], hits.oriented[right]
    seen = first * n_oriented + second
    other = (second ^ 1) * n_oriented + (first ^ 1)
    return HitPairs(left, right, np.minimum(seen, other), other < seen, spacing)


def _neighbours(hits: PlacedHits, furthest: int) -> tuple[IntArray, IntArray]:
    """Pairs of which the second begins at most so far behind the end of the longest hit."""
    reach = furthest + int((hits.end - hits.start).max(initial=0))
    # Groups stand together, in whatever order: they lie on the line as they follow one another.
    number = np.cumsum(np.diff(hits.group, prepend=hits.group[:1]) != 0)
    position, _ = on_one_line(Intervals(number, hits.start, hits.end), max(reach, 0) + 1)
    found = list(pairs_within(position, reach))
    none = np.zeros(0, np.int64)
    first, second = (np.concatenate([none, *(pair[side] for pair in found)]) for side in (0, 1))
    return first, second


def first_of_each(pairs: HitPairs, hits: PlacedHits, place: IntArray) -> HitPairs:
    """Pairs at different places of the genome: regions that overlap hold the same ones.

    Parameters
    ----------
    pairs : HitPairs
        All.
    hits : PlacedHits
        Their hits.
    place : array of int64, ``(hit,)``
        A number for each start on a chromosome.
    """
    return _firsts(
        pairs, [pairs.arrangement, place[pairs.left], pairs.spacing, hits.oriented[pairs.left]]
    )


def one_of_region(pairs: HitPairs, hits: PlacedHits) -> HitPairs:
    """The first pair of each region, arrangement and spacing: tandem repeats would count often."""
    return _firsts(pairs, [pairs.arrangement, hits.group[pairs.left], pairs.spacing])


def _firsts(pairs: HitPairs, columns: list[IntArray]) -> HitPairs:
    """The first of the pairs that are the same in all columns."""
    order = np.lexsort(columns)
    new = np.ones(len(order), dtype=np.bool_)
    if len(order):
        new[1:] = np.logical_or.reduce([np.diff(column[order]) != 0 for column in columns])
    return pairs.take(np.sort(order[new]))
