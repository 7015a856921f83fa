"""Hits against sites that are known: precision, recall and F1 over a score.

A hit and a site go together if their motif is the same, whatever the strand, and they share at
least half of the shorter. By default every hit that goes with a site is right, and a site is found
if any hit goes with it: a site that is called on both strands costs nothing. One to one, hits take
sites in the order of their scores, each the free site that it shares most bases with, and what
finds none is wrong.
"""

import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from finemo_zarr.errors import InputWarning, ReadError, SchemaError
from finemo_zarr.evaluation._instances import Places
from finemo_zarr.intervals import Intervals, least_share, overlapping_pairs, shared_bases
from finemo_zarr.store import HitsStore

if TYPE_CHECKING:
    import polars as pl
    import xarray as xr

FloatArray = NDArray[np.float64]

OVERLAP = 0.5
"""Share of the shorter of hit and site that both must have."""

_NAMES = {"chr": "chrom", "motif_name": "motif"}
_NEEDED = ("motif", "start", "end")


def read_truth(path: Path | str) -> "xr.Dataset":
    """Read a table of known sites.

    Parameters
    ----------
    path : path
        A TSV file with a header and the columns ``motif``, ``start``, ``end``, and ``region`` or
        ``chrom`` (also ``chr``, ``motif_name``); others are ignored. With ``chrom``, start and end
        are on the chromosome; with ``region``, relative to it: its row in the peak file, from 0, or
        its name.

    Returns
    -------
    xarray.Dataset
        ``site_region`` or ``site_chrom``, ``site_motif``, ``site_start``, ``site_end``, each
        ``(site,)``.

    Raises
    ------
    ReadError
        If there is no such file, or it is no such table.
    """
    import polars as pl
    import xarray as xr

    try:
        frame = pl.read_csv(path, separator="\t", infer_schema_length=0, quote_char=None)
    except (OSError, pl.exceptions.PolarsError) as error:
        raise ReadError(f"{path}: cannot be read as a table of sites ({error})") from error
    frame = frame.rename({old: new for old, new in _NAMES.items() if old in frame.columns})
    place = "chrom" if "chrom" in frame.columns else "region"
    if missing := [name for name in (place, *_NEEDED) if name not in frame.columns]:
        raise ReadError(
            f"{path}: line 1 lacks the column {', '.join(missing)} (found "
            f"{', '.join(frame.columns):.200}); expected region or chrom, motif, start, end"
        )
    start, end = (_positions(frame, name, path) for name in ("start", "end"))
    if (wrong := end <= start).any():
        raise ReadError(f"{path}: line {int(wrong.argmax()) + 2}: end is not beyond start")
    columns = {
        f"site_{place}": np.array(frame[place].fill_null("").to_list(), dtype=object),
        "site_motif": np.array(frame["motif"].fill_null("").to_list(), dtype=object),
        "site_start": start,
        "site_end": end,
    }
    return xr.Dataset({name: ("site", values) for name, values in columns.items()})


def _positions(frame: "pl.DataFrame", name: str, path: Path | str) -> NDArray[np.int64]:
    values = frame[name].cast(int, strict=False)
    if values.null_count():
        line = int(values.is_null().arg_max() or 0) + 2
        found = frame[name][line - 2]
        raise ReadError(f"{path}: line {line}, column {name}: found {found!r}, expected a number")
    return values.to_numpy().astype(np.int64)


def own_score(hits: "xr.Dataset") -> str:
    """Name of the score by which the hits of a caller are ranked, if nothing else is said.

    ``hit_coefficient_global`` where it is known, or else ``hit_importance``.

    Parameters
    ----------
    hits : xarray.Dataset
        A hits dataset.
    """
    known = np.isfinite(hits["hit_coefficient_global"].values).any()
    return "hit_coefficient_global" if known else "hit_importance"


def compare_with_truth(
    hits: HitsStore, sites: "xr.Dataset", *, score: str | None = None, one_to_one: bool = False
) -> "xr.Dataset":
    """Precision, recall and F1 of hits, at each threshold of a score.

    Only motifs that have both a site and an entry in the store are judged, and only sites of which
    at least half lies in a region. A hit that is there twice, since regions overlap, counts once.

    Parameters
    ----------
    hits : HitsStore
        A hits store, of one track.
    sites : xarray.Dataset
        From :func:`read_truth`.
    score : str, optional
        Variable of the hits, with ``-`` in front if less is better; by default that of
        :func:`own_score`. Hits without (NaN) come last.
    one_to_one : bool
        Whether a site can make one hit right only.

    Returns
    -------
    xarray.Dataset
        ``precision``, ``recall``, ``f1``, ``num_hits`` ``(threshold,)``: of the hits whose score is
        at least ``threshold``, the largest first; -inf for hits without score, and 0 hits have the
        precision 1. Attributes: ``score``; ``num_sites``; ``num_hits``, ``num_right``,
        ``num_found`` (sites), ``precision``, ``recall`` and ``f1`` of all hits; ``best_f1``,
        ``best_threshold``, ``best_precision`` and ``best_recall``.

    Raises
    ------
    SchemaError
        If no motif has sites, none lies in the regions, or there is no such score.
    """
    score = own_score(hits.hits) if score is None else score
    called, known = _comparable(hits, sites, score)
    pairs = _pairs(called.places, known.places)
    order = np.argsort(-called.score, kind="stable")
    rank = np.empty(order.size, dtype=np.int64)
    rank[order] = np.arange(order.size)
    right, found = (_claimed if one_to_one else _any)(pairs, rank, len(known.score))
    return _curve(called.score[order], right, found, score)


def check_truth(regions: "xr.Dataset", motifs: "xr.Dataset", sites: "xr.Dataset") -> None:
    """Raise if hits of these motifs in these regions could not be compared with sites.

    Parameters
    ----------
    regions : xarray.Dataset
        A regions dataset.
    motifs : xarray.Dataset
        Oriented motifs.
    sites : xarray.Dataset
        From :func:`read_truth`.

    Raises
    ------
    SchemaError
        As :func:`compare_with_truth`.
    """
    described = regions.assign_attrs(region_width=regions.sizes["position"])
    _known_sites(HitsStore(described, motifs, regions, regions), sites)


class _Placed(NamedTuple):
    places: Intervals  # the group holds the motif
    score: FloatArray


class _Pairs(NamedTuple):
    hit: NDArray[np.int64]
    site: NDArray[np.int64]
    shared: NDArray[np.int64]


class _Known(NamedTuple):
    number: dict[str, int]  # of each motif that has sites
    places: Intervals  # of its sites in the regions; the group holds the motif
    frame: Intervals  # the regions


def _known_sites(hits: HitsStore, sites: "xr.Dataset") -> _Known:
    """Sites that can be found, whatever the hits."""
    names = [str(name) for name in hits.motifs["motif_name"].values]
    motifs = sorted(set(names) & set(sites["site_motif"].values.tolist()))
    if not motifs:
        raise SchemaError(
            "no motif of the hits has a known site: the table has "
            f"{_some(sites['site_motif'].values)}, the hits have {_some(names)}; rename motifs (-N)"
        )
    number = {name: index for index, name in enumerate(motifs)}
    of_site = np.array([number.get(name, -1) for name in sites["site_motif"].values.tolist()])
    site_group, frame = _frame(hits, sites)
    known = Intervals(
        site_group * len(motifs) + of_site, sites["site_start"].values, sites["site_end"].values
    )
    judged = np.flatnonzero((of_site >= 0) & _inside(known._replace(group=site_group), frame))
    if not judged.size:
        raise SchemaError(f"none of the {of_site.size:,} sites lies in the regions of the hits")
    return _Known(number, known.take(judged), frame)


def _comparable(hits: HitsStore, sites: "xr.Dataset", score: str) -> tuple[_Placed, _Placed]:
    """Hits and sites of the motifs that both have, in the same coordinates."""
    number, known, frame = _known_sites(hits, sites)
    names = hits.motifs["motif_name"].values.tolist()
    of_hit = np.array([number.get(name, -1) for name in names])[hits.hits["hit_motif"].values]
    region = hits.hits["hit_region"].values
    called = Intervals(
        frame.group[region] * len(number) + of_hit,
        frame.start[region] + hits.hits["hit_start"].values,
        frame.start[region] + hits.hits["hit_end"].values,
    )
    own = np.flatnonzero(of_hit >= 0)
    oriented = hits.hits["hit_motif"].values[own]
    return (
        _unique(called.take(own), oriented, _scores(hits.hits, score)[own]),
        _Placed(known, np.zeros(known.start.size)),
    )


def _frame(hits: HitsStore, sites: "xr.Dataset") -> tuple[NDArray[np.int64], Intervals]:
    """The group of each site, and the regions: on chromosomes, or each by itself."""
    regions = Places.of(hits)
    if "site_chrom" not in sites:
        groups = _region_numbers(hits, sites["site_region"].values.tolist())
        return groups, Intervals(
            np.arange(regions.width.size), np.zeros_like(regions.width), regions.width
        )
    if regions.chroms is None:
        raise SchemaError("sites lie on chromosomes, and the hits have no coordinates")
    of_chrom = {name: index for index, name in enumerate(regions.chroms)}
    chroms = sites["site_chrom"].values.tolist()
    groups = np.array([of_chrom.get(chrom, len(of_chrom)) for chrom in chroms])
    return groups, Intervals(regions.group, regions.start, regions.start + regions.width)


def _inside(sites: Intervals, regions: Intervals) -> NDArray[np.bool_]:
    """Whether at least half of a site lies in one region; others cannot be found."""
    a, b = overlapping_pairs(sites, regions)
    own = sites.take(a)
    enough = shared_bases(own, regions.take(b)) >= OVERLAP * (own.end - own.start)
    inside = np.zeros(sites.start.size, dtype=np.bool_)
    inside[a[enough]] = True
    return inside


def _region_numbers(hits: HitsStore, regions: list[str]) -> NDArray[np.int64]:
    """Index along `region` of what a table calls regions; -1 where there is no such region."""
    count = hits.qc.sizes["region"]
    keys = {str(index): index for index in range(count)}
    if "region_id" in hits.regions:
        names = hits.regions["region_name"].values.tolist()
        keys = {str(name): index for index, name in enumerate(names)}
        # A name may be a number as well: rows of the peak file go first.
        keys |= {str(row): at for at, row in enumerate(hits.regions["region_id"].values.tolist())}
    if unknown := [name for name in regions if name not in keys]:
        said = f"{len(unknown)} of {len(regions)} sites lie in regions that are not there, first"
        said += f" {unknown[0]!r}: "
        if len(unknown) == len(regions):
            said += "expected the row in the peak file, from 0, or the name of a region"
            raise SchemaError(said)
        warnings.warn(f"{said}they are left out", InputWarning, stacklevel=2)
    return np.array([keys.get(name, -1) for name in regions], dtype=np.int64)


def _scores(hits: "xr.Dataset", score: str) -> FloatArray:
    name = score.removeprefix("-")
    if name not in hits or hits[name].dtype.kind not in "fiu":
        there = [str(key) for key in hits.data_vars if hits[key].dtype.kind == "f"]
        raise SchemaError(f"there is no score {name}; there are {', '.join(there)}")
    values = hits[name].values.astype(np.float64) * (-1 if score.startswith("-") else 1)
    return np.where(np.isnan(values), -np.inf, values)


def _unique(places: Intervals, oriented: Any, score: FloatArray) -> _Placed:
    """Each hit once, with the best of its scores."""
    order = np.argsort(-score, kind="stable")
    table = np.stack([*places, oriented], axis=1).astype(np.int64)[order]
    _, first = np.unique(table, axis=0, return_index=True)
    kept = np.sort(order[first])
    return _Placed(places.take(kept), score[kept])


def _pairs(a: Intervals, b: Intervals) -> _Pairs:
    """Pairs that share at least half of the shorter."""
    of_a, of_b = overlapping_pairs(a, b)
    one, other = a.take(of_a), b.take(of_b)
    shared = shared_bases(one, other)
    shorter = np.minimum(one.end - one.start, other.end - other.start)
    kept = shared >= least_share(OVERLAP) * shorter
    return _Pairs(of_a[kept], of_b[kept], shared[kept])


def _any(pairs: _Pairs, rank: NDArray[np.int64], n_sites: int) -> tuple[Any, Any]:
    """Whether the hit of each rank is right, and the rank of the first hit of each site."""
    right = np.zeros(rank.size, dtype=np.bool_)
    right[rank[pairs.hit]] = True
    found = np.full(n_sites, rank.size)
    np.minimum.at(found, pairs.site, rank[pairs.hit])
    return right, found


def _claimed(pairs: _Pairs, rank: NDArray[np.int64], n_sites: int) -> tuple[Any, Any]:
    """The same where a site goes to one hit only."""
    right = np.zeros(rank.size, dtype=np.bool_)
    found = np.full(n_sites, rank.size)
    for at in np.lexsort((pairs.site, -pairs.shared, rank[pairs.hit])).tolist():
        place, site = rank[pairs.hit[at]], pairs.site[at]
        if not right[place] and found[site] == rank.size:
            right[place], found[site] = True, place
    return right, found


def _curve(score: FloatArray, right: Any, found: Any, name: str) -> "xr.Dataset":
    """Curve from what is right, by rank, and the ranks at which sites are found."""
    import xarray as xr

    n_sites = found.size
    last = np.flatnonzero(np.append(score[1:] != score[:-1], np.ones(min(score.size, 1), bool)))
    kept = last + 1
    n_right = np.cumsum(right)[last]
    n_found = np.searchsorted(np.sort(found), last, side="right")
    precision, recall = n_right / kept, n_found / n_sites
    both = precision + recall
    f1 = np.divide(2 * precision * recall, both, out=np.zeros(both.size), where=both > 0)
    best = int(f1.argmax()) if f1.size else None
    values = {"precision": precision, "recall": recall, "f1": f1, "num_hits": kept}
    attrs: dict[str, Any] = {
        "score": name,
        "num_sites": n_sites,
        "num_hits": score.size,
        "num_right": int(right.sum()),
        "num_found": int((found < score.size).sum()),
        "best_f1": 0.0 if best is None else float(f1[best]),
        "best_threshold": np.nan if best is None else float(score[last[best]]),
    }
    for key, nothing in (("precision", 1.0), ("recall", 0.0), ("f1", 0.0)):
        attrs[key] = float(values[key][-1]) if kept.size else nothing
        if key != "f1":
            attrs[f"best_{key}"] = nothing if best is None else float(values[key][best])
    return xr.Dataset(
        {key: ("threshold", column) for key, column in values.items()},
        coords={"threshold": score[last]},
        attrs=attrs,
    )


def _some(names: Any) -> str:
    listed = sorted({str(name) for name in names})
    return ", ".join(listed[:5]) + (" …" if len(listed) > 5 else "")
