"""Where motifs lie in regions, and profiles around them."""

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from finemo_zarr.plot.style import INK, axes_for, colour_bar, finished

if TYPE_CHECKING:
    import xarray as xr
    from matplotlib.axes import Axes

_STRANDS = ("#4a6fa5", "#e08214")
_LABELLED = 60
_COLUMNS = 40
_MANY = 50
FEW = 10
_BRIGHT = 0.995


def position_histogram(
    positions: "xr.Dataset", *, where: str = "region centre", ax: "Axes | None" = None
) -> "Axes":
    """Draw how far all motifs together lie from the centre, one line for each set.

    Parameters
    ----------
    positions : xarray.Dataset
        From :func:`finemo_zarr.evaluation.positions.position_summary`.
    where : str
        What distances are taken to.
    ax : matplotlib.axes.Axes, optional
        Where to draw; by default new ones.
    """
    ax = axes_for(ax, (4.6, 2.8))
    width = positions.attrs["bin_width"]
    edges = np.append(positions["bin"].values, positions["bin"].values[-1] + width)
    for name, colour in zip(positions["set"].values.tolist(), (INK, "#d95f02"), strict=False):
        counts = positions["count"].sel(set=name).values.sum(axis=0)
        share = counts / max(counts.sum(), 1)
        ax.stairs(share, edges, color=colour, label=f"{counts.sum():,} {name}", lw=1.2)
    ax.set_ylim(bottom=0)
    ax.legend(fontsize=7, frameon=False)
    ax.axvline(0, color="#999", lw=0.7, ls="--")
    return finished(ax, f"distance to the {where}, bp", f"share in {width} bp")


def position_heatmap(
    positions: "xr.Dataset",
    name: str,
    *,
    where: str = "region centre",
    most: int = _LABELLED,
    ax: "Axes | None" = None,
) -> "Axes":
    """Draw where each motif lies, those nearest to the centre first.

    The median of a few instances is near by chance: motifs with fewer than ten come last.

    Parameters
    ----------
    positions : xarray.Dataset
        From :func:`finemo_zarr.evaluation.positions.position_summary`.
    name : str
        Which set.
    where : str
        What distances are taken to.
    most : int
        Motifs to draw at most, those with most instances.
    ax : matplotlib.axes.Axes, optional
        Where to draw; by default new ones.
    """
    own = positions.sel(set=name)
    total = own["count"].values.sum(axis=1)
    kept = np.argsort(-total, kind="stable")[: min(int((total > 0).sum()), most)]
    kept = kept[np.lexsort((own["median_absolute"].values[kept], total[kept] < FEW))]
    edges, width = positions["bin"].values, positions.attrs["bin_width"]
    step = -(-edges.size // _COLUMNS)
    counts = np.add.reduceat(own["count"].values[kept], np.arange(0, edges.size, step), axis=1)
    share = counts / np.maximum(total[kept], 1)[:, None]
    ax = axes_for(ax, (5.0, max(2.2, 1.3 + 0.17 * len(kept))))
    # Of a few instances any share is large; they must not set the colours of the others.
    many = share[total[kept] >= _MANY]
    top = float((many if many.size else share).max(initial=0.0))
    image = ax.imshow(
        share,
        aspect="auto",
        cmap="viridis",
        vmin=0,
        vmax=max(top, 1e-9),
        extent=(edges[0], edges[0] + share.shape[1] * step * width, len(kept) - 0.5, -0.5),
        interpolation="nearest",
    )
    finished(ax, f"distance of {name} to the {where}, bp", "")
    labels = [
        f"{motif} ({count:,})"
        for motif, count in zip(own["motif"].values[kept].tolist(), total[kept], strict=True)
    ]
    ax.set_yticks(np.arange(len(kept)), labels, fontsize=7)
    ax.spines[:].set_visible(False)
    colour_bar(ax.figure, image, ax, f"share in {width * step} bp", pad=0.01, fraction=0.04)
    return ax


def mean_profiles(profiles: "xr.Dataset", motif: int, *, ax: "Axes | None" = None) -> "Axes":
    """Draw the mean profile around the sites of a motif, observed and predicted.

    Parameters
    ----------
    profiles : xarray.Dataset
        From :func:`finemo_zarr.evaluation.site_profiles.site_profiles`.
    motif : int
        Which.
    ax : matplotlib.axes.Axes, optional
        Where to draw; by default new ones.
    """
    ax = axes_for(ax, (3.7, 2.5))
    position = profiles["position"].values
    true, predicted = (profiles[name].values[motif] for name in ("mean_true", "mean_predicted"))
    for strand, sign in zip(range(len(true)), (1, -1), strict=False):
        colour = _STRANDS[strand]
        ax.fill_between(position, 0, sign * true[strand], color=colour, alpha=0.4, lw=0)
        ax.plot(position, sign * predicted[strand], color=colour, lw=1.0)
    ax.plot([], [], color="#444", lw=1.0, label="predicted")
    ax.fill_between([], [], color="#444", alpha=0.4, lw=0, label="observed")
    ax.axhline(0, color="#777", lw=0.6)
    ax.legend(fontsize=7, frameon=False, loc="upper right")
    _symmetric(ax, profiles, motif)
    ax.set_title(str(profiles["motif"].values[motif]), fontsize=8, loc="left")
    return finished(ax, "distance to the centre of the site, bp", "mean share of the window")


def _symmetric(ax: "Axes", profiles: "xr.Dataset", motif: int) -> None:
    both = np.stack([profiles[name].values[motif] for name in ("mean_true", "mean_predicted")])
    top = float(np.nanmax(np.abs(both))) if np.isfinite(both).any() else 1.0
    low = -1.05 * top if both.shape[1] > 1 else 0.0
    ax.set_ylim(low, 1.25 * top)  # room for the legend


def profile_heatmap(
    profiles: "xr.Dataset", motif: int, what: str, *, ax: "Axes | None" = None
) -> "Axes":
    """Draw the profiles of the single sites of a motif, by what an even profile would be.

    Parameters
    ----------
    profiles : xarray.Dataset
        From :func:`finemo_zarr.evaluation.site_profiles.site_profiles`.
    motif : int
        Which.
    what : {"true", "predicted"}
        Which profiles; the strands are beside one another, and the order of the sites is that of
        the first principal component of what is predicted.
    ax : matplotlib.axes.Axes, optional
        Where to draw; by default new ones.
    """
    own = np.flatnonzero(profiles["site_motif"].values == motif)
    order = own[_by_shape(profiles["predicted"].values[own])]
    values = np.nan_to_num(profiles[what].values[order])
    ax = axes_for(ax, (3.7, 2.5))
    # By an even profile, so that one is pale, not as dark as the summit of another.
    fold = values.reshape(len(order), -1) * values[0].size if len(order) else values.reshape(0, 1)
    top = float(np.quantile(fold, _BRIGHT)) if fold.size else 1.0
    ax.imshow(
        fold, aspect="auto", cmap="Blues", vmin=0, vmax=max(top, 2.0), interpolation="nearest"
    )
    width, strands = profiles.sizes["position"], values.shape[1]
    middles = [width // 2 + strand * width for strand in range(strands)]
    labels = [f"strand {strand + 1}" for strand in range(strands)]
    for strand in range(1, strands):
        ax.axvline(strand * width - 0.5, color="#222", lw=0.8)
    kind = "observed" if what == "true" else what
    finished(ax, f"{width:,} bp around the site", f"{len(order):,} sites, {kind}")
    ax.set_yticks([])
    ax.set_xticks(middles, labels)
    return ax


def _by_shape(profiles: NDArray[Any]) -> NDArray[np.int64]:
    """Order of profiles along their first principal component."""
    flat = np.nan_to_num(profiles.reshape(len(profiles), -1).astype(np.float64))
    if len(flat) < 3:
        return np.arange(len(flat))
    centred = flat - flat.mean(axis=0)
    along = np.linalg.svd(centred, full_matrices=False)[0][:, 0]
    order: NDArray[np.int64] = np.argsort(along, kind="stable").astype(np.int64)
    return order
