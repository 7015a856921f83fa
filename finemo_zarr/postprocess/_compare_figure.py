"""The figure of a comparison: coefficients against each other, and bars for each motif."""

from typing import TYPE_CHECKING, Any

import numpy as np

from finemo_zarr.postprocess._statuses import STATUSES

if TYPE_CHECKING:
    import polars as pl
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_MOST_MOTIFS = 60
_MOST_POINTS = 50_000
_LONGEST_NAME = 28
_LEAST_ROWS = 8  # so that few bars are no thicker than many
_WIDTH, _LEAST_HEIGHT, _FRAME_HEIGHT, _BAR_HEIGHT = 11.0, 5.0, 1.4, 0.2
# Apart also for those who see no red or no green.
_COLOURS = ("#0072b2", "#56b4e9", "#f0e442", "#d55e00", "#999999")
_TEXT = 9


def compare_figure(motifs: "pl.DataFrame", coefficients: "pl.DataFrame") -> "Figure":
    """Draw a comparison.

    Parameters
    ----------
    motifs, coefficients : polars.DataFrame
        Of a :class:`finemo_zarr.postprocess.Comparison`. The motifs with the most hits are drawn,
        at most 60, and at most 50,000 pairs of coefficients, evenly spaced.

    Returns
    -------
    matplotlib.figure.Figure
        With two axes.
    """
    from matplotlib.figure import Figure

    shown = motifs.head(_MOST_MOTIFS)
    height = max(_LEAST_HEIGHT, _FRAME_HEIGHT + _BAR_HEIGHT * len(shown))
    figure = Figure(figsize=(_WIDTH, height), layout="constrained")
    left, right = figure.subplots(1, 2, width_ratios=(4, 6))
    _draw_coefficients(left, coefficients)
    _draw_motifs(right, shown, len(motifs))
    return figure


def _draw_coefficients(axes: "Axes", coefficients: "pl.DataFrame") -> None:
    drawn = coefficients.gather_every(max(-(-len(coefficients) // _MOST_POINTS), 1))
    a, b = drawn["a"].to_numpy(), drawn["b"].to_numpy()
    axes.set(xlabel="coefficient in A", ylabel="coefficient in B", box_aspect=1, anchor="N")
    axes.set_title(f"matched hits: {len(coefficients):,}", fontsize=_TEXT + 1)
    if not len(drawn):
        axes.set(xticks=[], yticks=[])
        axes.text(0.5, 0.5, "no hit is matched", ha="center", va="center", fontsize=_TEXT)
        return
    limits = _limits(a, b)
    if limits[0] > 0 and limits[1] > 10 * limits[0]:
        axes.set(xscale="log", yscale="log")
    axes.axline((limits[0],) * 2, (limits[1],) * 2, color="0.6", linewidth=0.8, zorder=0)
    alpha = float(np.clip(2000 / len(drawn), 0.05, 0.5))
    axes.scatter(a, b, s=6, color=_COLOURS[0], alpha=alpha, linewidths=0, rasterized=True)
    axes.set(xlim=limits, ylim=limits)


def _limits(a: Any, b: Any) -> tuple[float, float]:
    """One range for both axes, a little wider than the values."""
    low, high = (float(pick(np.append(a, b))) for pick in (np.min, np.max))
    if low > 0:
        return low / 1.1, high * 1.1
    margin = 0.05 * (high - low) or 1.0
    return low - margin, high + margin


def _draw_motifs(axes: "Axes", motifs: "pl.DataFrame", n_motifs: int) -> None:
    pieces = np.stack([_pieces(motifs, status) for status in STATUSES]).astype(float)
    total = pieces.sum(axis=0)
    share = pieces / np.maximum(total, 1)
    rows = np.arange(len(motifs))
    left = np.zeros(len(motifs))
    for status, colour, width in zip(STATUSES, _COLOURS, share, strict=True):
        axes.barh(rows, width, left=left, height=0.7, color=colour, label=status)
        left = left + width
    names = [_short(name) for name in motifs["motif_name"].to_list()]
    axes.set_yticks(rows, names, fontsize=_TEXT)
    for row, count in enumerate(total):
        axes.text(1.01, row, f"{count:,.0f}", va="center", fontsize=_TEXT - 1, color="0.3")
    most = (
        f", the {len(motifs)} of {n_motifs} motifs with the most" if n_motifs > len(motifs) else ""
    )
    axes.set(xlim=(0, 1), xlabel=f"share of the hits{most}")
    axes.set_ylim(max(len(motifs), _LEAST_ROWS) - 0.4, -0.6)
    axes.text(
        1.01, 1, "hits", transform=axes.transAxes, va="bottom", fontsize=_TEXT - 1, color="0.3"
    )
    axes.spines[["top", "right", "left"]].set_visible(False)
    axes.tick_params(axis="y", length=0)
    axes.legend(
        ncols=len(STATUSES), loc="lower left", bbox_to_anchor=(0, 1), frameon=False, fontsize=_TEXT,
        handlelength=1, columnspacing=1,
    )  # fmt: skip


def _pieces(motifs: "pl.DataFrame", status: str) -> Any:
    if status == "renamed":
        return (motifs["renamed_a"] + motifs["renamed_b"]).to_numpy()
    return motifs[status].to_numpy()


def _short(name: str) -> str:
    if len(name) <= _LONGEST_NAME:
        return name
    half = (_LONGEST_NAME - 1) // 2
    return f"{name[:half]}…{name[-half:]}"
