"""The filter that leaves out what lies at or below the most frequent score."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from finemo_zarr.errors import RunError
from finemo_zarr.postprocess._filter_source import (
    GRID,
    IMPORTANCE,
    ExponentialOptions,
    Filtered,
    FilterSource,
)
from finemo_zarr.postprocess._hit_windows import hit_windows
from finemo_zarr.postprocess._mixture import Mixture, fit_mixture
from finemo_zarr.postprocess._windows import Centres, Windows, measure
from finemo_zarr.postprocess.cluster import stored_score
from finemo_zarr.store import Location, RemotePath

if TYPE_CHECKING:
    import xarray as xr

FloatArray = NDArray[np.float64]
Flags = NDArray[np.bool_]


def exponential_filter(
    hits: Path | str | RemotePath,
    regions: Path | str | RemotePath | None = None,
    options: ExponentialOptions | None = None,
    *,
    primary: bool = False,
) -> Filtered:
    """Keep the hits whose score lies above a threshold that its distribution gives.

    See :func:`exponential_threshold`; the hits of each track are a distribution of their own.

    Parameters
    ----------
    hits, regions, primary
        As for :func:`isotonic_filter`; regions are read only for the score ``hit_imp_frac``.
    options : ExponentialOptions, optional
        How.

    Returns
    -------
    Filtered
        With ``hit_imp_frac`` where that is the score: it is measured, of the window that counts.

    Raises
    ------
    ReadError
        If a store cannot be read, or there is no such score.
    RunError
        If the regions store is needed and not found, or a score is missing.
    """
    options = options or ExponentialOptions()
    source = FilterSource.open(hits, regions, options.window, primary=primary)
    computed = options.score == IMPORTANCE
    score = source.empty()
    if not computed:
        score = stored_score(source.opened.hits, options.score, source.path)
    found = Filtered(np.zeros(len(score), np.bool_), {}, [], [])
    for track, rows in source.tracks():
        inside = rows
        if computed:
            inside, score[rows] = _computed(source, rows, track)
        if not inside.size:
            continue
        panel, kept = tail_filter(score[inside], options, source.path)
        panel.attrs["track"] = track or ""
        found.kept[inside] = kept
        found.panels.append(panel)
        found.summary.append(tail_summary(panel, kept))
    if computed:
        found.columns[IMPORTANCE] = score
    return found


def exponential_threshold(
    scores: FloatArray, options: ExponentialOptions | None = None
) -> tuple[float, Mixture]:
    """Threshold of a score by its distribution.

    Above the most frequent score an exponential and two normal distributions are fitted. Of what
    belongs to the exponential, a share is left out.

    Parameters
    ----------
    scores : array, ``(hit,)``
        Without NaN, at least one.
    options : ExponentialOptions, optional
        The share.

    Returns
    -------
    float
        The threshold; hits with this score or a larger one are kept.
    Mixture
        What was fitted.
    """
    options = options or ExponentialOptions()
    mixture = fit_mixture(np.asarray(scores, dtype=np.float64))
    return mixture.threshold(options.share), mixture


def _computed(
    source: FilterSource, rows: NDArray[np.int64], track: str | None
) -> tuple[NDArray[np.int64], FloatArray]:
    """Hits inside of the part that counts, and the importance of all; NaN of the others."""
    scores = source.scores(track)
    centres = Centres.of(scores, source.window)
    windows = hit_windows(source.opened, rows)[0]
    inside = centres.hold(windows)
    kept = Windows(*(column[inside] for column in windows))
    values = np.full(len(rows), np.nan)
    values[inside] = measure(scores, centres, kept, []).importance
    return rows[inside], values


def tail_filter(
    scores: FloatArray, options: ExponentialOptions, path: Location
) -> "tuple[xr.Dataset, Flags]":
    """Filter scores of one distribution; what a figure is drawn of, and which are kept."""
    import xarray as xr

    if np.isnan(scores).any():
        raise RunError(
            f"{path}: {int(np.isnan(scores).sum()):,} hits have no {options.score}; choose a score"
            " that all have (--score)"
        )
    threshold, mixture = exponential_threshold(scores, options)
    above = np.linspace(0, max(float(scores.max()) - mixture.mode, 0), GRID)
    data = {
        "score": ("hit", scores),
        "grid": ("point", mixture.mode + above),
        "density": (("part", "point"), mixture.densities(above)),
    }
    attrs = {
        "score_name": options.score,
        "mode": mixture.mode,
        "rate": mixture.tail_rate,
        "share": options.share,
        "threshold": threshold,
    }
    return xr.Dataset(data, attrs=attrs), scores >= threshold


def tail_summary(panel: "xr.Dataset", kept: Flags) -> dict[str, Any]:
    """Counts and thresholds of a distribution."""
    named = {key: value for key, value in panel.attrs.items() if (key, value) != ("track", "")}
    counts = {"num_hits": panel.sizes["hit"], "num_kept": int(kept.sum())}
    return {"score": named.pop("score_name"), **counts, **named}
