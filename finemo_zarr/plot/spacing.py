"""Distances and orientations of pairs of motifs."""

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from finemo_zarr.plot.style import axes_for, colour_bar, finished

if TYPE_CHECKING:
    import xarray as xr
    from matplotlib.axes import Axes

SAME, OPPOSITE = "#31688e", "#d95f02"
_COLOURS = ("#31688e", "#7fb0d0", "#d95f02", "#f2ae72")
_DENSITY_FROM = 4000
_POINTS = 160
_REACH = 5.0


def pair_labels(table: "xr.Dataset") -> list[str]:
    """Names of pairs of motifs, as figures show them."""
    names = zip(table["first"].values.tolist(), table["second"].values.tolist(), strict=True)
    return [f"{first} – {second}" for first, second in names]


def distance_violins(nearest: "xr.Dataset", *, ax: "Axes | None" = None) -> "Axes":
    """Draw how distances to the nearest hit are distributed: same strand above, opposite below.

    Parameters
    ----------
    nearest : xarray.Dataset
        From :func:`finemo_zarr.evaluation.nearest.nearest_distances`. Violins end at the whiskers;
        white bars are quartiles, dots medians.
    ax : matplotlib.axes.Axes, optional
        Where to draw; by default new ones.
    """
    count = nearest.sizes["pair"]
    ax = axes_for(ax, (6.2, 0.9 + 0.5 * count))
    bounds = np.searchsorted(nearest["pair_index"].values, np.arange(count + 1))
    for row in range(count):
        own = slice(int(bounds[row]), int(bounds[row + 1]))
        distance = nearest["distance"].values[own].astype(np.float64)
        if not distance.size:
            continue
        low, high = nearest["whisker"].values[row]
        opposite = nearest["orientation_index"].values[own] >= 2
        for side, colour, members in ((-1, SAME, ~opposite), (1, OPPOSITE, opposite)):
            _half_violin(ax, distance[members], distance.size, (low, high), row, side, colour)
        first, middle, last = nearest["distance_quantile"].values[row]
        ax.plot([first, last], [row, row], color="white", lw=3.2, solid_capstyle="butt")
        ax.plot([first, last], [row, row], color="#333", lw=1.4, solid_capstyle="butt")
        ax.plot([middle], [row], "o", color="#333", ms=3.6)
    labels = [
        f"{label} ({near:,})"
        for label, near in zip(pair_labels(nearest), nearest["n_near"].values, strict=True)
    ]
    ax.set_ylim(count - 0.4, -0.6)
    _strand_legend(ax)
    finished(ax, "distance to the nearest hit, bp", "")
    ax.set_yticks(np.arange(count), labels, fontsize=7)
    return ax


def _half_violin(
    ax: "Axes",
    distance: NDArray[np.float64],
    total: int,
    ends: tuple[float, float],
    row: int,
    side: int,
    colour: str,
) -> None:
    """One half, its area the share of this strand."""
    from scipy.stats import gaussian_kde

    inside = distance[(distance >= ends[0]) & (distance <= ends[1])]
    if np.unique(inside).size < 3:
        return
    if inside.size > _DENSITY_FROM:  # evenly over the ranks, so that the shape stays
        inside = np.sort(inside)[np.linspace(0, inside.size - 1, _DENSITY_FROM).astype(int)]
    grid = np.linspace(inside.min(), inside.max(), _POINTS)
    density = gaussian_kde(inside)(grid)
    height = 0.42 * density / density.max() * min(1.0, 1.6 * distance.size / max(total, 1))
    ax.fill_between(grid, row, row + side * height, color=colour, alpha=0.75, lw=0)


def _strand_legend(ax: "Axes") -> None:
    from matplotlib.patches import Patch

    handles = [Patch(color=SAME, label="same strand"), Patch(color=OPPOSITE, label="opposite")]
    # Above the axes, where no row is.
    ax.legend(
        handles=handles,
        fontsize=7,
        frameon=False,
        ncols=2,
        loc="lower right",
        bbox_to_anchor=(1, 1),
    )


def spacing_heatmap(spacings: "xr.Dataset", *, most: int = 20, ax: "Axes | None" = None) -> "Axes":
    """Draw which spacings are more frequent than those beside them, two rows for each pair.

    Colours are the excess in standard deviations, as far as counts vary by chance alone.

    Parameters
    ----------
    spacings : xarray.Dataset
        From :func:`finemo_zarr.evaluation.spacing.pair_spacings`.
    most : int
        Pairs to draw at most, the first of the table.
    ax : matplotlib.axes.Axes, optional
        Where to draw; by default new ones.
    """
    from matplotlib import colormaps

    part = spacings.isel(pair=slice(most))
    rows = 2 * part.sizes["pair"]
    ax = axes_for(ax, (9.0, 1.3 + 0.17 * rows))
    offset = part["offset"].values
    count, background = part["count"].values, part["background"].values
    excess = ((count - background) / np.sqrt(background + 1)).reshape(rows, -1)
    colours = colormaps["RdBu_r"].with_extremes(bad="#e9ecef")
    image = ax.imshow(
        excess,
        aspect="auto",
        cmap=colours,
        vmin=-_REACH,
        vmax=_REACH,
        extent=(offset[0] - 0.5, offset[-1] + 0.5, rows - 0.5, -0.5),
        interpolation="nearest",
    )
    for row in range(2, rows, 2):
        ax.axhline(row - 0.5, color="white", lw=1.2)
    labels = [f"{label} {arrow}" for label in pair_labels(part) for arrow in ("→ →", "→ ←")]
    finished(ax, "centre of the second, seen from the first, bp", "")
    ax.set_yticks(np.arange(rows), labels, fontsize=6.5)
    ax.spines[:].set_visible(False)
    label = "(pairs - expected) / √(expected + 1)"
    colour_bar(ax.figure, image, ax, label, pad=0.01, fraction=0.03, extend="both")
    return ax


def distance_counts(spacings: "xr.Dataset", row: int, *, ax: "Axes | None" = None) -> "Axes":
    """Draw the pairs at each distance, for one pair of motifs.

    Parameters
    ----------
    spacings : xarray.Dataset
        From :func:`finemo_zarr.evaluation.spacing.pair_spacings`.
    row : int
        Which pair.
    ax : matplotlib.axes.Axes, optional
        Where to draw; by default new ones.
    """
    ax = axes_for(ax, (4.6, 2.2))
    offset = spacings["offset"].values
    count = spacings["count"].values[row]
    for strand, colour, label in ((0, SAME, "same strand"), (1, OPPOSITE, "opposite")):
        ax.step(offset, count[strand], where="mid", color=colour, lw=0.9, label=label)
    if spacings["first"].values[row] == spacings["second"].values[row]:
        ax.set_xlim(offset[0], offset[-1])
    ax.set_title(pair_labels(spacings.isel(pair=[row]))[0], fontsize=8, loc="left")
    ax.set_ylim(0, 1.3 * max(int(count.max(initial=0)), 1))  # room for the legend
    ax.legend(fontsize=7, frameon=False, loc="upper right", ncols=2)
    return finished(ax, "centre of the second, seen from the first, bp", "pairs of hits")


def periodogram(periods: "xr.Dataset", *, most: int = 5, ax: "Axes | None" = None) -> "Axes":
    """Draw the power of periods, for the pairs with most at that of DNA.

    Parameters
    ----------
    periods : xarray.Dataset
        From :func:`finemo_zarr.evaluation.spacing.periodicity`.
    most : int
        Pairs to draw at most.
    ax : matplotlib.axes.Axes, optional
        Where to draw; by default new ones.
    """
    ax = axes_for(ax, (5.4, 3.0))
    power = np.nan_to_num(periods["helical_power"].values, nan=-1.0)
    order = [at for at in np.argsort(-power, kind="stable")[:most].tolist() if power[at] >= 0]
    ax.axvline(periods.attrs["helical_period"], color="#999", lw=0.8, ls="--")
    ax.axhline(1, color="#999", lw=0.8)
    for at, label in zip(order, pair_labels(periods.isel(pair=order)), strict=True):
        ax.plot(periods["period"].values, periods["power"].values[at], lw=1.1, label=label)
    ax.set_xscale("log")
    ticks = [4, 5, 7, 10.5, 15, 20, 30]
    finished(ax, "period, bp", "power, 1 = chance")
    ax.set_xticks(ticks, [f"{tick:g}" for tick in ticks])
    ax.minorticks_off()
    ax.set_ylim(bottom=0)
    # Beside the curves, not on them.
    ax.legend(fontsize=6.5, frameon=False, loc="upper left", bbox_to_anchor=(1, 1))
    return ax


def orientation_bars(table: "xr.Dataset", *, most: int = 20, ax: "Axes | None" = None) -> "Axes":
    """Draw the share of each orientation of the pairs with most hits.

    Parameters
    ----------
    table : xarray.Dataset
        From :func:`finemo_zarr.evaluation.spacing.orientations`.
    most : int
        Pairs to draw at most, the first of the table.
    ax : matplotlib.axes.Axes, optional
        Where to draw; by default new ones.
    """
    part = table.isel(pair=slice(most))
    count = part["orientation_count"].values
    share = count / np.maximum(count.sum(axis=1, keepdims=True), 1)
    size = part.sizes["pair"]
    ax = axes_for(ax, (5.6, 1.3 + 0.2 * size))
    left = np.zeros(size)
    labels = ["1 → 2 →", "2 → 1 →", "1 → ← 2", "← 1 2 →"]
    for column, label in enumerate(labels):
        ax.barh(np.arange(size), share[:, column], left=left, color=_COLOURS[column], label=label)
        left += share[:, column]
    ax.axvline(0.5, color="#222", lw=0.7, ls="--")
    ax.set_xlim(0, 1)
    ax.set_ylim(size - 0.5, -0.5)
    ax.legend(
        fontsize=7, frameon=False, ncols=4, loc="lower left", bbox_to_anchor=(0, 1), handlelength=1
    )
    finished(ax, "share of pairs", "")
    ax.set_yticks(np.arange(size), pair_labels(part), fontsize=7)
    return ax
