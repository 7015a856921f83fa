"""Hits of several callers, joined to places."""

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from finemo_zarr.errors import SchemaError
from finemo_zarr.evaluation.truth import OVERLAP
from finemo_zarr.intervals import Intervals, least_share, overlapping_pairs, shared_bases
from finemo_zarr.store import HitsStore

IntArray = NDArray[np.int64]


class JoinedHits(NamedTuple):
    """The hits of all callers, one behind the other: arrays ``(hit,)``.

    Parameters
    ----------
    labels, motifs : tuple of str
        Chromosomes, or numbers of regions where there are no coordinates; motifs, by name.
    caller, motif : array of int
        Number of the caller, and of the motif whatever its strand.
    where : Intervals
        Number of the label, start and end.
    score : array of float
        The caller's own score.
    """

    labels: tuple[str, ...]
    motifs: tuple[str, ...]
    caller: IntArray
    motif: IntArray
    where: Intervals
    score: NDArray[np.float64]


class Places(NamedTuple):
    """Hits of one motif that share at least half of the shorter, directly or through others.

    Parameters
    ----------
    of_hit : array of int, ``(hit,)``
        The place of each hit.
    motif : array of int, ``(place,)``
        Number of the motif.
    where : Intervals
        Label, first start and last end of its hits.
    score : array of float, ``(place, caller)``
        Best score of the caller's hits, NaN where it has none.
    found : array of bool, ``(place, caller)``
        Whether the caller has a hit there.
    """

    of_hit: IntArray
    motif: IntArray
    where: Intervals
    score: NDArray[np.float64]
    found: NDArray[np.bool_]


def join_hits(stores: Mapping[str, HitsStore], scores: Mapping[str, str]) -> JoinedHits:
    """Join the hits of callers.

    Parameters
    ----------
    stores : mapping of str to HitsStore
        Hits of the same regions, of one track, by caller.
    scores : mapping of str to str
        Variable with each caller's own score, with ``-`` in front if less is better.

    Raises
    ------
    SchemaError
        If the regions differ, or there is no such score.
    """
    first = next(iter(stores.values()))
    labels, group, shift = _frame(first)
    names = sorted({str(name) for s in stores.values() for name in s.motifs["motif_name"].values})
    number = {name: index for index, name in enumerate(names)}
    parts: dict[str, list[Any]] = {"caller": [], "motif": [], "group": [], "start": [], "end": []}
    values = []
    for at, (name, store) in enumerate(stores.items()):
        _check_same(first, store, name)
        hits = store.hits
        region = hits["hit_region"].values
        of_motif = np.array([number[str(n)] for n in store.motifs["motif_name"].values], np.int64)
        parts["caller"].append(np.full(region.size, at))
        parts["motif"].append(of_motif[hits["hit_motif"].values])
        parts["group"].append(group[region])
        for side in ("start", "end"):
            parts[side].append(shift[region] + hits[f"hit_{side}"].values)
        values.append(signed_score(hits, scores[name]))
    joined = {key: np.concatenate(arrays).astype(np.int64) for key, arrays in parts.items()}
    where = Intervals(joined["group"], joined["start"], joined["end"])
    score = np.concatenate(values)
    return JoinedHits(labels, tuple(names), joined["caller"], joined["motif"], where, score)


def signed_score(hits: Any, score: str) -> NDArray[np.float64]:
    """A score of hits such that more is better.

    Raises
    ------
    SchemaError
        If there is no such variable.
    """
    name = score.removeprefix("-")
    if name not in hits:
        raise SchemaError(f"there is no score {name}; there are {', '.join(map(str, hits))}")
    values: NDArray[np.float64] = hits[name].values.astype(np.float64)
    return -values if score.startswith("-") else values


def _frame(store: HitsStore) -> tuple[tuple[str, ...], IntArray, IntArray]:
    regions, count = store.regions, store.qc.sizes["region"]
    if "region_chrom" not in regions:
        return tuple(map(str, range(count))), np.arange(count), np.zeros(count, np.int64)
    chroms = regions["region_chrom"].values.astype(object)
    labels, group = np.unique(chroms, return_inverse=True)
    return tuple(map(str, labels)), group.astype(np.int64), regions["region_start"].values


def _check_same(first: HitsStore, other: HitsStore, name: str) -> None:
    a, b = _frame(first), _frame(other)
    same = a[0] == b[0] and np.array_equal(a[1], b[1]) and np.array_equal(a[2], b[2])
    if not same:
        raise SchemaError(
            f"the hits of {name} are of other regions ({b[1].size:,}) than those of the first "
            f"caller ({a[1].size:,}): call them in the same regions store"
        )


def overlapping(one: Intervals, other: Intervals) -> tuple[IntArray, IntArray]:
    """Pairs that share at least half of the shorter."""
    a, b = overlapping_pairs(one, other)
    left, right = one.take(a), other.take(b)
    shorter = np.minimum(left.end - left.start, right.end - right.start)
    kept = shared_bases(left, right) >= least_share(OVERLAP) * shorter
    return a[kept], b[kept]


def find_places(joined: JoinedHits, n_callers: int) -> Places:
    """Join hits of the same motif that overlap."""
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    count = joined.caller.size
    keyed = joined.where._replace(group=joined.where.group * len(joined.motifs) + joined.motif)
    a, b = overlapping(keyed, keyed)
    graph = coo_array((np.ones(a.size, dtype=np.int8), (a, b)), shape=(count, count))
    n_places, of_hit = 0, np.zeros(0, dtype=np.int64)
    if count:
        n_places, components = connected_components(graph, directed=False)
        of_hit = np.asarray(components, dtype=np.int64)
    start = np.full(n_places, np.iinfo(np.int64).max)
    end = np.full(n_places, np.iinfo(np.int64).min)
    np.minimum.at(start, of_hit, joined.where.start)
    np.maximum.at(end, of_hit, joined.where.end)
    motif, group = np.zeros((2, n_places), dtype=np.int64)
    motif[of_hit], group[of_hit] = joined.motif, joined.where.group
    score = np.full((n_places, n_callers), -np.inf)
    np.fmax.at(score, (of_hit, joined.caller), joined.score)
    found = np.zeros(score.shape, dtype=np.bool_)
    found[of_hit, joined.caller] = True
    score = np.where(np.isneginf(score), np.nan, score)
    order = np.lexsort((motif, start, group))
    rank = np.empty(n_places, dtype=np.int64)
    rank[order] = np.arange(n_places)
    where = Intervals(group, start, end).take(order)
    return Places(rank[of_hit], motif[order], where, score[order], found[order])


def label_agreement(joined: JoinedHits, n_callers: int) -> NDArray[np.float64]:
    """Share of the hits of a caller (row) that overlap one of another, and one of the same motif.

    Parameters
    ----------
    joined : JoinedHits
        The hits.
    n_callers : int
        How many callers.

    Returns
    -------
    array of float, ``(caller, caller)``
        Of the hits of the row that share half of the shorter with any hit of the column, the share
        that do so with one of the same motif; NaN where there are none.
    """
    agreement = np.full((n_callers, n_callers), np.nan)
    rows = [np.flatnonzero(joined.caller == number) for number in range(n_callers)]
    for one, other in np.ndindex(n_callers, n_callers):
        a, b = overlapping(joined.where.take(rows[one]), joined.where.take(rows[other]))
        same = joined.motif[rows[one][a]] == joined.motif[rows[other][b]]
        if a.size:
            agreement[one, other] = np.unique(a[same]).size / np.unique(a).size
    return agreement
