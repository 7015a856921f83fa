"""Where in a region motifs lie: how far from its centre, or from the nearest summit."""

from collections.abc import Mapping
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from finemo_zarr.errors import SchemaError
from finemo_zarr.evaluation._instances import Instances, Places
from finemo_zarr.store import HitsStore

if TYPE_CHECKING:
    import xarray as xr

IntArray = NDArray[np.int64]
_QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)


def centre_distances(
    hits: HitsStore, instances: Instances, summits: "xr.Dataset | None" = None
) -> IntArray:
    """Signed distances of instances to the centre of their region, or to the nearest summit.

    Parameters
    ----------
    hits : HitsStore
        The store whose regions and motifs they refer to.
    instances : Instances
        Motifs at places.
    summits : xarray.Dataset, optional
        ``region_chrom`` and ``region_start`` of summits, one base each.

    Returns
    -------
    array of int, ``(instance,)``
        Centre of the core minus centre or summit, in bp, rounded down; positive to the right of it
        on the chromosome, whatever the strand. Where a chromosome has no summit, the largest number
        there is.

    Raises
    ------
    SchemaError
        If there are summits, but the regions have no coordinates.
    """
    places = Places.of(hits)
    core = instances.intervals()
    twice = core.start + core.end
    if summits is None:
        middle = places.start + places.width // 2
        distance: IntArray = (twice - 2 * middle[instances.region]) // 2
        return distance
    if places.chroms is None:
        raise SchemaError(
            "the regions have no coordinates, so that summits (peaks) cannot be found beside them;"
            " leave them out, and distances are those to the centres of the regions"
        )
    number = {chrom: index for index, chrom in enumerate(places.chroms)}
    names = summits["region_chrom"].values.tolist()
    group = np.array([number.get(str(name), -1) for name in names], np.int64)
    position = summits["region_start"].values.astype(np.int64)[group >= 0]
    return _to_nearest(core.group, twice, group[group >= 0], 2 * position)


def _to_nearest(group: IntArray, twice: IntArray, groups: IntArray, targets: IntArray) -> IntArray:
    """Half the difference to the nearest target of the same group."""
    far = np.iinfo(np.int64).max
    if not targets.size:
        return np.full(twice.size, far)
    span = 2 * (int(max(targets.max(), twice.max(initial=0))) + 1)
    line = np.sort(groups * span + targets)
    wanted = group * span + twice
    right = np.searchsorted(line, wanted)
    beside = np.stack([np.maximum(right - 1, 0), np.minimum(right, line.size - 1)])
    difference = wanted - line[beside]
    nearest = np.abs(difference).argmin(axis=0)
    at = np.arange(wanted.size)
    same = np.isin(group, groups)
    distance: IntArray = difference[nearest, at] // 2
    # The nearest on the line may be of another chromosome only where the own has none.
    return np.where(same, distance, far)


def position_summary(
    distances: Mapping[str, tuple[IntArray, IntArray]],
    names: NDArray[np.object_],
    *,
    reach: int,
    bin_width: int,
) -> "xr.Dataset":
    """Summarise distances by motif.

    Parameters
    ----------
    distances : mapping of str to (array of int, array of int)
        Index of the motif and distance of each instance, by the name of the set.
    names : array of str, ``(motif,)``
        Names of the motifs.
    reach : int
        Distances that are counted in bins, on either side, in bp; the others are counted in
        ``n_outside``.
    bin_width : int
        In bp.

    Returns
    -------
    xarray.Dataset
        ``count`` ``(set, motif, bin)``, with the start of each bin in the coordinate ``bin``;
        ``n_outside`` ``(set, motif)``; ``distance_quantile`` ``(set, motif, quantile)`` and
        ``median_absolute`` ``(set, motif)``, over what is counted, NaN where there is nothing.
    """
    import xarray as xr

    half = -(-reach // bin_width)
    edges = np.arange(-half, half) * bin_width
    counts = np.zeros((len(distances), len(names), edges.size), np.int64)
    outside = np.zeros((len(distances), len(names)), np.int64)
    quantiles = np.full((len(distances), len(names), len(_QUANTILES)), np.nan)
    absolute = np.full((len(distances), len(names)), np.nan)
    for at, (motif, distance) in enumerate(distances.values()):
        cell = distance // bin_width + half
        inside = (cell >= 0) & (cell < edges.size)
        flat = motif[inside] * edges.size + cell[inside]
        counts[at] = np.bincount(flat, minlength=counts[at].size).reshape(counts[at].shape)
        outside[at] = np.bincount(motif[~inside], minlength=len(names))
        order = np.argsort(motif[inside], kind="stable")
        bounds = np.searchsorted(motif[inside][order], np.arange(len(names) + 1))
        values = distance[inside][order]
        for index, (low, high) in enumerate(pairwise(bounds.tolist())):
            if high > low:
                quantiles[at, index] = np.quantile(values[low:high], _QUANTILES)
                absolute[at, index] = np.median(np.abs(values[low:high]))
    return xr.Dataset(
        {
            "count": (("set", "motif", "bin"), counts),
            "n_outside": (("set", "motif"), outside),
            "distance_quantile": (("set", "motif", "quantile"), quantiles, {"units": "bp"}),
            "median_absolute": (("set", "motif"), absolute, {"units": "bp"}),
        },
        coords={
            "set": list(distances),
            "motif": names,
            "bin": ("bin", edges, {"units": "bp"}),
            "quantile": list(_QUANTILES),
        },
        attrs={"bin_width": bin_width},
    )
