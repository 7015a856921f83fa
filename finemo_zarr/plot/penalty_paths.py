"""Errors and weights along a path of ever stronger penalties."""

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from finemo_zarr.plot.style import INK, axes_for, finished

if TYPE_CHECKING:
    import xarray as xr
    from matplotlib.axes import Axes

NAMED = 9
_COLOURS = (
    "#1f77b4", "#ff7f0e", "#2ca02c", "#d62728", "#9467bd",
    "#8c564b", "#e377c2", "#bcbd22", "#17becf",
)  # fmt: skip
_MOST_TICKS = 11
_MOST_LINES = 40
_MOST_NAMES = 12
_NAME_HEIGHT = 0.05  # of the axes


def path_errors(path: "xr.Dataset", *, ax: "Axes | None" = None) -> "Axes":
    """Draw the errors against lambda: all tracks together, and each, named unless they are many.

    Parameters
    ----------
    path : xarray.Dataset
        With ``validation_error`` ``(lambda,)``, ascending; where there are such,
        ``validation_error_se``, ``test_error``, and ``validation_error_by_track``
        ``(lambda, track)``. Attributes ``best_lambda`` and ``simplest_lambda`` are marked.
    ax : matplotlib.axes.Axes, optional
        Where to draw; by default new ones.
    """
    ax = axes_for(ax, (4.9, 3.9))
    x = _places(path["lambda"].values)
    error = path["validation_error"].values
    if "validation_error_by_track" in path:
        by_track = path["validation_error_by_track"].transpose("lambda", "track").values
        lines = ax.plot(x, by_track, color="#b4bec7", lw=0.8)
        lines[0].set_label("validation, each track")
    if "validation_error_se" in path:
        spread = path["validation_error_se"].values
        ax.fill_between(x, error - spread, error + spread, color=INK, alpha=0.18, lw=0)
    ax.plot(x, error, "o-", color=INK, lw=1.6, ms=4, label="validation, all tracks")
    if "test_error" in path:
        ax.plot(x, path["test_error"].values, "s--", color="#d95f02", lw=1.1, ms=3, label="test")
    _mark(ax, path, x)
    _lambda_axis(ax, path["lambda"].values, x)
    if "validation_error_by_track" in path and path.sizes["track"] <= _MOST_NAMES:
        _name_ends(ax, [str(name) for name in path["track"].values], x[-1], by_track[-1])
    ax.legend(fontsize=8, frameon=False, loc="lower left", bbox_to_anchor=(0, 1), ncols=2)
    return finished(ax, "lambda", "mean squared error")


def _name_ends(ax: "Axes", names: list[str], x: float, ends: NDArray[Any]) -> None:
    """Name lines beside the axes, each near its end, and none over another."""
    from scipy.optimize import isotonic_regression

    low, high = ax.get_ylim()
    ax.set_ylim(low, high)
    order = np.argsort(ends, kind="stable")
    # Heights with gaps, as near to the ends as may be: less its gaps, a column of names ascends.
    gaps = _NAME_HEIGHT * (high - low) * np.arange(len(order))
    heights = isotonic_regression(ends[order] - gaps).x + gaps
    for at, height in zip(order, heights, strict=True):
        ax.annotate(
            names[at],
            (x, ends[at]),
            (1.03, height),
            textcoords=ax.get_yaxis_transform(),
            fontsize=7.5,
            color="#555",
            va="center",
            annotation_clip=False,
            arrowprops={"arrowstyle": "-", "lw": 0.5, "color": "#b4bec7", "shrinkA": 1},
        )


def path_sizes(path: "xr.Dataset", *, ax: "Axes | None" = None) -> "Axes":
    """Draw how many weights are not zero against lambda.

    Parameters
    ----------
    path : xarray.Dataset
        With ``weight`` along `lambda`, `track` and `motif`.
    ax : matplotlib.axes.Axes, optional
        Where to draw; by default new ones.
    """
    ax = axes_for(ax, (4.2, 3.3))
    x = _places(path["lambda"].values)
    count = (path["weight"] != 0).sum(["track", "motif"]).values
    ax.plot(x, count, "o-", color=INK, lw=1.6, ms=4)
    _mark(ax, path, x)
    _lambda_axis(ax, path["lambda"].values, x)
    ax.set_ylim(0, None)
    return finished(ax, "lambda", "weights that are not zero")


def coefficient_paths(
    weights: "xr.DataArray", best: float, title: str = "", *, ax: "Axes | None" = None
) -> "Axes":
    """Draw the weights of one track against lambda; the nine largest are named.

    Parameters
    ----------
    weights : xarray.DataArray
        ``(lambda, motif)``, lambda ascending.
    best : float
        The lambda at which the weights are compared; where fewer than nine are not zero there,
        those follow that are largest anywhere.
    title : str
        Name of the track.
    ax : matplotlib.axes.Axes, optional
        Where to draw; by default new ones.
    """
    ax = axes_for(ax, (5.0, 2.9))
    strengths = weights["lambda"].values
    values = weights.transpose("lambda", "motif").values
    x = _places(strengths)
    named = largest(values, int(np.argmin(np.abs(strengths - best))))
    ax.axhline(0, color="#999", lw=0.8)
    rest = np.setdiff1d(np.arange(values.shape[1]), named)
    if rest.size:
        many = rest.size > _MOST_LINES  # a database: as a picture, or the page is megabytes
        ax.plot(x, values[:, rest], color="#c3ccd4", lw=0.7, rasterized=many)
    for colour, motif in zip(_COLOURS, named, strict=False):
        label = str(weights["motif"].values[motif])
        ax.plot(x, values[:, motif], "o-", color=colour, lw=1.4, ms=2.5, label=label)
    ax.axvline(x[int(np.argmin(np.abs(strengths - best)))], color="#777", lw=0.9, ls=":")
    _lambda_axis(ax, strengths, x)
    if len(named):
        ax.legend(fontsize=7.5, frameon=False, loc="upper left", bbox_to_anchor=(1.0, 1.02))
    ax.set_title(title, fontsize=9.5, loc="left")
    return finished(ax, "lambda", "weight")


def largest(values: NDArray[Any], row: int, count: int = NAMED) -> NDArray[np.int64]:
    """Columns of the largest absolute values in a row, then of the largest anywhere.

    Parameters
    ----------
    values : array, ``(lambda, motif)``
        Weights; columns of zeros are left out.
    row : int
        The row.
    count : int
        How many, at most.
    """
    anywhere = np.abs(values).max(axis=0)
    order = np.lexsort((-anywhere, -np.abs(values[row])))[:count]
    kept: NDArray[np.int64] = order[anywhere[order] > 0].astype(np.int64)
    return kept


def _places(strengths: NDArray[Any]) -> NDArray[np.float64]:
    """Where lambdas lie on an axis: their logarithms, 0 one step before the least."""
    logs = np.log10(np.where(strengths > 0, strengths, 1.0))
    positive = logs[strengths > 0]
    if not positive.size:
        return np.zeros(len(strengths))
    step = float(np.median(np.diff(positive))) if positive.size > 1 else 1.0
    placed: NDArray[np.float64] = np.where(strengths > 0, logs, positive.min() - step)
    return placed


def _lambda_axis(ax: "Axes", strengths: NDArray[Any], x: NDArray[np.float64]) -> None:
    shown = np.unique(np.linspace(0, len(x) - 1, min(len(x), _MOST_TICKS)).round().astype(int))
    labels = [f"{strengths[at]:.2g}" for at in shown]
    ax.set_xticks(x[shown], labels, rotation=45)


def _mark(ax: "Axes", path: "xr.Dataset", x: NDArray[np.float64]) -> None:
    strengths = path["lambda"].values
    marks = {"best_lambda": ("least error", "-"), "simplest_lambda": ("within its error", ":")}
    for name, (label, style) in marks.items():
        if name in path.attrs:
            at = x[int(np.argmin(np.abs(strengths - path.attrs[name])))]
            ax.axvline(at, color="#777", lw=0.9, ls=style, label=label)
