"""How far it is from a hit of one motif to the nearest of another."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from finemo_zarr.evaluation.hit_pairs import HitLine, IntArray, hit_line
from finemo_zarr.store import HitsStore

if TYPE_CHECKING:
    import xarray as xr

_ORIENTATIONS = ("first, second", "second, first", "facing", "back to back")
_QUANTILES = (0.25, 0.5, 0.75)
_WHISKER = 1.5


def nearest_distances(
    hits: HitsStore, pairs: Sequence[tuple[str, str]], *, max_distance: int | None = None
) -> "xr.Dataset":
    """Measure the distance from each hit of a motif to the nearest hit of another.

    Measured is from the hits of the motif that has fewer, between the centres of cores, to hits
    whose cores do not overlap its own.

    Parameters
    ----------
    hits : HitsStore
        A hits store, of one track.
    pairs : sequence of (str, str)
        Names of motifs; of a motif and itself, to the nearest other hit.
    max_distance : int, optional
        Largest distance, in bp; by default the width of the regions.

    Returns
    -------
    xarray.Dataset
        Arrays ``(observation,)``, ordered by pair: ``pair_index``; ``distance`` in bp;
        ``orientation``, an index of the coordinate of that name. Arrays ``(pair,)``: ``first``,
        from whose hits is measured, and ``second``; ``n_hits`` of the first, ``n_near``, those with
        one near. ``distance_quantile`` ``(pair, quantile)``, quartiles, and ``whisker``
        ``(pair, side)``, the furthest distances within 1.5 interquartile ranges of them.
    """
    import xarray as xr

    limit = int(hits.regions.attrs["region_width"]) if max_distance is None else max_distance
    line = hit_line(hits, apart=4 * limit + 10_000)
    index = {str(name): at for at, name in enumerate(line.names)}
    counts = np.bincount(line.motif, minlength=line.names.size)
    measured = []
    for pair in pairs:
        a, b = (index[name] for name in pair)
        measured.append(_nearest(line, *((a, b) if counts[a] <= counts[b] else (b, a)), limit))
    number = np.repeat(np.arange(len(measured)), [found.distance.size for found in measured])
    names = np.array([[line.names[m.first], line.names[m.second]] for m in measured], dtype=object)
    names = names.reshape(-1, 2).astype(np.dtypes.StringDType())
    summary = np.array([_summary(found.distance) for found in measured]).reshape(-1, 5)
    return xr.Dataset(
        {
            "pair_index": ("observation", number),
            "distance": ("observation", _joined([m.distance for m in measured]), {"units": "bp"}),
            "orientation_index": ("observation", _joined([m.orientation for m in measured])),
            "first": ("pair", names[:, 0]),
            "second": ("pair", names[:, 1]),
            "n_hits": ("pair", np.array([m.n_hits for m in measured], np.int64)),
            "n_near": ("pair", np.array([m.distance.size for m in measured], np.int64)),
            "distance_quantile": (("pair", "quantile"), summary[:, :3], {"units": "bp"}),
            "whisker": (("pair", "side"), summary[:, 3:], {"units": "bp"}),
        },
        coords={
            "quantile": list(_QUANTILES),
            "side": ["low", "high"],
            "orientation": list(_ORIENTATIONS),
        },
        attrs={"max_distance": limit},
    )


class _Measured(NamedTuple):
    first: int
    second: int
    n_hits: int
    distance: IntArray
    orientation: IntArray


def _joined(parts: list[IntArray]) -> IntArray:
    return np.concatenate([np.zeros(0, np.int64), *parts])


def _nearest(line: HitLine, first: int, second: int, limit: int) -> _Measured:
    own, other = line.of_motif(first), line.of_motif(second)
    if not other.start.size:
        return _Measured(first, second, own.start.size, _joined([]), _joined([]))
    # Of one motif, centres, starts and ends are in the same order.
    right = np.searchsorted(other.start, own.end, side="left")
    left = np.searchsorted(other.end, own.start, side="right") - 1
    sides = np.stack([np.clip(side, 0, other.start.size - 1) for side in (left, right)])
    missing = np.stack([left < 0, right >= other.start.size])
    twice = np.abs(other.twice_centre[sides] - own.twice_centre)
    distance = np.where(missing, 2 * limit + 2, twice) // 2
    side = distance.argmin(axis=0)
    every = np.arange(own.start.size)
    chosen, near = sides[side, every], distance[side, every] <= limit
    downstream = (side == 1) != own.reverse
    opposite = own.reverse != other.reverse[chosen]
    # Of two alike on one strand, whichever lies first is the first.
    downstream |= (first == second) & ~opposite
    orientation = 2 * opposite + ~downstream
    return _Measured(
        first,
        second,
        own.start.size,
        distance[side, every][near].astype(np.int64),
        orientation[near].astype(np.int64),
    )


def _summary(distance: NDArray[Any]) -> list[float]:
    """Quartiles, and the furthest distances within 1.5 interquartile ranges of the outer ones."""
    if not distance.size:
        return [float("nan")] * 5
    low, middle, high = np.quantile(distance, _QUANTILES)
    reach = _WHISKER * (high - low)
    inside = distance[(distance >= low - reach) & (distance <= high + reach)]
    return [float(value) for value in (low, middle, high, inside.min(), inside.max())]
