"""How a filter found its thresholds."""

from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import NDArray

from finemo_zarr.plot.style import INK, finished

if TYPE_CHECKING:
    import xarray as xr
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_GREY = "#9a9a9a"
_CUT = "#c51b29"
_PARTS = (("exponential", "#d55e00"), ("normal", "#0072b2"), ("normal", "#56b4e9"))
_MOST_POINTS = 2000
_TEXT = 8


def isotonic_panels(panel: "xr.Dataset") -> "Figure":
    """Draw hits and random windows of one motif, by importance and by similarity.

    Parameters
    ----------
    panel : xarray.Dataset
        Of :class:`finemo_zarr.postprocess.Filtered`.

    Returns
    -------
    matplotlib.figure.Figure
        With four axes: above the precision, below how often each score is.
    """
    from matplotlib.figure import Figure

    figure = Figure(figsize=(8.4, 4.6), layout="constrained")
    axes = figure.subplots(2, 2, sharex="col", height_ratios=(3, 2))
    attrs = panel.attrs
    kept, count = int(panel["kept"].sum()), panel.sizes["hit"]
    track = f", {attrs['track']}" if attrs.get("track") else ""
    figure.suptitle(f"{attrs['motif_name']}{track}: {kept:,} of {count:,} hits kept", fontsize=10)
    importance = [
        (attrs["importance_threshold"], "needed", "-"),
        (attrs["sufficient_importance"], "enough", "--"),
    ]
    _precision(axes[0, 0], panel, "importance", importance)
    similar = attrs["similarity_threshold"]
    reached = similar <= float(panel["similarity_grid"].values[-1])
    cuts = [(similar, "enough", "-")] if reached else []
    _precision(axes[0, 1], panel, "similarity", cuts)
    if not reached:
        axes[0, 1].set_title("no similarity is enough", fontsize=_TEXT, color=_CUT, loc="right")
    _frequencies(axes[1, 0], panel, "importance", "share of the region's absolute scores")
    _frequencies(axes[1, 1], panel, "similarity", "similarity with the CWM")
    return figure


def _precision(
    ax: "Axes", panel: "xr.Dataset", name: str, cuts: list[tuple[float, str, str]]
) -> None:
    rng = np.random.default_rng(0)
    for values, level, colour, label in (
        (panel[name].values, 1.0, INK, "hits"),
        (panel[f"background_{name}"].values, 0.0, _GREY, "random windows"),
    ):
        shown = values[:: -(-len(values) // _MOST_POINTS) or 1]
        height = level + rng.uniform(-0.03, 0.03, len(shown))
        ax.scatter(shown, height, s=4, color=colour, alpha=0.4, linewidths=0, label=label)
    ax.plot(panel[f"{name}_grid"], panel[f"{name}_precision"], color="black", lw=1.2)
    for at, label, line in cuts:
        ax.axvline(at, color=_CUT, lw=1, ls=line, label=f"{label} ({at:.3g})")
    ax.set_ylim(-0.08, 1.08)
    finished(ax, "", "precision")
    ax.tick_params(labelbottom=False)
    # Where the curve is not.
    loc: Literal["center right", "center left"] = "center right"
    if name == "similarity":
        loc = "center left"
    ax.legend(fontsize=_TEXT - 1, frameon=False, loc=loc, markerscale=2)


def _frequencies(ax: "Axes", panel: "xr.Dataset", name: str, label: str) -> None:
    hits, others = panel[name].values, panel[f"background_{name}"].values
    edges = _edges(np.concatenate([hits, others])).tolist()
    for values, colour, text in ((others, _GREY, "random windows"), (hits, INK, "hits")):
        ax.hist(values, bins=edges, color=colour, alpha=0.6, label=text)
    ax.set_xlim(edges[0], edges[-1])
    finished(ax, label, "number")


def exponential_panels(panel: "xr.Dataset") -> "Figure":
    """Draw the distribution of a score, what was fitted to it, and the threshold.

    Parameters
    ----------
    panel : xarray.Dataset
        Of :class:`finemo_zarr.postprocess.Filtered`.

    Returns
    -------
    matplotlib.figure.Figure
        With two axes: frequencies, and shares of the exponential part.
    """
    from matplotlib.figure import Figure

    attrs, scores = panel.attrs, panel["score"].values
    figure = Figure(figsize=(8.4, 3.2), layout="constrained")
    left, right = figure.subplots(1, 2)
    kept = int((scores >= attrs["threshold"]).sum())
    track = f"{attrs['track']}: " if attrs.get("track") else ""
    figure.suptitle(f"{track}{kept:,} of {len(scores):,} hits kept", fontsize=10)
    edges = _edges(scores)
    left.hist(scores, bins=edges.tolist(), color=INK, alpha=0.5)
    scale = float((scores >= attrs["mode"]).sum()) * (edges[1] - edges[0])
    grid = panel["grid"].values
    for (name, colour), density in zip(_PARTS, panel["density"].values, strict=True):
        left.plot(grid, scale * density, color=colour, lw=1.2, label=name)
    _marks(left, panel)
    left.set_ylim(0, 1.15 * np.histogram(scores, edges)[0].max())
    left.legend(fontsize=_TEXT - 1, frameon=False)
    finished(left, attrs["score_name"], "hits")
    if np.isfinite(attrs["rate"]):
        right.plot(grid, -np.expm1(-attrs["rate"] * (grid - attrs["mode"])), color=_PARTS[0][1])
    right.axhline(attrs["share"], color=_CUT, lw=0.8, ls=":")
    _marks(right, panel)
    # Where the exponential rises, not all the way to the largest score.
    right.set_xlim(attrs["mode"], max(attrs["mode"] + 5 / attrs["rate"], attrs["threshold"]))
    right.annotate(
        f"left out: below {attrs['share']:.0%},\n{attrs['score_name']} < {attrs['threshold']:.4g}",
        (0.98, 0.5),
        xycoords="axes fraction",
        ha="right",
        fontsize=_TEXT,
        color=_CUT,
    )
    finished(right, attrs["score_name"], "share of the exponential part")
    return figure


def _marks(ax: "Axes", panel: "xr.Dataset") -> None:
    ax.axvline(panel.attrs["mode"], color="#555", lw=0.8, ls="--", label="most frequent")
    ax.axvline(panel.attrs["threshold"], color=_CUT, lw=1, label="threshold")


def _edges(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """60 bins from the least to the largest value but for the rarest 0.1%."""
    low, high = np.quantile(values, [0.0005, 0.9995]) if values.size else (0.0, 1.0)
    return np.linspace(low, high if high > low else low + 1, 61)
