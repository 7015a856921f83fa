"""At which distances and orientations motifs stand to one another, and whether that is periodic."""

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from finemo_zarr.evaluation.hit_pairs import HitLine, IntArray, hit_line, near_pairs
from finemo_zarr.evaluation.tails import benjamini_hochberg, log_binomial_tail
from finemo_zarr.store import HitsStore

if TYPE_CHECKING:
    import xarray as xr

FloatArray = NDArray[np.float64]
HELICAL_PERIOD = 10.5
"""Base pairs in a turn of B-DNA in solution."""
BACKGROUND_WIDTH = 21
"""Distances that the local mean is taken over, in bp: two turns, so that it has no such period."""
_STRANDS = ("same", "opposite")
_OWN = 1  # neighbours of a distance that are not its background


def pair_spacings(
    hits: HitsStore, *, max_distance: int = 150, min_pairs: int = 50, max_rows: int = 500
) -> "xr.Dataset":
    """Count pairs of hits by motifs, strands and distance of their centres.

    Pairs whose cores overlap are left out: there, motifs compete for the same bases.

    Parameters
    ----------
    hits : HitsStore
        A hits store, of one track.
    max_distance : int
        Largest distance of the centres, in bp.
    min_pairs : int
        Pairs of motifs with fewer pairs of hits are left out.
    max_rows : int
        Pairs of motifs to keep at most, those with most pairs of hits.

    Returns
    -------
    xarray.Dataset
        Arrays ``(pair,)``: ``first`` and ``second``, the motifs; ``n_pairs``; ``least_distance``,
        that at which their cores touch. Arrays ``(pair, strand, offset)``: ``count``;
        ``background``, the mean over the ten offsets on either side but for the offset itself and
        its neighbours, NaN where cores would overlap. `strand` is ``same`` or ``opposite``;
        `offset` is the place of the second motif seen from the first, in bp, negative upstream. Of
        a motif and itself on the same strand, only positive offsets are used.
    """
    import xarray as xr

    line = hit_line(hits, apart=4 * max_distance + 10_000)
    size = line.names.size
    totals = np.zeros(size * size, np.int64)
    for pairs in near_pairs(line, max_distance):
        totals += np.bincount(pairs.first * size + pairs.second, minlength=size * size)
    order = np.argsort(-totals, kind="stable")
    kept = order[totals[order] >= max(min_pairs, 1)][:max_rows]
    number = np.full(size * size, -1)
    number[kept] = np.arange(kept.size)
    counts = _counts(line, number, kept.size, max_distance)
    first, second = line.names[kept // size], line.names[kept % size]
    least = (line.width[kept // size] + line.width[kept % size]) // 2
    usable = _usable(least, kept // size == kept % size, max_distance)
    background = local_mean(np.where(usable, counts, np.nan), leave_out=_OWN)
    dims = ("pair", "strand", "offset")
    return xr.Dataset(
        {
            "first": ("pair", first.astype(np.dtypes.StringDType())),
            "second": ("pair", second.astype(np.dtypes.StringDType())),
            "n_pairs": ("pair", totals[kept]),
            "least_distance": ("pair", least, {"units": "bp"}),
            "count": (dims, counts),
            "background": (dims, np.where(usable, background, np.nan)),
        },
        coords={"strand": list(_STRANDS), "offset": np.arange(-max_distance, max_distance + 1)},
        attrs={
            "max_distance": max_distance,
            "min_pairs": min_pairs,
            "n_left_out": int((totals > 0).sum() - kept.size),
        },
    )


def _counts(line: HitLine, number: IntArray, rows: int, max_distance: int) -> IntArray:
    width = 2 * max_distance + 1
    cells = np.zeros(rows * 2 * width, np.int64)
    for pairs in near_pairs(line, max_distance):
        row = number[pairs.first * line.names.size + pairs.second]
        own = (row >= 0) & (np.abs(pairs.offset) <= max_distance)
        cell = (row[own] * 2 + pairs.opposite[own]) * width + pairs.offset[own] + max_distance
        cells += np.bincount(cell, minlength=cells.size)
    return cells.reshape(rows, 2, width)


def _usable(least: IntArray, same: NDArray[np.bool_], max_distance: int) -> NDArray[np.bool_]:
    """Offsets at which cores do not overlap, and where a pair of one motif is counted."""
    offset = np.arange(-max_distance, max_distance + 1)
    apart = np.abs(offset) >= least[:, None, None]
    one_sided = same[:, None, None] & (np.arange(2)[:, None] == 0) & (offset < 0)
    usable: NDArray[np.bool_] = apart & ~one_sided
    return usable


def local_mean(
    values: FloatArray, *, width: int = BACKGROUND_WIDTH, leave_out: int | None = None
) -> FloatArray:
    """Running mean along the last axis, over what is there.

    Parameters
    ----------
    values : array, ``(..., position)``
        NaN is left out of the mean.
    width : int
        Positions that it is taken over, an odd number.
    leave_out : int, optional
        Leave out the position itself and so many neighbours on either side.

    Returns
    -------
    array
        Of the same shape; NaN where nothing is near.
    """
    there = np.isfinite(values)
    filled = np.where(there, values, 0.0)
    sums, counts = (
        _running_sum(part, width, leave_out) for part in (filled, there.astype(np.float64))
    )
    enough = counts > 0.5
    means: FloatArray = np.divide(sums, counts, out=np.full(sums.shape, np.nan), where=enough)
    return np.maximum(means, 0.0)  # differences of sums may fall below by rounding


def _running_sum(
    values: FloatArray, width: int = BACKGROUND_WIDTH, leave_out: int | None = _OWN
) -> FloatArray:
    half, length = width // 2, values.shape[-1]
    edge = np.zeros((*values.shape[:-1], 1))
    summed = np.concatenate([edge, np.cumsum(values, axis=-1)], axis=-1)
    last = np.minimum(np.arange(length) + half + 1, length)
    first = np.maximum(np.arange(length) - half, 0)
    result: FloatArray = summed[..., last] - summed[..., first]
    if leave_out is None:
        return result
    return result - _running_sum(values, 2 * leave_out + 1, None)


def preferred_spacings(spacings: "xr.Dataset") -> "xr.Dataset":
    """Find the spacing of each pair of motifs that exceeds its neighbours the most.

    Parameters
    ----------
    spacings : xarray.Dataset
        From :func:`pair_spacings`.

    Returns
    -------
    xarray.Dataset
        Arrays ``(pair,)``: ``strand`` and ``offset`` of that spacing, ``count``; ``expected`` from
        the spacings beside it; ``log10_p``, that as many of the pairs at all these spacings fall on
        this one by chance (binomial), times the number of spacings that were looked at;
        ``log10_q`` after Benjamini and Hochberg over the pairs.
    """
    import xarray as xr

    shape = (spacings.sizes["pair"], len(_STRANDS) * spacings.sizes["offset"])
    count = spacings["count"].values.reshape(shape)
    expected = spacings["background"].values.reshape(shape)
    usable = np.isfinite(expected)
    beside = _running_sum(usable.reshape(spacings["count"].shape).astype(np.float64))
    n_beside = np.maximum(beside.reshape(shape), 1)
    trials = count + np.round(expected * n_beside)
    log_p = log_binomial_tail(
        np.where(usable, count, 0), np.where(usable, trials, 0), 1 / (n_beside + 1)
    )
    best = log_p.argmin(axis=1) if log_p.size else np.zeros(shape[0], np.int64)
    row = np.arange(shape[0])
    tested = np.minimum(log_p[row, best] + np.log(np.maximum(usable.sum(axis=1), 1)), 0.0)
    width = spacings.sizes["offset"]
    return xr.Dataset(
        {
            "first": spacings["first"],
            "second": spacings["second"],
            "strand": ("pair", np.array(_STRANDS, dtype=object)[best // width].astype(str)),
            "offset": ("pair", spacings["offset"].values[best % width], {"units": "bp"}),
            "count": ("pair", count[row, best]),
            "expected": ("pair", expected[row, best]),
            "log10_p": ("pair", tested / np.log(10)),
            "log10_q": ("pair", benjamini_hochberg(tested) / np.log(10)),
        },
        attrs={"background_width": BACKGROUND_WIDTH},
    )


def orientations(spacings: "xr.Dataset") -> "xr.Dataset":
    """Count the orientations of the motifs of pairs, and test whether strands go together.

    Parameters
    ----------
    spacings : xarray.Dataset
        From :func:`pair_spacings`.

    Returns
    -------
    xarray.Dataset
        ``orientation_count`` ``(pair, orientation)``: ``first, second`` and ``second, first``, both
        on the same strand, in this order along it (of a motif and itself, all are the former);
        ``facing``, → ←; ``back to back``, ← →. ``log10_p`` ``(pair,)``, that as many lie on the
        same strand, or as few, if both strands are as likely: exact binomial, two-sided;
        ``log10_q``.
    """
    import xarray as xr

    count, offset = spacings["count"], spacings["offset"]
    same, opposite = (count.sel(strand=name).values for name in _STRANDS)
    after, before = offset.values > 0, offset.values < 0
    values = [side[:, half].sum(axis=1) for side in (same, opposite) for half in (after, before)]
    counts = np.stack(values, axis=1)
    together, total = counts[:, :2].sum(axis=1), counts.sum(axis=1)
    more = np.maximum(together, total - together)
    log_p = np.minimum(log_binomial_tail(more, total, 0.5) + np.log(2), 0.0)
    labels = ["first, second", "second, first", "facing", "back to back"]
    return xr.Dataset(
        {
            "first": spacings["first"],
            "second": spacings["second"],
            "orientation_count": (("pair", "orientation"), counts),
            "log10_p": ("pair", log_p / np.log(10)),
            "log10_q": ("pair", benjamini_hochberg(log_p) / np.log(10)),
        },
        coords={"orientation": labels},
    )


def periodicity(spacings: "xr.Dataset", periods: Any = None) -> "xr.Dataset":
    """Look for periods in the distances of pairs of motifs, whatever their strands.

    Counts of distances are compared with their mean over two turns of DNA, tapered, and
    transformed. The power of each period is divided by what counts that vary by chance alone
    (Poisson) have, so that it is 1 on average where there is no period; and where distances vary
    more than that at all periods, as where one distance is preferred, by the median power.

    Parameters
    ----------
    spacings : xarray.Dataset
        From :func:`pair_spacings`.
    periods : array of float, optional
        In bp; by default from 4 to 30, evenly in frequency.

    Returns
    -------
    xarray.Dataset
        ``power`` ``(pair, period)``; arrays ``(pair,)``: ``helical_power`` at 10.5 bp;
        ``log10_p``, that chance alone has as much there, and ``log10_q`` over the pairs;
        ``strongest_period``, NaN with ``power`` where there are too few distances.
    """
    import xarray as xr

    grid = 1 / np.linspace(1 / 4, 1 / 30, 105) if periods is None else np.asarray(periods, float)
    counts, usable = _by_distance(spacings)
    mean = local_mean(np.where(usable, counts, np.nan))
    taper = _taper(usable)
    distance = np.arange(counts.shape[1])
    used = np.append(grid, HELICAL_PERIOD)
    waves = np.exp(2j * np.pi * distance[:, None] / used)
    excess = np.where(usable, counts - mean, 0.0) * taper
    noise = (np.where(usable, mean, 0.0) * taper**2).sum(axis=1, keepdims=True)
    enough = (usable.sum(axis=1, keepdims=True) >= 2 * BACKGROUND_WIDTH) & (noise > 0)
    power = np.abs(excess @ waves) ** 2
    power = np.divide(power, noise, out=np.full(power.shape, np.nan), where=enough)
    scale = np.ones(len(power))
    if grid.size and power.size:
        with np.errstate(invalid="ignore"):
            scale = np.fmax(np.median(power[:, :-1], axis=1) / np.log(2), 1.0)
    power = power / scale[:, None]
    log_p = -power[:, -1]
    filled = np.nan_to_num(power[:, :-1])
    best = grid[filled.argmax(axis=1)] if filled.size else np.zeros(0)
    return xr.Dataset(
        {
            "first": spacings["first"],
            "second": spacings["second"],
            "power": (("pair", "period"), power[:, :-1]),
            "helical_power": ("pair", power[:, -1]),
            "log10_p": ("pair", log_p / np.log(10)),
            "log10_q": ("pair", benjamini_hochberg(log_p) / np.log(10)),
            "strongest_period": (
                "pair",
                np.where(enough[:, 0], best, np.nan),
                {"units": "bp"},
            ),
        },
        coords={"period": ("period", grid, {"units": "bp"})},
        attrs={"helical_period": HELICAL_PERIOD, "background_width": BACKGROUND_WIDTH},
    )


def _by_distance(spacings: "xr.Dataset") -> tuple[FloatArray, NDArray[np.bool_]]:
    """Pairs at each distance from 0, strands and sides together, and where there can be any."""
    both = spacings["count"].values.sum(axis=1)
    middle = both.shape[1] // 2
    counts = both[:, middle:].astype(np.float64)
    counts[:, 1:] += both[:, :middle][:, ::-1]
    usable = np.arange(middle + 1) >= spacings["least_distance"].values[:, None]
    return counts, usable


def _taper(usable: NDArray[np.bool_]) -> FloatArray:
    """Hann's window over the distances that are used."""
    length = usable.sum(axis=1, keepdims=True)
    place = np.cumsum(usable, axis=1) - 0.5
    window: FloatArray = np.sin(np.pi * place / np.maximum(length, 1)) ** 2
    return np.where(usable, window, 0.0)
