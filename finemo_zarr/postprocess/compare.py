"""Agreement of two sets of hits: of two runs, two solvers, two programs.

A site that is a hit in several overlapping regions counts once: the same core, of the same motif on
the same strand, and of the same track. Of its hits that in a region where both sets have it stands
for it, or else that in the first. Each site is one of

- *matched*: the other set has a hit of the same motif on the same strand at the same place, which
  is the same core, or the same untrimmed motif;
- *moved*: the other has one of the same motif whose core overlaps, but shifted or on the other
  strand;
- *renamed*: the other has one of another motif, and the two share at least a share of their mean
  length;
- *lost*, if only the first set has it, or *new*, if only the second.

Pairs are one to one: matched ones are taken first, then moved, then renamed ones, and of each kind
those that overlap most. Which set is the first changes nothing but the words.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from finemo_zarr.intervals import (
    Intervals,
    least_share,
    overlapping_pairs,
    position_order,
    shared_bases,
    stripes,
)
from finemo_zarr.postprocess._columns import HitColumns, hit_columns, with_common_names
from finemo_zarr.postprocess._compare_tables import correlations, motif_table, pair_table
from finemo_zarr.postprocess._statuses import LOST, MATCHED, MOVED, NEW, NOBODY, RENAMED, STATUSES
from finemo_zarr.store import HitsStore

if TYPE_CHECKING:
    import polars as pl

_STRIPE_HITS = 2**20


@dataclass(frozen=True)
class Comparison:
    """What became of each hit.

    Parameters
    ----------
    a, b : HitColumns
        The hits, with common labels and motif names.
    status : array of int64, ``(row,)``
        Index into ``STATUSES``.
    index_a, index_b : array of int64, ``(row,)``
        The hit of each set, -1 where there is none. Every site of both stands in one row; rows are
        ordered by place.
    """

    a: HitColumns
    b: HitColumns
    status: NDArray[np.int64]
    index_a: NDArray[np.int64]
    index_b: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.status)

    @cached_property
    def n_sites(self) -> tuple[int, int]:
        """Number of sites of each set."""
        n_a, n_b = ((index != NOBODY).sum() for index in (self.index_a, self.index_b))
        return int(n_a), int(n_b)

    @cached_property
    def counts(self) -> Mapping[str, int]:
        """Number of rows of each status."""
        found = np.bincount(self.status, minlength=len(STATUSES)).tolist()
        return dict(zip(STATUSES, found, strict=True))

    @cached_property
    def coefficients(self) -> "pl.DataFrame":
        """Coefficients of the matched hits: ``motif_name a b``."""
        import polars as pl

        rows = self.status == MATCHED
        a, b = self.index_a[rows], self.index_b[rows]
        names = pl.Series("motif_name", self.a.motif_names, dtype=pl.String)
        table = pl.DataFrame(
            {
                "motif_name": names.gather(self.a.motif[a]),
                "a": self.a.coefficient[a],
                "b": self.b.coefficient[b],
            }
        )
        return table.filter(pl.col("a").is_finite() & pl.col("b").is_finite())

    def correlations(self) -> tuple[float, float]:
        """Pearson and Spearman of the coefficients of matched hits; NaN where there are too few."""
        pearson, spearman = self.coefficients.select(correlations()).row(0)
        return pearson, spearman

    def pairs(self, rows: slice = slice(None)) -> "pl.DataFrame":
        """One row for each pair, and for each site without one.

        Parameters
        ----------
        rows : slice
            Which of them: a table of all of ten million hits takes gigabytes.

        Returns
        -------
        polars.DataFrame
            Place and status; of both hits ``start end strand motif_name hit_coefficient
            hit_similarity`` and their number in the input, ``hit``, with the suffixes ``_a`` and
            ``_b``; the bases they share, and by how many bases the second begins behind the first.
        """
        return pair_table(self.a, self.b, self.status[rows], self.index_a[rows], self.index_b[rows])

    def motifs(self) -> "pl.DataFrame":
        """One row for each motif: how many of its sites have which status.

        Returns
        -------
        polars.DataFrame
            ``n_a = matched + moved + renamed_a + lost`` and ``n_b = matched + moved + renamed_b +
            new``. `flipped` is how many of the moved ones lie on the other strand, `agreement` the
            share of the sites of either set that is matched, `renamed_to` the motif that the
            renamed ones of the first set have most often in the second.
        """
        counted = motif_table(self.a, self.b, self.status, self.index_a, self.index_b)
        found = self.coefficients.group_by("motif_name").agg(correlations())
        return counted.join(found, on="motif_name", how="left").sort(
            -(counted["n_a"] + counted["n_b"]), "motif_name"
        )


def compare(
    a: HitColumns | HitsStore, b: HitColumns | HitsStore, *, overlap: float = 0.2
) -> Comparison:
    """Match the hits of two sets.

    Parameters
    ----------
    a, b : HitColumns or HitsStore
        From :func:`finemo_zarr.postprocess.read_hits`, or stores that are open.
    overlap : float
        Share of their mean length that hits of two motifs must share to be a renamed one, 0 to 1.

    Raises
    ------
    ValueError
        If the share is none.
    """
    least = least_share(overlap)
    first, second = with_common_names(
        *(hit_columns(found) if isinstance(found, HitsStore) else found for found in (a, b))
    )
    group = np.concatenate([first.places.group, second.places.group])
    parts = [_Pairs(*(np.zeros(0, np.int64) for _ in _Pairs._fields))]
    sites_a, sites_b = np.zeros(len(first), np.bool_), np.zeros(len(second), np.bool_)
    for rows in stripes(group, _STRIPE_HITS):
        of_first = rows[rows < len(first)]
        of_second = rows[rows >= len(first)] - len(first)
        of_first, of_second = _one_of_each_site(first, second, of_first, of_second)
        sites_a[of_first], sites_b[of_second] = True, True
        parts.append(_match(first, second, of_first, of_second, least))
    pairs = _Pairs(*(np.concatenate(found) for found in zip(*parts, strict=True)))
    return _with_unpaired(first, second, pairs, sites_a, sites_b)


class _Pairs(NamedTuple):
    status: NDArray[np.int64]
    a: NDArray[np.int64]
    b: NDArray[np.int64]

    def take(self, rows: NDArray[np.int64] | NDArray[np.bool_]) -> "_Pairs":
        return _Pairs(*(values[rows] for values in self))


def _one_of_each_site(
    a: HitColumns, b: HitColumns, rows_a: NDArray[np.int64], rows_b: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Rows of each set, one for each site."""
    both = ((a, rows_a), (b, rows_b))
    region = np.concatenate([hits.region[rows] for hits, rows in both])
    of_b = np.repeat([False, True], [len(rows_a), len(rows_b)])
    keys = [
        np.concatenate(column)
        for column in zip(
            *(
                (*hits.places.take(rows), hits.motif[rows], hits.is_minus[rows])
                for hits, rows in both
            ),
            strict=True,
        )
    ]
    order = np.lexsort((region, *keys))
    site = _numbers(keys, order)
    in_region = _numbers([site, region], order)
    counts = (np.bincount(in_region[of_b == side], minlength=len(region)) for side in (0, 1))
    shared = np.logical_and.reduce([count > 0 for count in counts])[in_region]
    kept = []
    for own in (np.flatnonzero(~of_b), np.flatnonzero(of_b)):
        ranked = own[np.lexsort((region[own], ~shared[own], site[own]))]
        new = np.diff(site[ranked], prepend=-1) != 0
        kept.append(np.sort(ranked[new]))
    return rows_a[kept[0]], rows_b[kept[1] - len(rows_a)]


def _numbers(keys: list[NDArray[Any]], order: NDArray[np.int64]) -> NDArray[np.int64]:
    """Numbers of rows, the same for those that are alike in all keys and so stand together."""
    new = np.zeros(len(order), dtype=np.bool_)
    for key in keys:
        new[1:] |= key[order][1:] != key[order][:-1]
    numbers = np.empty(len(order), dtype=np.int64)
    numbers[order] = np.cumsum(new)
    return numbers


def _match(
    a: HitColumns,
    b: HitColumns,
    rows_a: NDArray[np.int64],
    rows_b: NDArray[np.int64],
    least: float,
) -> _Pairs:
    """Match the hits of some chromosomes."""
    from finemo_zarr.postprocess._sweep_kernels import take_pairs

    at_a, at_b = overlapping_pairs(a.places.take(rows_a), b.places.take(rows_b))
    pairs, share, kept = _candidates(a, b, rows_a[at_a], rows_b[at_b], least)
    at_a, at_b = at_a[kept], at_b[kept]
    rank_a, rank_b = _ranks(a, rows_a)[at_a], _ranks(b, rows_b)[at_b]
    order = np.lexsort(
        (
            # The same for both ways round, so that the order of the sets changes no pair.
            np.maximum(rank_a, rank_b),
            np.minimum(rank_a, rank_b),
            a.region[pairs.a] != b.region[pairs.b],
            a.is_minus[pairs.a] != b.is_minus[pairs.b],
            -share,
            pairs.status,
        )
    )
    taken = np.zeros(len(order), dtype=np.bool_)
    free_a, free_b = (np.ones(len(rows), dtype=np.bool_) for rows in (rows_a, rows_b))
    take_pairs(at_a[order], at_b[order], free_a, free_b, taken)
    return pairs.take(order[taken])


def _candidates(
    a: HitColumns, b: HitColumns, rows_a: NDArray[np.int64], rows_b: NDArray[np.int64], least: float
) -> tuple[_Pairs, NDArray[np.float64], NDArray[np.bool_]]:
    """Pairs that could be one, as what, and their overlap; and which of those given they are."""
    first, second = a.places.take(rows_a), b.places.take(rows_b)
    lengths = first.end - first.start + second.end - second.start
    share = 2 * shared_bases(first, second) / lengths
    same_motif = a.motif[rows_a] == b.motif[rows_b]
    same_place = _are_same(first, second)
    if a.untrimmed is not None and b.untrimmed is not None:
        same_place |= _are_same(a.untrimmed.take(rows_a), b.untrimmed.take(rows_b))
    same_place &= a.is_minus[rows_a] == b.is_minus[rows_b]
    status = np.where(same_motif, np.where(same_place, MATCHED, MOVED), RENAMED)
    kept = same_motif | (share >= least)
    return _Pairs(status, rows_a, rows_b).take(kept), share[kept], kept


def _are_same(first: Intervals, second: Intervals) -> NDArray[np.bool_]:
    same: NDArray[np.bool_] = (first.start == second.start) & (first.end == second.end)
    return same


def _ranks(hits: HitColumns, rows: NDArray[np.int64]) -> NDArray[np.int64]:
    """Rank of each hit within its chromosome, by all that is known of it."""
    places = hits.places.take(rows)
    keys = (hits.region[rows], hits.is_minus[rows], hits.motif[rows], places.end, places.start)
    order = np.lexsort((*keys, places.group))
    group = places.group[order]
    ranks = np.empty(len(rows), dtype=np.int64)
    ranks[order] = np.arange(len(rows)) - np.searchsorted(group, group)
    return ranks


def _with_unpaired(
    a: HitColumns,
    b: HitColumns,
    pairs: _Pairs,
    sites_a: NDArray[np.bool_],
    sites_b: NDArray[np.bool_],
) -> Comparison:
    lost, new = _others(sites_a, pairs.a), _others(sites_b, pairs.b)
    status = np.concatenate([pairs.status, np.full(len(lost), LOST), np.full(len(new), NEW)])
    index_a = np.concatenate([pairs.a, lost, np.full(len(new), NOBODY)])
    index_b = np.concatenate([pairs.b, np.full(len(lost), NOBODY), new])
    first, second = a.places.take(index_a[: len(index_a) - len(new)]), b.places.take(new)
    places = Intervals(*(np.concatenate(found) for found in zip(first, second, strict=True)))
    order = position_order(places)
    return Comparison(a, b, status[order], index_a[order], index_b[order])


def _others(sites: NDArray[np.bool_], taken: NDArray[np.int64]) -> NDArray[np.int64]:
    free = sites.copy()
    free[taken] = False
    return np.flatnonzero(free)
