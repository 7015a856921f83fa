"""How well a model predicts signal, and what its layers learned."""

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from finemo_zarr.plot.style import INK, axes_for, finished

if TYPE_CHECKING:
    import xarray as xr
    from matplotlib.axes import Axes

_SECOND = "#d95f02"
_MOST_POINTS = 1500


def training_history(
    epoch: NDArray[Any],
    train: NDArray[Any],
    validation: NDArray[Any],
    penalty: NDArray[Any] | float = 0.0,
    *,
    ax: "Axes | None" = None,
) -> "Axes":
    """Draw the errors along a training, and the epoch whose weights were kept.

    That is the one of the least validation error and penalty together.

    Parameters
    ----------
    epoch, train, validation : array, ``(epoch,)``
        Number of the epoch, and mean squared errors.
    penalty : array, ``(epoch,)``, or float
        Penalty of the weights.
    ax : matplotlib.axes.Axes, optional
        Where to draw; by default new ones.
    """
    ax = axes_for(ax, (4.2, 2.7))
    ax.plot(epoch, train, color=INK, lw=1.3, label="training")
    ax.plot(epoch, validation, color=_SECOND, lw=1.3, label="validation")
    best = int(np.argmin(validation + penalty))
    ax.plot([epoch[best]], [validation[best]], "o", color=_SECOND, ms=4.5, label="best")
    ax.legend(fontsize=8, frameon=False)
    return finished(ax, "epoch", "mean squared error")


def track_correlations(scores: "xr.Dataset", *, ax: "Axes | None" = None) -> "Axes":
    """Draw the correlations of predicted and measured signal of each track.

    Parameters
    ----------
    scores : xarray.Dataset
        With ``pearson`` and ``spearman`` ``(track,)``.
    ax : matplotlib.axes.Axes, optional
        Where to draw; by default new ones.
    """
    ax = _track_axes(scores, ax)
    at = np.arange(scores.sizes["track"])
    ax.barh(at, scores["pearson"].values, color=INK, height=0.7, label="Pearson")
    ax.plot(scores["spearman"].values, at, "D", color=_SECOND, ms=4, ls="", label="Spearman")
    _legend_above(ax)
    return finished(ax, "correlation", "")


def track_errors(scores: "xr.Dataset", *, ax: "Axes | None" = None) -> "Axes":
    """Draw the error of each track, beside the error of always predicting its mean.

    Parameters
    ----------
    scores : xarray.Dataset
        With ``mse`` and ``variance`` ``(track,)``.
    ax : matplotlib.axes.Axes, optional
        Where to draw; by default new ones.
    """
    ax = _track_axes(scores, ax)
    at = np.arange(scores.sizes["track"])
    ax.barh(at, scores["mse"].values, color=INK, height=0.7, label="model")
    ax.plot(
        scores["variance"].values,
        at,
        "|",
        color=_SECOND,
        ms=10,
        mew=2,
        ls="",
        label="always the mean",
    )
    ax.set_xlim(left=0)
    _legend_above(ax)
    return finished(ax, "mean squared error", "")


def predicted_against_measured(
    measured: NDArray[Any], predicted: NDArray[Any], title: str, *, ax: "Axes | None" = None
) -> "Axes":
    """Draw the predicted signal of regions against the measured one.

    Parameters
    ----------
    measured, predicted : array, ``(region,)``
        The signal of a track.
    title : str
        Name of the track.
    ax : matplotlib.axes.Axes, optional
        Where to draw; by default new ones.
    """
    ax = axes_for(ax, (2.5, 2.5))
    if measured.size > _MOST_POINTS:
        chosen = np.random.default_rng(0).choice(measured.size, _MOST_POINTS, replace=False)
        measured, predicted = measured[chosen], predicted[chosen]
    ends = [min(measured.min(), predicted.min()), max(measured.max(), predicted.max())]
    ax.plot(ends, ends, color="#999", lw=0.8, ls="--")
    ax.scatter(measured, predicted, s=5, color=INK, alpha=0.4, linewidths=0, rasterized=True)
    ax.set_title(title, fontsize=9)
    return finished(ax, "measured", "predicted")


def pooling_weights(
    weights: "xr.DataArray", *, start: float | None = None, ax: "Axes | None" = None
) -> "Axes":
    """Draw the pooling weight of each motif.

    Parameters
    ----------
    weights : xarray.DataArray
        ``(motif,)``, in the order to be drawn.
    start : float, optional
        Where the training began.
    ax : matplotlib.axes.Axes, optional
        Where to draw; by default new ones.
    """
    count = weights.sizes["motif"]
    ax = axes_for(ax, (4.4, 1.0 + 0.2 * max(count, 3)))
    if start is not None:
        ax.axvline(start, color=_SECOND, lw=1, ls="--", label=f"start of the training, {start:g}")
    ax.axvline(0, color="#777", lw=0.8)
    at = np.arange(count)
    ax.hlines(at, 0, weights.values, color="#c9d3db", lw=1.5)
    ax.plot(weights.values, at, "o", color=INK, ms=4.5)
    ax.set_yticks(at, [str(name) for name in weights["motif"].values])
    ax.set_ylim(max(count, 1) - 0.5, -0.5)
    if start is not None:
        _legend_above(ax)
    return finished(ax, "pooling weight", "")


def positional_profile(weights: NDArray[Any], *, ax: "Axes | None" = None) -> "Axes":
    """Draw what attention adds to the bases at each distance from the nearer end.

    Parameters
    ----------
    weights : array, ``(distance,)``
        From the end of the region to its middle, bp.
    ax : matplotlib.axes.Axes, optional
        Where to draw; by default new ones.
    """
    ax = axes_for(ax, (4.4, 2.6))
    ax.axhline(0, color="#999", lw=0.8)
    ax.plot(np.arange(len(weights)), weights, color=INK, lw=1.3)
    return finished(ax, "distance from the nearer end of the region, bp", "learned weight")


def _track_axes(scores: "xr.Dataset", ax: "Axes | None") -> "Axes":
    count = scores.sizes["track"]
    ax = axes_for(ax, (4.2, 1.1 + 0.22 * max(count, 2)))
    ax.set_yticks(np.arange(count), [str(name) for name in scores["track"].values])
    ax.set_ylim(max(count, 1) - 0.5, -0.5)
    return ax


def _legend_above(ax: "Axes") -> None:
    ax.legend(fontsize=8, frameon=False, loc="lower left", bbox_to_anchor=(0, 1), ncols=2)
