"""How many hits there are, by region and by motif, and how they compare with seqlets."""

from typing import TYPE_CHECKING

import numpy as np

from finemo_zarr.plot.style import INK, axes_for, finished

if TYPE_CHECKING:
    import xarray as xr
    from matplotlib.axes import Axes

_LABELLED = 60


def hits_per_region(regions: "xr.Dataset", *, ax: "Axes | None" = None) -> "Axes":
    """Draw how many regions have how many hits.

    Parameters
    ----------
    regions : xarray.Dataset
        With ``num_hits`` ``(region,)``, as in :class:`~finemo_zarr.evaluation.Evaluation`.
    ax : matplotlib.axes.Axes, optional
        Where to draw; by default new ones.
    """
    ax = axes_for(ax, (4.6, 2.8))
    number = regions["num_hits"].values
    most = int(number.max(initial=0))
    step = max(1, -(-(most + 1) // 40))
    edges = np.arange(0, most + step + 1, step)
    ax.hist(number, bins=(edges - 0.5).tolist(), color=INK, rwidth=0.9)
    if number.size:
        median = float(np.median(number))
        ax.axvline(median, color="#c51b29", lw=1)
        ax.annotate(
            f"median {median:g}",
            (median, 0.96),
            xycoords=("data", "axes fraction"),
            color="#c51b29",
            xytext=(4, 0),
            textcoords="offset points",
            va="top",
            fontsize=8,
        )
    return finished(ax, "hits in a region", "regions")


def hits_per_motif(motifs: "xr.Dataset", *, ax: "Axes | None" = None) -> "Axes":
    """Draw how many hits each motif that has any has, the most first.

    Parameters
    ----------
    motifs : xarray.Dataset
        With ``num_hits`` ``(motif,)``.
    ax : matplotlib.axes.Axes, optional
        Where to draw; by default new ones.
    """
    count = motifs["num_hits"].values
    order = np.argsort(-count, kind="stable")[: int((count > 0).sum())]
    shown = len(order) if len(order) <= _LABELLED else 0
    ax = axes_for(ax, (4.6, max(2.8, 0.17 * shown)))
    ax.barh(np.arange(len(order)), count[order], color=INK, height=0.8)
    ax.set_ylim(max(len(order), 1) - 0.5, -0.5)
    if shown:
        names = motifs["motif"].values[order].tolist()
        ax.set_yticks(np.arange(len(order)), names, fontsize=7)
    else:
        ax.set_ylabel("motifs, by number of hits")
    if count.max(initial=0) > 100 * max(1, np.median(count) if count.size else 1):
        ax.set_xscale("symlog", linthresh=1)
    return finished(ax, "hits", ax.get_ylabel())


def hits_against_seqlets(motifs: "xr.Dataset", *, ax: "Axes | None" = None) -> "Axes":
    """Draw comparable hits against seqlets of each motif, both on logarithmic axes.

    Parameters
    ----------
    motifs : xarray.Dataset
        With ``num_seqlets`` and ``num_hits_restricted`` ``(motif,)``.
    ax : matplotlib.axes.Axes, optional
        Where to draw; by default new ones.
    """
    ax = axes_for(ax, (3.6, 3.6))
    seqlets, hits = motifs["num_seqlets"].values, motifs["num_hits_restricted"].values
    top = max(int(seqlets.max(initial=1)), int(hits.max(initial=1)), 1) * 2
    ax.plot([0, top], [0, top], color="#999", lw=0.8, ls="--")
    ax.scatter(seqlets, hits, s=16, color=INK, alpha=0.8, linewidths=0)
    # From below the smallest count, so that motifs that are much alike are told apart.
    smallest = min(int(seqlets.min(initial=top)), int(hits.min(initial=top)))
    for axis in ("x", "y"):
        getattr(ax, f"set_{axis}scale")("symlog", linthresh=1)
        getattr(ax, f"set_{axis}lim")(smallest / 2 if smallest else -0.3, top)
    _label_outliers(ax, motifs["motif"].values.tolist(), seqlets, hits)
    return finished(ax, "seqlets", "hits, where TF-MoDISco looked")


def _label_outliers(ax: "Axes", names: list[str], x: np.ndarray, y: np.ndarray) -> None:
    """Name the points furthest from the diagonal that are far from one another."""
    place = np.stack([np.log1p(x), np.log1p(y)], axis=1)
    taken: list[np.ndarray] = []
    for index in np.argsort(-np.abs(place[:, 0] - place[:, 1]), kind="stable")[:12]:
        if len(taken) == 5:
            return
        if all(abs(place[index, 1] - other[1]) > 0.4 for other in taken):
            taken.append(place[index])
            right = place[index, 0] > 0.6 * np.log1p(max(x.max(), 1))
            ax.annotate(
                names[index],
                (x[index], y[index]),
                fontsize=7,
                color="#444",
                xytext=(-5 if right else 5, -3),
                textcoords="offset points",
                ha="right" if right else "left",
            )


def explained_share(regions: "xr.Dataset", *, ax: "Axes | None" = None) -> "Axes":
    """Draw how much of the squared scores of a region the hits explain.

    Parameters
    ----------
    regions : xarray.Dataset
        With ``explained`` ``(region,)``.
    ax : matplotlib.axes.Axes, optional
        Where to draw; by default new ones.
    """
    ax = axes_for(ax, (4.6, 2.8))
    share = regions["explained"].values
    share = share[np.isfinite(share)]
    low = min(0.0, float(share.min(initial=0.0)))
    ax.hist(share, bins=np.linspace(low, 1, 41).tolist(), color=INK, rwidth=0.9)
    return finished(ax, "share of a region's squared scores explained by hits", "regions")


def score_distributions(
    hits: "xr.Dataset", *, column: str = "hit_similarity", ax: "Axes | None" = None
) -> "Axes":
    """Draw the distribution of a score over all hits.

    Parameters
    ----------
    hits : xarray.Dataset
        A hits dataset.
    column : str
        Name of the score; a coefficient or importance is drawn on a logarithmic axis.
    ax : matplotlib.axes.Axes, optional
        Where to draw; by default new ones.
    """
    ax = axes_for(ax, (3.4, 2.4))
    values = hits[column].values
    values = values[np.isfinite(values)]
    if column == "hit_similarity" or not (values > 0).any():
        ax.hist(values, bins=40, color=INK, rwidth=0.9)
    else:
        values = values[values > 0]
        edges = np.geomspace(values.min(), values.max() * 1.001, 41)
        ax.hist(values, bins=edges.tolist(), color=INK, rwidth=0.9)
        ax.set_xscale("log")
    return finished(ax, column, "hits")
