"""Figures of the comparison of callers; all return matplotlib axes."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from finemo_zarr.plot.style import INK, axes_for, finished

if TYPE_CHECKING:
    import xarray as xr
    from matplotlib.axes import Axes

COLOURS = ("#31688e", "#d95f02", "#1b9e77", "#7570b3", "#e7298a", "#66a61e", "#a6761d", "#444444")
MOST_SETS = 24
_MOST_POINTS = 2500
_EMPTY = "#d5dbe1"


def colour(number: int) -> str:
    """Colour of a caller."""
    return COLOURS[number % len(COLOURS)]


def upset(found: NDArray[np.bool_], names: Sequence[str]) -> "Axes":
    """Draw how many places are found by which callers: bars over a matrix of dots.

    Parameters
    ----------
    found : array of bool, ``(place, caller)``
        Whether a caller has a hit at a place.
    names : sequence of str
        Names of the callers.

    Returns
    -------
    matplotlib.axes.Axes
        Those of the bars.
    """
    from matplotlib import pyplot as plt

    sets, counts = _most_frequent(found)
    n_sets = max(len(sets), 1)
    label = 0.085 * max(map(len, names)) + 0.9
    size = (label + 1.5 + 0.36 * n_sets, 2.4 + 0.3 * len(names))
    figure = plt.figure(figsize=size, layout="constrained")
    grid = figure.add_gridspec(
        2, 2, width_ratios=(1.4, 0.36 * n_sets), height_ratios=(2, 0.3 * len(names))
    )
    bars = figure.add_subplot(grid[0, 1])
    dots = figure.add_subplot(grid[1, 1], sharex=bars)
    totals = figure.add_subplot(grid[1, 0], sharey=dots)
    bars.bar(np.arange(len(sets)), counts, color=INK, width=0.7)
    for at, count in enumerate(counts.tolist()):
        bars.annotate(
            f"{count:,}",
            (at, count),
            xytext=(0, 3),
            textcoords="offset points",
            rotation=90,
            ha="center",
            va="bottom",
            fontsize=7,
        )
    bars.set_ylim(0, 1.35 * max(counts.max(initial=1), 1))
    bars.tick_params(labelbottom=False, length=0)
    finished(bars, "", "places")
    _dots(dots, sets, len(names))
    sizes = found.sum(axis=0)
    rows = np.arange(len(names))
    totals.barh(rows, sizes, color=[colour(row) for row in range(len(names))], height=0.6)
    totals.set_yticks(rows, [f"{name} ({size:,})" for name, size in zip(names, sizes, strict=True)])
    totals.invert_xaxis()
    totals.set_xticks([])
    totals.tick_params(length=0)
    finished(totals, "", "")
    totals.spines[["left", "bottom"]].set_visible(False)
    totals.set_ylim(len(names) - 0.5, -0.5)
    return bars


def _most_frequent(found: NDArray[np.bool_]) -> tuple[NDArray[np.bool_], NDArray[np.int64]]:
    sets, counts = np.unique(found, axis=0, return_counts=True)
    order = np.argsort(-counts, kind="stable")[:MOST_SETS]
    return sets[order], counts[order]


def _dots(ax: "Axes", sets: NDArray[np.bool_], n_callers: int) -> None:
    column, row = np.nonzero(np.ones_like(sets))
    inside = sets[column, row]
    colours = [COLOURS[number % len(COLOURS)] for number in row[inside]]
    ax.scatter(column[~inside], row[~inside], s=34, color=_EMPTY, linewidths=0)
    for at, members in enumerate(sets):
        own = np.flatnonzero(members)
        if own.size > 1:
            ax.plot([at, at], [own[0], own[-1]], color="#444", lw=1.4, zorder=1)
    ax.scatter(column[inside], row[inside], s=38, c=colours, linewidths=0, zorder=2)
    ax.set_ylim(n_callers - 0.5, -0.5)
    ax.set_xlim(-0.6, max(len(sets), 1) - 0.4)
    ax.tick_params(labelbottom=False, labelleft=False, length=0)
    ax.spines[:].set_visible(False)


def score_scatter(
    x: NDArray[np.float64], y: NDArray[np.float64], labels: tuple[str, str]
) -> "Axes":
    """Draw the scores of two callers at the places that both found.

    Parameters
    ----------
    x, y : array of float, ``(place,)``
        Scores; on logarithmic axes where all are positive.
    labels : (str, str)
        What they are.
    """
    ax = axes_for(None, (3.3, 3.1))
    known = np.isfinite(x) & np.isfinite(y)
    x, y = x[known], y[known]
    if x.size > _MOST_POINTS:
        chosen = np.random.default_rng(0).choice(x.size, _MOST_POINTS, replace=False)
        x, y = x[chosen], y[chosen]
    ax.scatter(x, y, s=5, color=INK, alpha=0.35, linewidths=0, rasterized=True)
    _log_where_wide(ax, "x", x)
    _log_where_wide(ax, "y", y)
    return finished(ax, *labels)


def _log_where_wide(ax: "Axes", axis: str, values: NDArray[np.float64]) -> None:
    """Make an axis logarithmic if its values are positive and span much."""
    from matplotlib.ticker import NullFormatter

    if values.size and (values > 0).all() and values.max() > 20 * values.min():
        getattr(ax, f"set_{axis}scale")("log")
        getattr(ax, f"{axis}axis").set_minor_formatter(NullFormatter())


def precision_recall(curves: Mapping[str, "xr.Dataset"]) -> "Axes":
    """Draw precision against recall of each caller, from its surest hits to all of them.

    Parameters
    ----------
    curves : mapping of str to xarray.Dataset
        From :func:`~finemo_zarr.evaluation.truth.compare_with_truth`, by caller.
    """
    ax = axes_for(None, (6.2, 3.8))
    for number, (name, curve) in enumerate(curves.items()):
        ink, values = colour(number), curve.attrs
        # The first are the widest, so that they are seen below others that lie on them.
        width = 1.2 + 0.6 * (len(curves) - 1 - number)
        ax.plot(curve["recall"], curve["precision"], color=ink, lw=width, label=name)
        ax.plot(values["recall"], values["precision"], "o", color=ink, ms=5)
        best = values["best_recall"], values["best_precision"]
        ax.plot(*best, "o", mec=ink, mfc="none", ms=9)
    ax.set_xlim(0, 1.02)
    filled = [curve for curve in curves.values() if curve.sizes["threshold"]]
    lowest = min((float(curve["precision"].min()) for curve in filled), default=0.0)
    ax.set_ylim(max(0.0, lowest - 0.05) if lowest > 0.5 else 0, 1.02)
    ax.legend(fontsize=8, frameon=False, loc="upper left", bbox_to_anchor=(1.0, 1.0))
    return finished(ax, "recall", "precision")


def over_own_score(curve: "xr.Dataset", number: int) -> "Axes":
    """Draw precision, recall and F1 of one caller over its own score.

    Parameters
    ----------
    curve : xarray.Dataset
        From :func:`~finemo_zarr.evaluation.truth.compare_with_truth`.
    number : int
        Number of the caller, for its colour.
    """
    ax = axes_for(None, (3.4, 2.6))
    finite = np.isfinite(curve["threshold"].values)
    x = curve["threshold"].values[finite]
    for name, style in (("precision", "--"), ("recall", ":"), ("f1", "-")):
        drawn: Any = curve[name].values[finite]
        ax.plot(x, drawn, ls=style, color=colour(number), lw=1.4, label=name.replace("f", "F"))
    _log_where_wide(ax, "x", x)
    if np.isfinite(curve.attrs["best_threshold"]):
        ax.axvline(curve.attrs["best_threshold"], color="#999", lw=0.8)
    ax.set_ylim(0, 1.05)
    ax.legend(fontsize=7, frameon=False, loc="lower left", bbox_to_anchor=(0, 1), ncols=3)
    return finished(ax, f"at least this {curve.attrs['score']}", "")


def motif_bars(counts: NDArray[np.int64], motifs: Sequence[str], names: Sequence[str]) -> "Axes":
    """Draw how many hits each caller has of each motif.

    Parameters
    ----------
    counts : array of int, ``(motif, caller)``
        Numbers of hits.
    motifs, names : sequence of str
        Names of motifs and of callers.
    """
    height = 0.8 / max(len(names), 1)
    ax = axes_for(None, (5.2, 0.9 + 0.11 * max(len(motifs) * (len(names) + 1), 8)))
    for number, name in enumerate(names):
        at = np.arange(len(motifs)) + (number - (len(names) - 1) / 2) * height
        ax.barh(at, counts[:, number], height=0.9 * height, color=colour(number), label=name)
    ax.set_yticks(np.arange(len(motifs)), motifs)
    ax.set_ylim(len(motifs) - 0.5, -0.5)
    ax.legend(fontsize=8, frameon=False, loc="upper left", bbox_to_anchor=(1.0, 1.0))
    return finished(ax, "hits", "")
