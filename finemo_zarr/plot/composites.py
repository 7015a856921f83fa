"""At which spacings pairs of hits lie."""

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from finemo_zarr.plot.logos import logo
from finemo_zarr.plot.style import INK, colour_bar, finished

if TYPE_CHECKING:
    import xarray as xr
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_FOUND = "#c51b29"
_MOST_PAIRS, _MOST_ROWS, _MOST_LOGOS = 8, 60, 12
_LONGEST = 24
_TEXT = 8
_HIGHEST = 3.0  # log2 fold at which the colours end


def spacing_lines(curves: "xr.Dataset") -> "Figure":
    """Draw how many pairs lie at each spacing, in each arrangement.

    Parameters
    ----------
    curves : xarray.Dataset
        Of :class:`finemo_zarr.postprocess.Composites`. The eight pairs of motifs with the smallest
        q-values are drawn.

    Returns
    -------
    matplotlib.figure.Figure
        A row for each pair of motifs, a column for each arrangement.
    """
    from matplotlib.figure import Figure

    pairs = _pairs(curves)[:_MOST_PAIRS]
    columns = max([len(rows) for rows in pairs], default=1)
    figure = Figure(
        figsize=(max(2.6 * columns, 4), max(1.9 * len(pairs), 1.9) + 0.4), layout="constrained"
    )
    if not pairs:
        return _nothing(figure)
    axes = figure.subplots(len(pairs), columns, sharex=True, sharey="row", squeeze=False)
    for rows, line in zip(pairs, axes, strict=True):
        for ax in line[len(rows) :]:
            ax.set_axis_off()
        for index, ax in zip(rows, line, strict=False):
            _curve(ax, curves.isel(arrangement=index))
        finished(line[0], "", "pairs")
    for ax in axes[-1]:
        ax.set_xlabel("bases between the cores", fontsize=9)
    return figure


def _curve(ax: "Axes", curve: "xr.Dataset") -> None:
    spacing, count = curve["spacing"].values, curve["count"].values
    found = _significant(curve)
    ax.bar(spacing, count, width=1, color=INK, alpha=0.45)
    ax.bar(spacing[found], count[found], width=1, color=_FOUND)
    ax.plot(spacing, curve["expected"].values, color="black", lw=0.9)
    for at in np.flatnonzero(found)[np.argsort(-count[found])][:3]:
        ax.annotate(
            str(spacing[at]),
            (spacing[at], count[at]),
            xytext=(3, -2),
            textcoords="offset points",
            fontsize=_TEXT - 1,
            color=_FOUND,
            va="top",
        )
    ax.set_title(arrangement_label(curve, "\n   "), fontsize=_TEXT - 1, loc="left", pad=3)
    finished(ax, "", "")


def spacing_heatmap(curves: "xr.Dataset") -> "Figure":
    """Draw how much more frequent each spacing is than those around it.

    Parameters
    ----------
    curves : xarray.Dataset
        As for :func:`spacing_lines`. The 60 arrangements with the smallest q-values are
        drawn; the fold is that over the spacings around.

    Returns
    -------
    matplotlib.figure.Figure
        A row for each arrangement that has a significant spacing, which is marked.
    """
    from matplotlib.figure import Figure

    best = curves["qvalue"].values.min(axis=1, initial=1.0)
    order = np.argsort(best, kind="stable")
    rows = [index for index in order if _significant(curves.isel(arrangement=index)).any()]
    rows = rows[:_MOST_ROWS]
    figure = Figure(figsize=(8.4, max(0.22 * len(rows) + 1.2, 2)), layout="constrained")
    if not rows:
        return _nothing(figure)
    ax = figure.subplots()
    drawn = curves.isel(arrangement=rows)
    # A pseudocount, so that one pair where none is expected is not the brightest of all.
    fold = np.log2((drawn["count"].values + 1) / (drawn["expected"].values + 1))
    first, last = drawn["spacing"].values[[0, -1]]
    image = ax.imshow(
        fold,
        cmap="RdBu_r",
        vmin=-_HIGHEST,
        vmax=_HIGHEST,
        aspect="auto",
        interpolation="nearest",
        extent=(first - 0.5, last + 0.5, len(rows) - 0.5, -0.5),
    )
    found = np.stack([_significant(drawn.isel(arrangement=n)) for n in range(len(rows))])
    where, column = np.nonzero(found)
    ax.scatter(drawn["spacing"].values[column], where, s=5, color="black", marker="s", linewidths=0)
    labels = [arrangement_label(drawn.isel(arrangement=n)) for n in range(len(rows))]
    ax.set_yticks(np.arange(len(rows)), labels, fontsize=_TEXT - 1)
    finished(ax, "bases between the cores", "")
    colour_bar(figure, image, ax, "log2 fold", fontsize=_TEXT - 1, pad=0.01, fraction=0.05)
    return figure


def composite_logos(motifs: "xr.Dataset", rows: list[dict[str, Any]], flank: int) -> "Figure":
    """Draw the first twelve composite motifs.

    Parameters
    ----------
    motifs : xarray.Dataset
        Of :class:`finemo_zarr.postprocess.Composites`.
    rows : list of dict
        Of the same; say how many pairs there are of each.
    flank : int
        Bases beside the cores.
    """
    from matplotlib.figure import Figure

    count = {row["name"]: row["count"] for row in rows}
    names = [str(name) for name in motifs["motif_name"].values][:_MOST_LOGOS]
    widest = int(motifs["motif_width"].values[: len(names)].max())
    figure = Figure(
        figsize=(min(0.17 * widest + 1, 16), 1.05 * len(names) + 0.3), layout="constrained"
    )
    for index, (name, ax) in enumerate(
        zip(names, np.ravel(figure.subplots(len(names), 1, squeeze=False)), strict=True)
    ):
        width = int(motifs["motif_width"].values[index])
        logo(motifs["motif_cwm"].values[index, :, :width], (flank, width - flank), ax=ax)
        ax.set_xlim(-0.5, widest - 0.5)
        ax.set_xticks([])
        ax.tick_params(labelsize=_TEXT - 2)
        ax.set_title(f"{name}: {count[name]:,} pairs", fontsize=_TEXT, loc="left", pad=2)
        ax.spines[["top", "right"]].set_visible(False)
    return figure


def arrangement_label(curve: "xr.Dataset", separator: str = "  ") -> str:
    """What lies on the left and on the right: ``GATA1> <TAL1`` face one another."""
    sides = []
    for side in ("left", "right"):
        name = _short(str(curve[f"motif_{side}"].values))
        plus = str(curve[f"strand_{side}"].values) == "+"
        sides.append(f"{name}>" if plus else f"<{name}")
    return separator.join(sides)


def _pairs(curves: "xr.Dataset") -> list[list[int]]:
    """Arrangements of each pair of motifs, the pair with the smallest q-value first."""
    best = curves["qvalue"].values.min(axis=1, initial=1.0)
    groups: dict[frozenset[str], list[int]] = {}
    for index in range(curves.sizes["arrangement"]):
        names = (str(curves[f"motif_{side}"].values[index]) for side in ("left", "right"))
        groups.setdefault(frozenset(names), []).append(index)
    return sorted(groups.values(), key=lambda rows: min(best[row] for row in rows))


def _significant(curve: "xr.Dataset") -> NDArray[np.bool_]:
    """Which spacings of an arrangement are in the table."""
    attrs = curve.attrs
    found: NDArray[np.bool_] = (curve["qvalue"].values <= attrs["max_qvalue"]) & (
        curve["count"].values >= attrs["min_count"]
    )
    return found


def _nothing(figure: "Figure") -> "Figure":
    figure.text(
        0.5, 0.5, "no spacing is more frequent than those around it", ha="center", fontsize=9
    )
    return figure


def _short(name: str) -> str:
    if len(name) <= _LONGEST:
        return name
    half = (_LONGEST - 1) // 2
    return f"{name[:half]}…{name[-half:]}"
