"""Every figure, one function each; they return a figure that belongs to no window."""

from typing import TYPE_CHECKING, Any

import numpy as np

from finemo_zarr._optional import import_optional

if TYPE_CHECKING:
    import polars as pl
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_STATUS_COLOURS = {
    "matched": "#4477aa",
    "moved": "#66ccee",
    "renamed": "#ccbb44",
    "lost": "#ee6677",
    "new": "#228833",
}
_MOST_MOTIFS = 25
_LONGEST_NAME = 32
_BINS = 80


def new_figure(width: float, height: float) -> "Figure":
    """Make an empty figure.

    Parameters
    ----------
    width, height : float
        In inches.

    Raises
    ------
    MissingDependencyError
        If matplotlib is not installed.
    """
    made = import_optional("matplotlib.figure", extra="plot", purpose="A figure")
    figure: Figure = made.Figure(figsize=(width, height), layout="constrained")
    return figure


def compare_figure(
    motifs: "pl.DataFrame", coefficients: "pl.DataFrame", names: tuple[str, str] = ("A", "B")
) -> "Figure":
    """Draw the agreement of two sets of hits.

    Parameters
    ----------
    motifs, coefficients : polars.DataFrame
        From :class:`finemo_zarr.postprocess.Comparison`.
    names : tuple of str
        What the sets are called.

    Raises
    ------
    MissingDependencyError
        If matplotlib is not installed.
    """
    shown = motifs.head(_MOST_MOTIFS)
    figure = new_figure(12, max(4.5, 1.6 + 0.26 * len(shown)))
    bars, scatter = figure.subplots(1, 2, width_ratios=(1.25, 1))
    _draw_statuses(bars, shown, len(motifs), names)
    _draw_coefficients(scatter, coefficients, names)
    return figure


def _draw_statuses(
    axes: "Axes", motifs: "pl.DataFrame", n_motifs: int, names: tuple[str, str]
) -> None:
    labels = [_shortened(name) for name in motifs["motif_name"].to_list()]
    rows, left = np.arange(len(labels)), np.zeros(len(labels))
    words = {"lost": f"lost (only {names[0]})", "new": f"new (only {names[1]})"}
    for status, colour in _STATUS_COLOURS.items():
        values = motifs["renamed_a" if status == "renamed" else status].to_numpy()
        axes.barh(rows, values, left=left, color=colour, label=words.get(status, status))
        left = left + values
    axes.set_yticks(rows, labels)
    axes.set_ylim(len(labels) - 0.4, -0.6)
    axes.set_xlabel("hits")
    axes.spines[["top", "right"]].set_visible(False)
    of_all = f" (the {len(labels)} most frequent of {n_motifs})" if n_motifs > len(labels) else ""
    axes.set_title(f"Hits of each motif{of_all}", loc="left")
    if labels:
        axes.legend(frameon=False, loc="lower right")
    else:
        _say(axes, "no hits")


def _draw_coefficients(axes: "Axes", coefficients: "pl.DataFrame", names: tuple[str, str]) -> None:
    a, b = (coefficients[name].to_numpy() for name in ("a", "b"))
    positive = (a > 0) & (b > 0)
    axes.set_title("Coefficients of the matched hits", loc="left")
    if not positive.any():
        _say(axes, "no matched hits")
        return
    values = np.log10(np.stack([a[positive], b[positive]]))
    low, high = float(values.min()) - 0.05, float(values.max()) + 0.05
    edges = 10 ** np.linspace(low, high, _BINS + 1)
    counts, _, _ = np.histogram2d(a[positive], b[positive], bins=(edges, edges))
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.plot(edges[[0, -1]], edges[[0, -1]], color="0.7", linewidth=0.8, zorder=0)
    drawn = axes.pcolormesh(
        edges,
        edges,
        np.ma.masked_equal(counts.T, 0),
        norm=_log_norm(counts),
        cmap="viridis",
        rasterized=True,
    )
    axes.set_aspect("equal")
    axes.set_xlabel(f"coefficient, {names[0]}")
    axes.set_ylabel(f"coefficient, {names[1]}")
    axes.get_figure().colorbar(drawn, ax=axes, label="hits", shrink=0.7)  # type: ignore[union-attr]
    text = "\n".join(
        f"{method.capitalize()} r = {_correlation(coefficients, method):.4f}"
        for method in ("pearson", "spearman")
    )
    axes.text(0.03, 0.97, text, transform=axes.transAxes, va="top")


def _log_norm(counts: Any) -> Any:
    from matplotlib.colors import LogNorm

    return LogNorm(1, max(float(counts.max()), 2))


def _correlation(coefficients: "pl.DataFrame", method: Any) -> float:
    import polars as pl

    found = coefficients.select(pl.corr("a", "b", method=method)).item()
    return float("nan") if found is None else float(found)


def _shortened(name: str) -> str:
    return name if len(name) <= _LONGEST_NAME else f"{name[: _LONGEST_NAME - 1]}…"


def _say(axes: "Axes", text: str) -> None:
    axes.set_axis_off()
    axes.text(0.5, 0.5, text, transform=axes.transAxes, ha="center", va="center", color="0.4")
