"""The figure of `marginalize`: motifs by their effect, each with its logo."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    import pandas as pd

_EFFECT, _CONTROL = "#31688e", "#bbbbbb"


def draw_ranked(
    table: "pd.DataFrame", matrices: dict[str, NDArray[Any]], path: Path, most: int
) -> None:
    """Draw the motifs that do most, best first, with logo, effect and the effect of the control.

    Parameters
    ----------
    table : pandas.DataFrame
        Rows of one task, by rank.
    matrices : dict
        Base probabilities ``(4, width)`` by motif.
    path : Path
        File to write; its ending says the format.
    most : int
        Motifs drawn.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    from finemo_zarr.plot import logo

    shown = table.head(most)
    count = len(shown)
    figure = Figure(figsize=(8, 0.45 * count + 1.0))
    FigureCanvasAgg(figure)
    grid = figure.add_gridspec(
        count, 2, width_ratios=(1, 2.2), left=0.24, right=0.97, top=1 - 0.35 / (0.45 * count + 1),
        bottom=0.55 / (0.45 * count + 1), wspace=0.05,
    )  # fmt: skip
    for row, motif in enumerate(shown["motif"]):
        axes = figure.add_subplot(grid[row, 0])
        logo(_information(matrices[motif]), ax=axes)
        axes.set_axis_off()
        axes.text(-0.03, 0.5, motif, transform=axes.transAxes, ha="right", va="center", fontsize=7)
    bars = figure.add_subplot(grid[:, 1])
    places = np.arange(count)
    bars.barh(places, shown["delta_mean"], xerr=shown["delta_se"], height=0.5, color=_EFFECT,
              label="motif")  # fmt: skip
    bars.barh(places + 0.33, shown["control_mean"], height=0.16, color=_CONTROL, label="shuffled")
    bars.axvline(0, color="#777", lw=0.6)
    bars.set_ylim(count - 0.5, -0.5)
    bars.set_yticks([])
    bars.set_xlabel("change of the prediction (mean over backgrounds, standard error)", fontsize=8)
    bars.tick_params(labelsize=7)
    bars.spines[["top", "right", "left"]].set_visible(False)
    bars.legend(fontsize=7, frameon=False, loc="lower right")
    figure.savefig(path)


def _information(matrix: NDArray[Any]) -> NDArray[np.float64]:
    """Probabilities times the information of their column, in bits."""
    shares = matrix / np.maximum(matrix.sum(axis=0), 1e-12)
    bits = 2 + (shares * np.log2(np.maximum(shares, 1e-12))).sum(axis=0)
    heights: NDArray[np.float64] = shares * bits
    return heights
