"""The tree of motifs over the heatmap of their similarities."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from finemo_zarr.plot.style import colour_bar

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_PALETTE = ("#1f77b4", "#d95f02", "#1b9e77", "#c51b8a", "#7570b3", "#b8860b", "#8c564b", "#17becf")
_ACROSS = "#b3bac1"
_LABELLED = 90
_DRAWN = 300


def motif_tree(
    similarity: NDArray[Any],
    tree: NDArray[Any],
    names: Sequence[str],
    clusters: NDArray[np.int64],
    *,
    height: float | None = None,
) -> "Axes":
    """Draw the tree of motifs over the matrix of their similarities.

    Parameters
    ----------
    similarity : array of float, ``(motif, motif)``
        Drawn from 0 to 1.
    tree : array of float, ``(motif - 1, 4)``
        The linkage matrix of SciPy.
    names : sequence of str
        Of the motifs; written below up to 90 of them.
    clusters : array of int, ``(motif,)``
        Cluster of each motif: branches within one have its colour, others are grey.
    height : float, optional
        Where the tree was cut; a line is drawn there.

    Returns
    -------
    matplotlib.axes.Axes
        Those of the heatmap.
    """
    from matplotlib import pyplot as plt
    from scipy.cluster.hierarchy import leaves_list

    size = len(names)
    order = leaves_list(tree).tolist() if size > 1 else list(range(size))
    shown = [names[at] for at in order]
    side = min(9.5, max(3.2, 1.6 + 0.15 * size))
    below = 0.3 + 0.0085 * _font(size) * max(map(len, shown), default=0) * (size <= _LABELLED)
    figure = plt.figure(figsize=(side + 0.9, 1.3 + side + below), layout="constrained")
    engine: Any = figure.get_layout_engine()
    engine.set(h_pad=0.01, hspace=0.0)
    grid = figure.add_gridspec(2, 1, height_ratios=(1.3, side))
    branches, heatmap = figure.add_subplot(grid[0, 0]), figure.add_subplot(grid[1, 0])
    # Cells are ten wide, as SciPy has its leaves at 5, 15, 25 and so on.
    image = heatmap.imshow(
        similarity[np.ix_(order, order)],
        cmap="Blues",
        vmin=0,
        vmax=1,
        extent=(0.0, 10.0 * size, 10.0 * size, 0.0),
        aspect="auto",
    )
    heatmap.set_yticks([])
    _name(heatmap, shown, clusters[order])
    heatmap.spines[:].set_visible(False)
    beside = [branches, heatmap]
    colour_bar(figure, image, beside, "similarity (cosine)", shrink=0.4, pad=0.02)
    if size > 1:
        _draw_tree(branches, tree, clusters, height)
    branches.set_xlim(0, 10.0 * size)
    branches.tick_params(labelbottom=False, bottom=False, labelsize=7)
    branches.spines[["top", "right", "bottom"]].set_visible(False)
    branches.set_ylabel("distance", fontsize=8)
    return heatmap


def _font(size: int) -> float:
    return 8 if size <= 30 else 6.5 if size <= 60 else 5


def _name(ax: "Axes", names: list[str], clusters: NDArray[np.int64]) -> None:
    if len(names) > _LABELLED:
        ax.set_xticks([])
        ax.set_xlabel(f"{len(names)} motifs, in the order of the tree", fontsize=8)
        return
    places = 10 * np.arange(len(names)) + 5.0
    ax.set_xticks(places, names, rotation=90, fontsize=_font(len(names)))
    ax.tick_params(length=0)
    alone = np.bincount(clusters, minlength=1) < 2
    for label, cluster in zip(ax.get_xticklabels(), clusters.tolist(), strict=True):
        label.set_color("#66727f" if alone[cluster] else cluster_colour(cluster))


def cluster_colour(cluster: int) -> str:
    """Colour of a cluster."""
    return _PALETTE[cluster % len(_PALETTE)]


def _draw_tree(
    ax: "Axes", tree: NDArray[Any], clusters: NDArray[np.int64], height: float | None
) -> None:
    from scipy.cluster.hierarchy import dendrogram

    dendrogram(
        tree,
        ax=ax,
        no_labels=True,
        color_threshold=0,
        link_color_func=_link_colours(tree, clusters),
    )
    for lines in ax.collections:
        lines.set_linewidth(1.1 if len(clusters) <= _DRAWN else 0.6)
        lines.set_rasterized(len(clusters) > _DRAWN)  # as lines they would take more than the rest
    if height is not None and 0 < height < float(tree[-1, 2]):
        ax.axhline(height, color="#c51b29", lw=0.8, ls="--")


def _link_colours(tree: NDArray[Any], clusters: NDArray[np.int64]) -> Callable[[int], str]:
    """Colour of each link: that of the cluster of its leaves, grey where they are of several."""
    size = len(clusters)
    of_node = dict(enumerate(clusters.tolist()))
    for row, (left, right) in enumerate(tree[:, :2].astype(int).tolist()):
        same = of_node[left] == of_node[right]
        of_node[size + row] = of_node[left] if same else -1

    def colour(node: int) -> str:
        cluster = of_node[node]
        return _ACROSS if cluster < 0 else cluster_colour(cluster)

    return colour
