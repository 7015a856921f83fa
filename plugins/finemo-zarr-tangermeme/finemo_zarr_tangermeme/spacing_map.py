"""The figure of `syntax`: pairs of motifs by their distance."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import pandas as pd

_KEYS = ["motif_a", "motif_b", "orientation"]
_ARROWS = {"+": "\N{RIGHTWARDS ARROW}", "-": "\N{LEFTWARDS ARROW}"}


def draw_spacing(table: "pd.DataFrame", path: Path) -> None:
    """Draw one row for each pair and orientation, one column for each distance.

    Parameters
    ----------
    table : pandas.DataFrame
        Rows of `syntax`. Colours are log2 fold changes over the additive expectation or, where
        predictions are not positive, interactions.
    path : Path
        File to write; its ending says the format.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    values, label = _values(table)
    order = table[_KEYS].drop_duplicates()
    grid = values.set_index([*_KEYS, "distance"])["value"].unstack("distance")
    grid = grid.loc[[tuple(row) for row in order.to_numpy()]]
    numbers = grid.to_numpy(dtype=float)
    limit = max(float(np.nanmax(np.abs(numbers), initial=0)), 1e-9)
    names = [_name(*key) for key in grid.index]
    left = 0.2 + 0.062 * max(map(len, names))  # inches, for 7 point letters
    width, height = left + 6.3, 0.24 * len(grid) + 1.3
    figure = Figure(figsize=(width, height))
    FigureCanvasAgg(figure)
    across, up = 5.2 / width, 1 - 1.05 / height
    axes = figure.add_axes((left / width, 0.75 / height, across, up))
    image = axes.imshow(
        numbers, aspect="auto", cmap="RdBu_r", vmin=-limit, vmax=limit, interpolation="nearest"
    )
    columns = np.linspace(0, numbers.shape[1] - 1, min(11, numbers.shape[1])).round().astype(int)
    axes.set_xticks(columns, [str(grid.columns[column]) for column in columns], fontsize=7)
    axes.set_yticks(range(len(grid)), names, fontsize=7)
    axes.set_xlabel("bases between the motifs", fontsize=8)
    bar_axes = figure.add_axes(((left + 5.4) / width, 0.75 / height, 0.12 / width, up))
    bar = figure.colorbar(image, cax=bar_axes)
    bar.set_label(label, fontsize=7)
    bar.ax.tick_params(labelsize=6)
    figure.savefig(path)


def _values(table: "pd.DataFrame") -> tuple[Any, str]:
    fold = table["fold_mean"]
    if (fold > 0).all():
        return table.assign(value=np.log2(fold)), "log2 fold over the additive expectation"
    return table.assign(value=table["interaction_mean"]), "interaction (beyond the sum)"


def _name(first: str, second: str, orientation: str) -> str:
    left, right = (_ARROWS[strand] for strand in orientation)
    return f"{first} {left}  {right} {second}"
