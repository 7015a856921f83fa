"""The filter that compares the hits of each motif with random windows."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from finemo_zarr.motifs import motif_numbers
from finemo_zarr.postprocess._filter_source import (
    GRID,
    IMPORTANCE,
    SIMILARITY,
    Filtered,
    FilterSource,
    IsotonicOptions,
)
from finemo_zarr.postprocess._hit_windows import hit_windows
from finemo_zarr.postprocess._isotonic import IsotonicCurve
from finemo_zarr.postprocess._windows import Centres, Measured, Windows, measure
from finemo_zarr.store import RemotePath

if TYPE_CHECKING:
    import xarray as xr

FloatArray = NDArray[np.float64]

_NO_SIMILARITY = 1.0  # reached by nothing but a motif itself


def isotonic_filter(
    hits: Path | str | RemotePath,
    regions: Path | str | RemotePath | None = None,
    options: IsotonicOptions | None = None,
    *,
    primary: bool = False,
) -> Filtered:
    """Keep the hits that are told from random windows of the same width, motif by motif.

    A hit is kept if the precision of its importance reaches `importance`, and either that of its
    similarity reaches `similarity` or that of its importance `sufficient`. Precision is the share
    of hits among hits and as many random windows, as an isotonic regression on the score.

    Parameters
    ----------
    hits : path
        A hits store, or a folder that `call-hits` wrote.
    regions : path, optional
        The regions store that they were called in; by default the one that they name.
    options : IsotonicOptions, optional
        How.
    primary : bool
        Look at hits that are primary only; the others are not kept.

    Returns
    -------
    Filtered
        With the variables ``hit_imp_frac`` and ``hit_cwm_similarity``.

    Raises
    ------
    ReadError
        If a store cannot be read, or the regions are others.
    RunError
        If the regions store is not found.
    SchemaError
        If no hit is marked as primary.
    """
    options = options or IsotonicOptions()
    source = FilterSource.open(hits, regions, options.window, primary=primary)
    count = source.opened.hits.sizes["hit"]
    found = Filtered(
        np.zeros(count, np.bool_), {IMPORTANCE: source.empty(), SIMILARITY: source.empty()}, [], []
    )
    for track, rows in source.tracks():
        _filter_track(source, options, track, rows, found)
    return found


def _filter_track(
    source: FilterSource,
    options: IsotonicOptions,
    track: str | None,
    rows: NDArray[np.int64],
    found: Filtered,
) -> None:
    rng = np.random.default_rng(options.seed)
    scores = source.scores(track)
    centres = Centres.of(scores, source.window)
    windows, motif, cores = hit_windows(source.opened, rows)
    # A hit outside of the part that counts has no share of it.
    inside = centres.hold(windows)
    rows, motif, windows = rows[inside], motif[inside], Windows(*(c[inside] for c in windows))
    backgrounds = _backgrounds(centres, windows, motif, cores, rng)
    together = Windows(
        *(np.concatenate(columns) for columns in zip(windows, *backgrounds.values(), strict=True))
    )
    measured = measure(scores, centres, together, cores)
    found.columns[IMPORTANCE][rows] = measured.importance[: len(rows)]
    found.columns[SIMILARITY][rows] = measured.similarity[: len(rows)]
    names, _ = motif_numbers(source.opened.motifs)
    done = len(rows)
    for number, background in backgrounds.items():
        own = motif == number
        part = slice(done, done + background.size)
        done += background.size
        panel = _panel(
            Measured(*(values[: len(rows)][own] for values in measured)),
            Measured(*(values[part] for values in measured)),
            options,
        )
        panel.attrs |= {"motif_name": names[number], "track": track or ""}
        found.kept[rows[own]] = panel["kept"].values
        found.panels.append(panel)
        found.summary.append(_summary(panel))


def _backgrounds(
    centres: Centres,
    windows: Windows,
    motif: NDArray[np.int64],
    cores: list[FloatArray],
    rng: np.random.Generator,
) -> dict[int, Windows]:
    """As many random windows as a motif has hits, by motif."""
    drawn = {}
    for number in np.unique(motif).tolist():
        own = windows.core[motif == number]
        core = int(np.bincount(own).argmax())  # of several, the most frequent
        drawn[number] = centres.draw(len(own), cores[core].shape[1], core, rng)
    return drawn


def _panel(hits: Measured, background: Measured, options: IsotonicOptions) -> "xr.Dataset":
    """Curves, thresholds and which hits of a motif are kept."""
    import xarray as xr

    curve = IsotonicCurve.fit(hits.importance, background.importance)
    shares = np.linspace(0, 1, GRID)
    most = float(hits.importance.max())
    needed, enough = (
        most if (first := curve.first(shares, least)) is None else first
        for least in (options.importance, options.sufficient)
    )
    pooled = np.concatenate([hits.similarity, background.similarity])
    grid = np.linspace(pooled.min(), pooled.max(), GRID)
    likeness = IsotonicCurve.fit(hits.similarity, background.similarity)
    first = likeness.first(grid, options.similarity)
    similar = _NO_SIMILARITY if first is None else first
    kept = (hits.importance >= needed) & (
        (hits.similarity >= similar) | (hits.importance >= enough)
    )
    data: dict[str, Any] = {"kept": ("hit", kept)}
    for name, mine, theirs, at, fitted in (
        ("importance", hits.importance, background.importance, shares, curve),
        ("similarity", hits.similarity, background.similarity, grid, likeness),
    ):
        data[name] = ("hit", mine)
        data[f"background_{name}"] = ("window", theirs)
        data[f"{name}_grid"] = ("point", at)
        data[f"{name}_precision"] = ("point", fitted.at(at))
    attrs = {
        "importance_threshold": needed,
        "sufficient_importance": enough,
        "similarity_threshold": similar,
    }
    return xr.Dataset(data, attrs=attrs)


def _summary(panel: "xr.Dataset") -> dict[str, Any]:
    named = {key: value for key, value in panel.attrs.items() if (key, value) != ("track", "")}
    counts = {"num_hits": panel.sizes["hit"], "num_kept": int(panel["kept"].sum())}
    return {"motif_name": named.pop("motif_name"), **counts, **named}
