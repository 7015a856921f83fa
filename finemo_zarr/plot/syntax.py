"""How often motifs occur, in which regions, and with which others."""

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from finemo_zarr.plot.heatmaps import cluster_order
from finemo_zarr.plot.style import INK, axes_for, colour_bar, finished, name_cells

if TYPE_CHECKING:
    import xarray as xr
    from matplotlib.axes import Axes

_LABELLED = 60
_NUMBERED = 14
_STEPS = ("#c6d8e5", "#86b0cc", "#31688e", "#132f45")
_SURE = 0.05


def hits_cumulative(table: "xr.Dataset", *, ax: "Axes | None" = None) -> "Axes":
    """Draw the share of regions with at most so many hits.

    Parameters
    ----------
    table : xarray.Dataset
        From :func:`finemo_zarr.evaluation.cooccurrence.hits_of_regions`.
    ax : matplotlib.axes.Axes, optional
        Where to draw; by default new ones.
    """
    ax = axes_for(ax, (4.6, 2.8))
    hits, share = table["hits"].values, table["cumulative_share"].values
    ax.step(hits, share, where="post", color=INK)
    ax.set_ylim(0, 1.03)
    ax.set_xlim(-0.2, max(float(hits[-1]), 1.0) * 1.02 + 0.2)
    return finished(ax, "hits k in a region", "share of regions with at most k")


def prevalence_bars(
    prevalence: "xr.Dataset", *, most: int = _LABELLED, ax: "Axes | None" = None
) -> "Axes":
    """Draw the share of regions with each motif, by the number of hits, the most frequent first.

    Parameters
    ----------
    prevalence : xarray.Dataset
        From :func:`finemo_zarr.evaluation.cooccurrence.prevalence`.
    most : int
        Motifs to draw at most.
    ax : matplotlib.axes.Axes, optional
        Where to draw; by default new ones.
    """
    share = prevalence["prevalence"].values
    order = np.argsort(-share, kind="stable")[: min(int((share > 0).sum()), most)]
    ax = axes_for(ax, (5.4, max(2.2, 0.8 + 0.18 * len(order))))
    left = np.zeros(len(order))
    labels = ["1 hit", "2", "3", "4 or more"]
    for step, (colour, label) in enumerate(zip(_STEPS, labels, strict=True)):
        width = prevalence["share_with"].values[order, step]
        ax.barh(np.arange(len(order)), width, left=left, color=colour, height=0.8, label=label)
        left += width
    ax.set_ylim(max(len(order), 1) - 0.5, -0.5)
    ax.legend(
        fontsize=7, frameon=False, ncols=4, loc="lower left", bbox_to_anchor=(0, 1), handlelength=1
    )
    names = prevalence["motif"].values[order].tolist()
    finished(ax, "share of regions", "")
    ax.set_yticks(np.arange(len(order)), names, fontsize=7)
    return ax


def region_heatmap(sample: "xr.DataArray", *, ax: "Axes | None" = None) -> "Axes":
    """Draw which regions have which motifs.

    Parameters
    ----------
    sample : xarray.DataArray
        From :func:`finemo_zarr.evaluation.cooccurrence.region_sample`.
    ax : matplotlib.axes.Axes, optional
        Where to draw; by default new ones.
    """
    from matplotlib.colors import ListedColormap

    names = sample["motif"].values.tolist()
    ax = axes_for(ax, (min(9.0, max(3.6, 1.2 + 0.2 * len(names))), 4.4))
    colours = ListedColormap(["#f3f5f7", "#2a7f3f"])
    # Small enough to be sent, fine enough for every column to be seen.
    ax.imshow(
        sample.values.astype(np.uint8),
        aspect="auto",
        cmap=colours,
        vmin=0,
        vmax=1,
        interpolation="nearest",
    )
    finished(ax, "", f"{sample.sizes['region']:,} regions")
    ax.set_yticks([])
    if len(names) <= _LABELLED:
        ax.set_xticks(np.arange(len(names)), names, rotation=90, fontsize=7)
    else:
        ax.set_xticks([])
        ax.set_xlabel(f"{len(names):,} motifs, the most frequent first", fontsize=9)
    ax.spines[:].set_visible(False)
    return ax


def log2_fold(tests: "xr.Dataset") -> NDArray[np.float64]:
    """Logarithm of observed by expected regions, with half a region added to both."""
    observed = tests["regions_with_both"].values
    fold: NDArray[np.float64] = np.log2((observed + 0.5) / (tests["expected"].values + 0.5))
    return np.where(np.isfinite(tests["log10_p"].values), fold, np.nan)


def association_heatmap(
    tests: "xr.Dataset", *, what: str = "fold", most: int = _LABELLED, ax: "Axes | None" = None
) -> "Axes":
    """Draw how motifs occur together.

    Parameters
    ----------
    tests : xarray.Dataset
        From :func:`finemo_zarr.evaluation.cooccurrence.co_occurrence_tests`.
    what : {"fold", "p"}
        Colours: log2 of observed by expected regions, with the observed number in the cells and a
        frame where q is at most 0.05; or -log10 p, with that number.
    most : int
        Motifs to draw at most, those in most regions.
    ax : matplotlib.axes.Axes, optional
        Where to draw; by default new ones.
    """
    kept = _most_frequent(tests, most)
    part = tests.isel(motif=kept, other_motif=kept)
    fold = log2_fold(part)
    order = cluster_order(np.nan_to_num(fold))
    part, fold = part.isel(motif=order, other_motif=order), fold[np.ix_(order, order)]
    names = part["motif"].values.tolist()
    size = len(names)
    side = min(9.0, max(3.4, 1.6 + 0.3 * size if size <= _NUMBERED else 2.2 + 0.16 * size))
    ax = axes_for(ax, (side + 0.8, side))
    values, colours, limits, label, cells = _association(part, fold, what)
    image = ax.imshow(values, cmap=colours, vmin=limits[0], vmax=limits[1])
    name_cells(ax, names, names)
    if size <= _NUMBERED:
        _write_cells(ax, values, cells, limits)
    if what == "fold":
        _frame(ax, part["q"].values <= _SURE)
    ax.spines[:].set_visible(False)
    ax.tick_params(length=0)
    colour_bar(ax.figure, image, ax, label, shrink=0.6, pad=0.02)
    return ax


def _most_frequent(tests: "xr.Dataset", most: int) -> NDArray[np.int64]:
    """Motifs that were tested, those in most regions; a motif alone expects its own share."""
    tested = np.flatnonzero(np.isfinite(np.diag(tests["log10_p"].values)))
    both = np.nan_to_num(tests["expected"].values)
    np.fill_diagonal(both, 0)
    frequency = both.sum(axis=1)[tested]
    return np.sort(tested[np.argsort(-frequency, kind="stable")[:most]])


def _association(
    part: "xr.Dataset", fold: NDArray[np.float64], what: str
) -> tuple[NDArray[np.float64], Any, tuple[float, float], str, list[list[str]]]:
    from matplotlib import colormaps

    if what == "fold":
        finite = np.abs(fold[np.isfinite(fold)])
        reach = float(np.clip(finite.max(initial=1.0), 1.0, 4.0))
        cells = [[f"{count:,}" for count in row] for row in part["regions_with_both"].values]
        map_ = colormaps["RdBu_r"].with_extremes(bad="#dddddd")
        return fold, map_, (-reach, reach), "log2 (observed / expected)", cells
    values = -part["log10_p"].values
    values = np.where(values == 0, 0.0, values)  # no negative zero
    top = max(float(np.nanmax(values)) if np.isfinite(values).any() else 1.0, 1.0)
    cells = [[f"{value:.1f}" if value < 100 else f"{value:.0f}" for value in row] for row in values]
    map_ = colormaps["viridis"].with_extremes(bad="#dddddd")
    return values, map_, (0.0, min(top, 50.0)), "-log10 p", cells


def _write_cells(
    ax: "Axes",
    values: NDArray[np.float64],
    cells: list[list[str]],
    limits: tuple[float, float],
) -> None:
    low, high = limits
    for row, column in np.ndindex(*values.shape):
        value = values[row, column]
        if not np.isfinite(value):
            continue
        place = (value - low) / (high - low)
        strong = abs(place - 0.5) > 0.35 if low < 0 else place < 0.6
        ax.text(
            column,
            row,
            cells[row][column],
            ha="center",
            va="center",
            fontsize=6.2,
            color="white" if strong else "black",
        )


def _frame(ax: "Axes", marked: NDArray[np.bool_]) -> None:
    from matplotlib.collections import PatchCollection
    from matplotlib.patches import Rectangle

    boxes = [
        Rectangle((column - 0.46, row - 0.46), 0.92, 0.92)
        for row, column in zip(*np.nonzero(marked), strict=True)
    ]
    ax.add_collection(PatchCollection(boxes, facecolor="none", edgecolor="#222", linewidth=0.9))
