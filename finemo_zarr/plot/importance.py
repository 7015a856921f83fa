"""What motifs are worth to tracks, and to one another: signed heatmaps, with logos."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from finemo_zarr.plot.glyphs import COLOURS
from finemo_zarr.plot.logos import _extent, _letters, _path
from finemo_zarr.plot.style import axes_for, finished

if TYPE_CHECKING:
    import xarray as xr
    from matplotlib.axes import Axes

RAISES, LOWERS = "#b2182b", "#2166ac"
LABELLED = 60
"""Rows or columns that are named, at most."""

_BITS = 2.0
_LEAST_LETTER = 0.04  # of a row's height
_ROW, _COLUMN = 0.25, 0.3  # inches


def profile_order(values: NDArray[Any]) -> NDArray[np.int64]:
    """Order of rows by average-linkage clustering of their values.

    Parameters
    ----------
    values : array, ``(row, column)``
        Profiles; NaN counts as 0.
    """
    size = len(values)
    if size < 3:
        return np.arange(size)
    from scipy.cluster.hierarchy import leaves_list, linkage

    tree = linkage(np.nan_to_num(values), "average", optimal_ordering=size <= 200)
    order: NDArray[np.int64] = leaves_list(tree).astype(np.int64)
    return order


def importance_heatmap(
    table: "xr.DataArray",
    *,
    logos: Mapping[str, NDArray[Any]] | None = None,
    label: str = "importance",
) -> "Axes":
    """Draw signed values of motifs for tracks, both clustered, with the logos of the motifs.

    Parameters
    ----------
    table : xarray.DataArray
        ``(motif, track)``, with names as coordinates.
    logos : mapping of str to array, ``(4, position)``, optional
        Heights of the letters of each motif; a row is two units (bits) high, or, where there are
        negative ones, as high as that logo is.
    label : str
        What a colour means.

    Returns
    -------
    matplotlib.axes.Axes
        Those of the heatmap.
    """
    from matplotlib import pyplot as plt

    rows, columns = profile_order(table.values), profile_order(table.values.T)
    ordered = table.isel(dict(zip(table.dims, (rows, columns), strict=True)))
    names = [str(name) for name in ordered[table.dims[0]].values]
    wide = 0.0 if logos is None else 1.9
    body = max(0.9, min(10.0, _COLUMN * len(columns)))
    size = (0.075 * max(map(len, names), default=1) + wide + body + 1.0, _ROW * len(rows) + 1.1)
    figure = plt.figure(figsize=size, layout="constrained")
    if logos is None:
        ax = figure.add_subplot()
        labelled = ax
    else:
        labelled, ax = figure.subplots(1, 2, width_ratios=(wide, body), sharey=True)
        _logo_column(labelled, [logos[name] for name in names])
    _signed_image(ax, ordered.values, label)
    _name_axis(ax, "x", [str(name) for name in ordered[table.dims[1]].values])
    _name_axis(labelled, "y", names)
    if logos is not None:
        ax.tick_params(labelleft=False)
    return ax


def signed_heatmap(
    table: "xr.DataArray", *, label: str, names: tuple[str, str], ax: "Axes | None" = None
) -> "Axes":
    """Draw a square table of signed values, white at 0, in the order it has.

    Parameters
    ----------
    table : xarray.DataArray
        ``(motif, other)``, with names as coordinates; NaN is left grey.
    label : str
        What a colour means.
    names : (str, str)
        What rows and columns are.
    ax : matplotlib.axes.Axes, optional
        Where to draw; by default new ones.
    """
    side = min(9.0, 1.4 + 0.24 * len(table))
    ax = axes_for(ax, (side + 1.2, side + 0.3))
    _signed_image(ax, table.values, label)
    for axis, dim in zip("yx", table.dims, strict=True):
        _name_axis(ax, axis, [str(name) for name in table[dim].values])
    ax.set_ylabel(names[0], fontsize=9)
    ax.set_xlabel(names[1], fontsize=9)
    return ax


def top_motifs(
    values: "xr.DataArray", title: str = "", *, count: int = 10, ax: "Axes | None" = None
) -> "Axes":
    """Draw the motifs with the largest absolute values as bars.

    Parameters
    ----------
    values : xarray.DataArray
        ``(motif,)``, with names as coordinate; what is 0 is left out.
    title : str
        Name of the track.
    count : int
        How many, at most.
    ax : matplotlib.axes.Axes, optional
        Where to draw; by default new ones.
    """
    numbers = np.nan_to_num(values.values)
    order = np.argsort(-np.abs(numbers), kind="stable")[:count]
    order = order[numbers[order] != 0]
    ax = axes_for(ax, (3.5, 0.75 + 0.2 * max(len(order), 2)))
    colours = [RAISES if number > 0 else LOWERS for number in numbers[order]]
    ax.barh(np.arange(len(order)), numbers[order], color=colours, height=0.75)
    ax.axvline(0, color="#777", lw=0.8)
    ax.set_yticks(np.arange(len(order)), [str(name) for name in values["motif"].values[order]])
    ax.set_ylim(max(len(order), 1) - 0.5, -0.5)
    ax.set_title(title, fontsize=9.5, loc="left")
    return finished(ax, "importance", "")


def _signed_image(ax: "Axes", values: NDArray[Any], label: str) -> None:
    from matplotlib import colormaps

    most = float(np.nanmax(np.abs(values), initial=0.0)) or 1.0
    colours = colormaps["RdBu_r"].with_extremes(bad="#dddddd")
    image = ax.imshow(values, cmap=colours, vmin=-most, vmax=most, aspect="auto")
    ax.spines[:].set_visible(False)
    ax.tick_params(length=0)
    bar = ax.figure.colorbar(image, ax=ax, shrink=min(1.0, 8 / max(len(values), 1)), pad=0.03)
    bar.set_label(label, fontsize=8)
    bar.ax.tick_params(labelsize=7)


def _name_axis(ax: "Axes", axis: str, names: list[str]) -> None:
    if len(names) > LABELLED:
        getattr(ax, f"set_{axis}ticks")([])
        return
    font = 8.5 if len(names) <= 40 else 6.5
    rotation = 90 if axis == "x" else 0
    getattr(ax, f"set_{axis}ticks")(np.arange(len(names)), names, fontsize=font, rotation=rotation)


def _logo_column(ax: "Axes", logos: list[NDArray[Any]]) -> None:
    """Logos below one another, each in a row of height 1, in the middle."""
    from matplotlib.collections import PathCollection
    from matplotlib.transforms import Affine2D

    width = max((logo.shape[1] for logo in logos), default=1)
    paths, colours = [], []
    for row, logo in enumerate(logos):
        low, high = _extent(logo)
        unit = 0.84 / (max(high, _BITS) if low == 0 else high - low)
        shift, zero = (width - logo.shape[1]) / 2, row + 0.42 + unit * low
        for letter, column, bottom, top in _letters(logo):
            if unit * (top - bottom) < _LEAST_LETTER:
                continue
            placed = Affine2D().scale(0.92 / 100, unit * (top - bottom) / 100)
            moved = placed.translate(column + shift - 0.46, zero - unit * top)
            paths.append(_path(letter).transformed(moved))
            colours.append(COLOURS[letter])
    ax.add_collection(PathCollection(paths, facecolors=colours, linewidths=0))
    ax.set_xlim(-0.5, width - 0.5)
    ax.set_xticks([])
    ax.spines[:].set_visible(False)
    ax.tick_params(length=0)
