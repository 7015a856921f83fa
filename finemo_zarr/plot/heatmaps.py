"""Tables of motifs by motifs, as heatmaps."""

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from finemo_zarr.plot.style import axes_for, colour_bar, name_cells

if TYPE_CHECKING:
    import xarray as xr
    from matplotlib.axes import Axes

_LABELLED = 60
_NUMBERED = 12


def cluster_order(similarity: NDArray[Any]) -> NDArray[np.int64]:
    """Order of rows by average-linkage clustering of a similarity matrix.

    Parameters
    ----------
    similarity : array, ``(motif, motif)``
        Symmetric; NaN counts as 0.
    """
    size = len(similarity)
    if size < 3:
        return np.arange(size)
    from scipy.cluster.hierarchy import leaves_list, linkage
    from scipy.spatial.distance import squareform

    filled = np.nan_to_num(similarity)
    distance = filled.max(initial=0.0) - (filled + filled.T) / 2
    np.fill_diagonal(distance, 0)
    tree = linkage(squareform(distance, checks=False), "average", optimal_ordering=size <= 200)
    order: NDArray[np.int64] = leaves_list(tree).astype(np.int64)
    return order


def motif_heatmap(
    table: "xr.DataArray",
    *,
    order: NDArray[np.int64] | None = None,
    label: str = "",
    limits: tuple[float, float] = (0.0, 1.0),
    ax: "Axes | None" = None,
) -> "Axes":
    """Draw a square table of motifs.

    Parameters
    ----------
    table : xarray.DataArray
        ``(motif, other)``, with names as coordinates; NaN is left grey.
    order : array of int, optional
        Order of rows and columns; by default that of :func:`cluster_order`.
    label : str
        What a colour means.
    limits : (float, float)
        Ends of the colours.
    ax : matplotlib.axes.Axes, optional
        Where to draw; by default new ones.
    """
    from matplotlib import colormaps

    values = table.values
    order = cluster_order(values) if order is None else order
    size = len(order)
    side = min(9.0, max(3.6, 2.2 + 0.16 * size))
    ax = axes_for(ax, (side + 0.8, side))
    if not size:
        ax.text(0.5, 0.5, "no motif", ha="center", va="center", color="#66727f")
        ax.set_axis_off()
        return ax
    colours = colormaps["viridis"].with_extremes(bad="#dddddd")
    low, high = limits
    image = ax.imshow(values[np.ix_(order, order)], cmap=colours, vmin=low, vmax=high)
    dims = [str(dim) for dim in table.dims]
    names = [table[dim].values[order].tolist() for dim in dims]
    if size <= _LABELLED:
        name_cells(ax, *names)
    else:
        ax.set_xticks([])
        ax.set_yticks([])
    if size <= _NUMBERED:
        for row, column in np.ndindex(size, size):
            value = values[order[row], order[column]]
            if np.isfinite(value):
                dark = value < low + 0.6 * (high - low)
                ax.text(
                    column,
                    row,
                    f"{value:.2f}",
                    ha="center",
                    va="center",
                    fontsize=6.5,
                    color="white" if dark else "black",
                )
    ax.spines[:].set_visible(False)
    ax.tick_params(length=0)
    colour_bar(ax.figure, image, ax, label, shrink=0.6, pad=0.02)
    return ax
