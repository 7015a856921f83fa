"""Pairs of hits that are near one another, each hit once however many regions hold it."""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from finemo_zarr.evaluation._instances import Instances, MotifTable, hit_instances
from finemo_zarr.intervals import on_one_line, pairs_within
from finemo_zarr.store import HitsStore

IntArray = NDArray[np.int64]


class HitLine(NamedTuple):
    """Hits on one line, chromosomes far apart, ordered by centre: arrays ``(hit,)``.

    Parameters
    ----------
    motif : array of int
        Index of the motif, whatever its strand.
    reverse : array of bool
        Whether it lies on the ``-`` strand.
    start, end : array of int
        Of the core.
    names : array of str, ``(motif,)``
        Names of the motifs.
    width : array of int, ``(motif,)``
        The least of their cores.
    """

    motif: IntArray
    reverse: NDArray[np.bool_]
    start: IntArray
    end: IntArray
    names: NDArray[np.object_]
    width: IntArray

    @property
    def twice_centre(self) -> IntArray:
        """Centres of the cores, times two so that they are whole."""
        return self.start + self.end

    def of_motif(self, motif: int) -> "HitLine":
        """The hits of one motif."""
        own = np.flatnonzero(self.motif == motif)
        return HitLine(
            self.motif[own],
            self.reverse[own],
            self.start[own],
            self.end[own],
            self.names,
            self.width,
        )


def hit_line(hits: HitsStore, *, apart: int = 10_000) -> HitLine:
    """Put the hits of a store on a line.

    Where regions have coordinates, a hit in two regions that overlap is one hit, and neighbours may
    lie in different regions; otherwise each region stands alone.

    Parameters
    ----------
    hits : HitsStore
        A hits store, of one track.
    apart : int
        Distance of chromosomes on the line, in bp: larger than any that is asked for.
    """
    table = MotifTable.of(hits.motifs)
    found = hit_instances(hits).unique()
    start, end = on_one_line(found.intervals(), apart)
    order = np.argsort(start + end, kind="stable")
    return HitLine(
        found.motif[order],
        found.reverse[order],
        start[order],
        end[order],
        table.names.astype(object),
        _least_widths(found, table),
    )


def _least_widths(found: Instances, table: MotifTable) -> IntArray:
    """The least width of the hits of each motif; that of its core where there is no hit."""
    own = table.core[:, 1] - table.core[:, 0]
    least: IntArray = np.full(own.size, np.iinfo(np.int64).max)
    np.minimum.at(least, found.motif, found.core_end - found.core_start)
    return np.where(np.bincount(found.motif, minlength=own.size) > 0, least, own)


class Pairs(NamedTuple):
    """Pairs of hits whose cores do not overlap: arrays ``(pair,)``.

    The first is the hit of the motif that comes first in the store; of one motif, the left one.

    Parameters
    ----------
    first, second : array of int
        Index of the motif.
    opposite : array of bool
        Whether they lie on opposite strands.
    offset : array of int
        Distance of the centres in bp, rounded towards zero; negative where the second lies upstream
        of the first, seen from the strand of the first. Of one motif and strand, always positive;
        on opposite strands positive where they face one another.
    """

    first: IntArray
    second: IntArray
    opposite: NDArray[np.bool_]
    offset: IntArray


def near_pairs(line: HitLine, max_distance: int) -> Iterator[Pairs]:
    """Find all pairs of hits whose centres are at most so far apart, some at a time.

    Parameters
    ----------
    line : HitLine
        The hits.
    max_distance : int
        In bp.
    """
    centre = line.twice_centre
    for left, right in pairs_within(centre, 2 * max_distance + 1):
        apart = np.minimum(line.end[left], line.end[right]) <= np.maximum(
            line.start[left], line.start[right]
        )
        distance = (centre[right] - centre[left]) // 2
        yield _as_pairs(line, left[apart], right[apart], distance[apart])


def _as_pairs(line: HitLine, left: IntArray, right: IntArray, distance: IntArray) -> Pairs:
    turned = line.motif[left] > line.motif[right]
    anchor, other = np.where(turned, right, left), np.where(turned, left, right)
    opposite = line.reverse[left] != line.reverse[right]
    sign = np.where(turned, -1, 1) * np.where(line.reverse[anchor], -1, 1)
    first, second = line.motif[anchor], line.motif[other]
    sign = np.where((first == second) & ~opposite, 1, sign)
    return Pairs(first, second, opposite, sign * distance)
