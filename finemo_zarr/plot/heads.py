"""Motifs of two heads that match."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from finemo_zarr.plot.logos import logo
from finemo_zarr.plot.style import INK, finished

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_MOST_ROWS = 12
_LONGEST = 34
_TEXT = 8


MotifPair = tuple[str, str, float, NDArray[np.float64], NDArray[np.float64]]
"""Two motifs: their names, their similarity, their matrices ``(4, width)`` in one frame."""


class _Heads(NamedTuple):
    names: tuple[str, str]
    best: NDArray[np.float64]
    least: float


def matches_figure(
    pairs: Sequence[MotifPair],
    best: NDArray[np.float64],
    *,
    names: tuple[str, str],
    least: float,
) -> "Figure":
    """Draw how similar the motifs of two heads are, and those that match.

    Parameters
    ----------
    pairs : sequence of MotifPair
        Motifs that match, the most similar first; at most 12 are drawn.
    best : array, ``(motif,)``
        Similarity of each motif with the one of the other head that is most like it.
    names : tuple of str
        Of the heads.
    least : float
        Similarity from which motifs match.

    Returns
    -------
    matplotlib.figure.Figure
        A histogram above, and below a row of two logos for each pair.
    """
    from matplotlib.figure import Figure

    shown = pairs[:_MOST_ROWS]
    figure = Figure(figsize=(8.4, 2.2 + 0.85 * len(shown)), layout="constrained")
    ratios = [2.0, *[0.85] * len(shown)]
    grid = figure.add_gridspec(1 + len(shown), 2, height_ratios=ratios)
    _histogram(figure.add_subplot(grid[0, :]), _Heads(names, best, least))
    for row, (a, b, similarity, first, second) in enumerate(shown, start=1):
        both = zip(names, (a, b), (first, second), strict=True)
        for column, (head, name, matrix) in enumerate(both):
            ax = figure.add_subplot(grid[row, column])
            logo(matrix, ax=ax)
            ax.set_xticks([])
            ax.set_yticks([])
            ax.set_ylabel("")
            ax.set_xlabel("")
            of_pair = f", similarity {similarity:.3f}" if column else ""
            ax.set_title(f"{head}: {_short(name)}{of_pair}", fontsize=_TEXT, loc="left", pad=2)
    return figure


def _histogram(ax: "Axes", heads: _Heads) -> None:
    low = min(0.0, float(heads.best.min(initial=0.0)))
    ax.hist(heads.best, bins=np.linspace(low, 1, 41).tolist(), color=INK, rwidth=0.9)
    ax.axvline(heads.least, color="#c51b29", lw=1)
    ax.annotate(
        f"match from {heads.least:g} on",
        (heads.least, 0.95),
        xycoords=("data", "axes fraction"),
        xytext=(-4, 0),
        textcoords="offset points",
        ha="right",
        va="top",
        fontsize=_TEXT,
        color="#c51b29",
    )
    a, b = heads.names
    finished(ax, "similarity with the motif of the other head that is most like it", "motifs")
    ax.set_title(f"motifs of {a} and of {b}", fontsize=_TEXT + 1, loc="left")


def _short(name: str) -> str:
    if len(name) <= _LONGEST:
        return name
    half = (_LONGEST - 1) // 2
    return f"{name[:half]}…{name[-half:]}"
