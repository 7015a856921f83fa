"""How well models predict: curves, bars and scatters, one colour for each model."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from finemo_zarr.plot.style import axes_for, finished

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_PALETTE = ("#31688e", "#d95f02", "#1b9e77", "#7570b3", "#e7298a", "#66a61e", "#a6761d", "#444444")
_STYLES = ("-", "--", ":", "-.")
_STEPS = 400
_MOST_POINTS = 4000
_NAMED = 10


def condition_colour(number: int) -> str:
    """Colour of a model; they repeat after eight."""
    return _PALETTE[number % len(_PALETTE)]


def share_curves(
    values: Mapping[str, NDArray[Any]],
    label: str,
    *,
    at_least: bool,
    limits: tuple[float, float] | None = None,
    ax: "Axes | None" = None,
) -> "Axes":
    """Draw which share of regions has a metric that is as good or better.

    Parameters
    ----------
    values : mapping of str to array
        Metric of each region, by model; NaN does not count.
    label : str
        Name of the metric.
    at_least : bool
        Whether more is better: the share with at least so much is drawn, else that with at most.
    limits : (float, float), optional
        Ends of the axis; by default what 99 of 100 values are within.
    ax : matplotlib.axes.Axes, optional
        Where to draw; by default new ones.
    """
    ax = axes_for(ax, (3.5, 2.7))
    known = {name: np.sort(own[~np.isnan(own)], axis=None) for name, own in values.items()}
    low, high = limits or _ends(known)
    x = np.linspace(low, high, _STEPS)
    for number, (name, own) in enumerate(known.items()):
        if not own.size:
            continue
        below = np.searchsorted(own, x, side="left" if at_least else "right") / own.size
        ax.plot(
            x,
            1 - below if at_least else below,
            color=condition_colour(number),
            ls=_STYLES[number // len(_PALETTE) % len(_STYLES)],
            lw=1.4,
            label=name,
        )
    ax.set_xlim(low, high)
    ax.set_ylim(0, 1.02)
    ax.locator_params(axis="x", nbins=5)
    if 1 < len(known) <= _NAMED:
        ax.legend(fontsize=7, frameon=False, loc="best")
    return finished(ax, label, f"share of regions {'≥' if at_least else '≤'} x")


def _ends(known: Mapping[str, NDArray[Any]]) -> tuple[float, float]:
    finite = [own[np.isfinite(own)] for own in known.values()]
    pooled = np.concatenate([np.zeros(0), *finite])
    if not pooled.size:
        return 0.0, 1.0
    low, high = (float(value) for value in np.quantile(pooled, [0.005, 0.995]))
    return (low, high) if high > low else (low - 0.5, low + 0.5)


def metric_bars(values: Mapping[str, float], label: str, *, ax: "Axes | None" = None) -> "Axes":
    """Draw one number of each model, with the number beside its bar.

    Parameters
    ----------
    values : mapping of str to float
        By model; NaN has no bar.
    label : str
        Name of the metric.
    ax : matplotlib.axes.Axes, optional
        Where to draw; by default new ones.
    """
    ax = axes_for(ax, (3.5, 0.8 + 0.28 * max(len(values), 2)))
    places = np.arange(len(values))
    numbers = np.array(list(values.values()), dtype=np.float64)
    drawn = np.nan_to_num(numbers, posinf=0.0, neginf=0.0)
    colours = [condition_colour(number) for number in range(len(values))]
    ax.barh(places, drawn, color=colours, height=0.7)
    for place, number, end in zip(places.tolist(), numbers.tolist(), drawn.tolist(), strict=True):
        text = f"{number:.3f}" if np.isfinite(number) else "not known"
        ax.annotate(
            text,
            (max(end, 0.0), place),
            xytext=(3, 0),
            textcoords="offset points",
            va="center",
            fontsize=8,
        )
    ax.set_yticks(places, list(values))
    low, high = min(drawn.min(initial=0.0), 0.0), max(drawn.max(initial=0.0), 0.0)
    span = (high - low) or 1.0
    ax.set_xlim(low, high + 0.25 * span)
    ax.set_ylim(len(values) - 0.5, -0.5)
    return finished(ax, label, "")


def count_scatter(
    true: NDArray[Any], predicted: NDArray[Any], *, number: int = 0, ax: "Axes | None" = None
) -> "Axes":
    """Draw predicted against observed counts.

    Parameters
    ----------
    true, predicted : array
        ln(count + 1); 4,000 of them, chosen at random, are drawn.
    number : int
        Number of the model, for its colour.
    ax : matplotlib.axes.Axes, optional
        Where to draw; by default new ones.
    """
    ax = axes_for(ax, (3.1, 3.1))
    x, y = np.ravel(true), np.ravel(predicted)
    known = np.isfinite(x) & np.isfinite(y)
    x, y = x[known], y[known]
    if x.size > _MOST_POINTS:
        chosen = np.random.default_rng(0).choice(x.size, _MOST_POINTS, replace=False)
        x, y = x[chosen], y[chosen]
    low, high = (float(f([f(x, initial=0.0), f(y, initial=0.0)])) for f in (np.min, np.max))
    ends = [low, high if high > low else low + 1]
    ax.plot(ends, ends, color="#999", lw=0.8, ls="--")
    alpha = float(np.clip(150 / max(x.size, 1), 0.06, 0.6))
    ax.scatter(x, y, s=6, color=condition_colour(number), alpha=alpha, lw=0, rasterized=True)
    return finished(ax, "observed, ln(count + 1)", "predicted")
