"""Hits against the seqlets of TF-MoDISco: what of them the hits find again."""

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from finemo_zarr.errors import SchemaError
from finemo_zarr.evaluation._instances import (
    Instances,
    MotifTable,
    Places,
    find_examples,
    hit_instances,
)
from finemo_zarr.intervals import overlapping_pairs, shared_bases
from finemo_zarr.store import HitsStore

if TYPE_CHECKING:
    import xarray as xr

IntArray = NDArray[np.int64]


class PlacedSeqlets(NamedTuple):
    """Seqlets of the motifs of a hits store, each once, and what can be compared with them.

    Parameters
    ----------
    instances : Instances
        Seqlets that lie in regions of the store.
    discovered : array of bool, ``(region,)``
        Whether TF-MoDISco saw the region.
    window : int
        Width that it saw of each region, its centre, in bp.
    n_elsewhere : int
        Seqlets of these motifs that lie in no region of the store.
    """

    instances: Instances
    discovered: NDArray[np.bool_]
    window: int
    n_elsewhere: int


def place_seqlets(
    hits: HitsStore,
    seqlets: "xr.Dataset",
    *,
    window: int | None = None,
    examples: "xr.Dataset | None" = None,
) -> PlacedSeqlets:
    """Find the places of seqlets in the regions of a hits store.

    A seqlet starts at the start of its region + its own start + (region width - `window`) / 2.

    Parameters
    ----------
    hits : HitsStore
        A hits store, of one track.
    seqlets : xarray.Dataset
        From :func:`finemo_zarr.readers.modisco_seqlets.read_seqlets`.
    window : int, optional
        Width that TF-MoDISco saw; by default what its file says, or else the width of the regions.
    examples : xarray.Dataset, optional
        ``region_chrom``, ``region_start`` and ``region_end`` of the sequences that TF-MoDISco saw,
        in their order, where they are not the peaks of the store: windows of any width whose
        centres are theirs. By default, the number of a sequence is the row of its region in the
        score files (``region_example``), or in the peak file where that is the same.

    Raises
    ------
    SchemaError
        If seqlets name sequences that are not there, all lie outside of the regions, which are
        narrower than `window`, or the store has no coordinates to find `examples` by.
    """
    motifs, places = MotifTable.of(hits.motifs), Places.of(hits)
    if not places.group.size or (examples is not None and not examples.sizes["region"]):
        raise SchemaError("there are no regions, so that no seqlet can be found in them")
    width = int(hits.regions.attrs["region_width"])
    window = window or int(seqlets.attrs["window"]) or width
    number = {str(name): index for index, name in enumerate(motifs.original)}
    motif = np.array([number.get(str(name), -1) for name in seqlets["seqlet_motif"].values], int)
    own = np.flatnonzero(motif >= 0)
    motif, example = motif[own], seqlets["seqlet_example"].values[own]
    start = seqlets["seqlet_start"].values[own]
    reverse = seqlets["seqlet_reverse"].values[own]
    if examples is None:
        region, discovered = _by_number(places, example)
        start = start + places.width[region] // 2 - window // 2
    else:
        centres = _centres(examples, places)
        _check_examples(example, len(centres.group), "the peaks that were given for TF-MoDISco")
        region, start = _by_place(
            centres.group[example], centres.start[example] + start - window // 2, places
        )
        discovered = _near(places, centres)
    inside = region >= 0
    middle = start + (seqlets["seqlet_end"].values - seqlets["seqlet_start"].values)[own] // 2
    in_bounds = inside & (middle >= 0) & (middle < places.width[region])
    if own.size and window > width and not in_bounds.any():
        raise SchemaError(
            f"all {own.size:,} seqlets lie outside of the regions: TF-MoDISco is said to have seen"
            f" {window:,} bp, and the regions are {width:,} bp wide; give the width that it saw"
            " (-W), or compare with no seqlets (-n)"
        )
    group, position = places.group[region], places.start[region] + start
    cores = motifs.cores(motif, reverse)
    instances = Instances(motif, reverse, region, start, group, position, *cores).take(inside)
    return PlacedSeqlets(instances.unique(), discovered, window, int((~inside).sum()))


def _by_number(places: Places, example: IntArray) -> tuple[IntArray, NDArray[np.bool_]]:
    """Regions that have the number of a sequence."""
    region = find_examples(places.number, example)
    lost, count = region < 0, len(places.number)
    # Regions may have been left out of the store; but not most of what TF-MoDISco saw.
    if example.size and lost.mean() > 0.5:
        raise SchemaError(
            f"{int(lost.sum()):,} of {example.size:,} seqlets lie in sequences that the store"
            f" lacks (numbers up to {int(example.max()):,}, {count:,} regions): TF-MoDISco"
            " saw other regions; give their peaks (--modisco-peaks)"
        )
    return region, np.ones(count, np.bool_)


def _check_examples(example: IntArray, count: int, what: str) -> None:
    if example.size and example.max() >= count:
        raise SchemaError(
            f"a seqlet lies in sequence {int(example.max()):,}, and {what} have {count:,} rows: are"
            " they those that TF-MoDISco saw?"
        )


def _centres(examples: "xr.Dataset", places: Places) -> Places:
    if places.chroms is None:
        raise SchemaError("the regions have no coordinates: peaks of TF-MoDISco cannot be found")
    number = {chrom: index for index, chrom in enumerate(places.chroms)}
    group = np.array([number.get(str(name), -1) for name in examples["region_chrom"].values], int)
    centre = (examples["region_start"].values + examples["region_end"].values) // 2
    return Places(
        group, centre.astype(np.int64), np.ones_like(centre), np.arange(centre.size), None
    )


def _by_place(group: IntArray, position: IntArray, places: Places) -> tuple[IntArray, IntArray]:
    """The region whose centre is nearest to a place, if the place lies in it, and where there."""
    middle = places.start + places.width // 2
    nearest = _nearest(group, position, places.group, middle)
    start = position - places.start[nearest]
    inside = (places.group[nearest] == group) & (start >= 0) & (start < places.width[nearest])
    return np.where(inside, nearest, -1), start


def _near(places: Places, centres: Places) -> NDArray[np.bool_]:
    """Whether a sequence that TF-MoDISco saw has its centre in a region's middle half."""
    middle = places.start + places.width // 2
    nearest = _nearest(places.group, middle, centres.group, centres.start)
    near = np.abs(centres.start[nearest] - middle) <= places.width // 4
    found: NDArray[np.bool_] = near & (centres.group[nearest] == places.group)
    return found


def _nearest(
    group: IntArray, position: IntArray, groups: IntArray, positions: IntArray
) -> IntArray:
    """Index of the nearest of some positions, in the same group where it has any."""
    span = 2 * (int(max(positions.max(initial=0), position.max(initial=0))) + 1)
    line = groups * span + positions
    order = np.argsort(line, kind="stable")
    wanted = group * span + position
    right = np.clip(np.searchsorted(line[order], wanted), 1, max(len(line) - 1, 1))
    pair = np.stack([order[right - 1], order[np.minimum(right, len(line) - 1)]])
    closer = np.abs(line[pair] - wanted).argmin(axis=0)
    chosen: IntArray = pair[closer, np.arange(len(wanted))]
    return chosen


class Comparison(NamedTuple):
    """Hits and seqlets, each once, as instances.

    Parameters
    ----------
    hits : Instances
        All hits.
    restricted : Instances
        Those that can be compared: in regions and window that TF-MoDISco saw.
    hits_only, seqlets_only : Instances
        Comparable hits that are no seqlet, and seqlets that are no hit.
    """

    hits: Instances
    restricted: Instances
    hits_only: Instances
    seqlets_only: Instances


def compare_with_seqlets(hits: HitsStore, seqlets: PlacedSeqlets) -> Comparison:
    """Tell hits that are seqlets from those that are none; same place, motif and strand."""
    motifs, places = MotifTable.of(hits.motifs), Places.of(hits)
    found = hit_instances(hits)
    first = places.width[found.region] // 2 - seqlets.window // 2
    end = found.start + motifs.width[found.motif]
    seen = (found.start >= first) & (end <= first + seqlets.window)
    restricted = found.take(seen & seqlets.discovered[found.region]).unique()
    return Comparison(
        found.unique(),
        restricted,
        restricted.take(~np.isin(restricted.keys(), seqlets.instances.keys())),
        seqlets.instances.take(~np.isin(seqlets.instances.keys(), restricted.keys())),
    )


def seqlet_recall(hits: HitsStore, seqlets: PlacedSeqlets) -> "xr.Dataset":
    """Count, for each motif, the seqlets that are hits.

    Parameters
    ----------
    hits : HitsStore
        A hits store, of one track.
    seqlets : PlacedSeqlets
        From :func:`place_seqlets`.

    Returns
    -------
    xarray.Dataset
        Arrays ``(motif,)``: ``num_hits_total`` and ``num_hits_restricted``, hits and those in the
        regions and the central window that TF-MoDISco saw; ``num_seqlets``; ``num_overlaps``, hits
        that are seqlets, to the base; ``num_seqlets_only``, ``num_hits_restricted_only``;
        ``seqlet_recall``, overlaps by seqlets, NaN where there is no seqlet. Attributes:
        ``num_regions`` and ``window`` that were compared, ``num_seqlets_elsewhere``.
    """
    import xarray as xr

    motifs = MotifTable.of(hits.motifs)
    compared = compare_with_seqlets(hits, seqlets)
    count = _Counter(len(motifs.names))
    num_seqlets = count(seqlets.instances)
    only = count(compared.seqlets_only)
    with np.errstate(invalid="ignore"):
        recall = (num_seqlets - only) / num_seqlets.astype(np.float64)
    columns = {
        "num_hits_total": count(compared.hits),
        "num_hits_restricted": count(compared.restricted),
        "num_seqlets": num_seqlets,
        "num_overlaps": num_seqlets - only,
        "num_seqlets_only": only,
        "num_hits_restricted_only": count(compared.hits_only),
        "seqlet_recall": recall,
    }
    return xr.Dataset(
        {name: ("motif", values) for name, values in columns.items()},
        coords={"motif": motifs.names},
        attrs={
            "num_regions": int(seqlets.discovered.sum()),
            "window": seqlets.window,
            "num_seqlets_elsewhere": seqlets.n_elsewhere,
        },
    )


class _Counter:
    def __init__(self, size: int) -> None:
        self._size = size

    def __call__(self, instances: Instances) -> IntArray:
        return np.bincount(instances.motif, minlength=self._size).astype(np.int64)


def seqlet_confusion(
    hits: HitsStore, seqlets: PlacedSeqlets, *, min_share: float = 0.5
) -> "xr.Dataset":
    """Share of the seqlets of each motif that a hit of each motif overlaps.

    Parameters
    ----------
    hits : HitsStore
        A hits store, of one track.
    seqlets : PlacedSeqlets
        From :func:`place_seqlets`.
    min_share : float
        Share of the shorter core that two cores must have in common to overlap; at least one base.

    Returns
    -------
    xarray.Dataset
        ``seqlet_confusion`` ``(motif, hit_motif)``; NaN where a motif has no seqlet.
    """
    import xarray as xr

    motifs = MotifTable.of(hits.motifs)
    found = compare_with_seqlets(hits, seqlets).restricted
    left, right = overlapping_cores(seqlets.instances, found, min_share)
    size = len(motifs.names)
    # A seqlet counts once for a motif, however many of its hits overlap it.
    pairs = np.unique(left * size + found.motif[right])
    cell = seqlets.instances.motif[pairs // size] * size + pairs % size
    table = np.bincount(cell, minlength=size * size).reshape(size, size).astype(np.float64)
    totals = np.bincount(seqlets.instances.motif, minlength=size)[:, None].astype(np.float64)
    with np.errstate(invalid="ignore"):
        share = table / totals
    return xr.Dataset(
        {"seqlet_confusion": (("motif", "hit_motif"), share)},
        coords={"motif": motifs.names, "hit_motif": motifs.names},
        attrs={"min_share": min_share},
    )


def overlapping_cores(a: Instances, b: Instances, min_share: float) -> tuple[Any, Any]:
    """Pairs of rows of `a` and `b` whose cores share enough of the shorter."""
    left, right = a.intervals(), b.intervals()
    index_a, index_b = overlapping_pairs(left, right)
    one, other = left.take(index_a), right.take(index_b)
    shorter = np.minimum(one.end - one.start, other.end - other.start)
    enough = shared_bases(one, other) >= min_share * shorter
    return index_a[enough], index_b[enough]
