"""Logos of matrices, as SVG text and on matplotlib axes."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from finemo_zarr.plot.glyphs import COLOURS, CORE_SHADE, GLYPHS
from finemo_zarr.sequence import BASES

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_COLUMN, _HEIGHT = 10, 60


def _letters(matrix: NDArray[Any]) -> Iterator[tuple[str, int, float, float]]:
    """Letter, column, lower and upper end of each entry: the smallest next to the axis."""
    for column, values in enumerate(np.asarray(matrix, dtype=np.float64).T):
        for sign in (1, -1):
            edge = 0.0
            for base in np.argsort(np.abs(values), kind="stable"):
                value = float(values[base])
                if value * sign > 0:
                    low, high = sorted((edge, edge + value))
                    yield BASES[base], column, low, high
                    edge += value


def _extent(matrix: NDArray[Any]) -> tuple[float, float]:
    low = float(np.minimum(matrix, 0).sum(axis=0).min(initial=0.0))
    high = float(np.maximum(matrix, 0).sum(axis=0).max(initial=0.0))
    return (low, high) if high > low else (0.0, 1.0)


def logo_svg(matrix: NDArray[Any], core: tuple[int, int] | None = None) -> str:
    """Draw a matrix as a picture of its own.

    Parameters
    ----------
    matrix : array, ``(4, position)``
        Heights of the letters A, C, G, T; negative ones hang below the axis.
    core : (int, int), optional
        First column and end of the core, which is shaded.

    Returns
    -------
    str
        An SVG document.
    """
    low, high = _extent(matrix)
    unit = _HEIGHT / (high - low)
    width = matrix.shape[1] * _COLUMN
    size = f'viewBox="0 0 {width} {_HEIGHT}" width="{width}" height="{_HEIGHT}"'
    parts = [f'<svg xmlns="http://www.w3.org/2000/svg" {size}>']
    if core is not None:
        start, end = core
        parts.append(
            f'<rect x="{start * _COLUMN}" width="{(end - start) * _COLUMN}" height="{_HEIGHT}"'
            f' fill="{CORE_SHADE}"/>'
        )
    for letter, column, bottom, top in _letters(matrix):
        tall = (top - bottom) * unit
        if tall >= 0.2:
            parts.append(
                f'<path fill="{COLOURS[letter]}" fill-rule="evenodd" d="{GLYPHS[letter]}"'
                f' transform="translate({column * _COLUMN + 0.4:g} {(high - top) * unit:.2f})'
                f' scale({(_COLUMN - 0.8) / 100:g} {tall / 100:.4f})"/>'
            )
    axis = high * unit
    parts.append(f'<path d="M 0 {axis:.2f} H {width}" stroke="#999" stroke-width="0.6"/></svg>')
    return "\n".join(parts) + "\n"


def logo(
    matrix: NDArray[Any], core: tuple[int, int] | None = None, *, ax: "Axes | None" = None
) -> "Axes":
    """Draw a matrix on matplotlib axes.

    Parameters
    ----------
    matrix : array, ``(4, position)``
        Heights of the letters A, C, G, T.
    core : (int, int), optional
        First column and end of the core, which is shaded.
    ax : matplotlib.axes.Axes, optional
        Where to draw; by default new ones.
    """
    from matplotlib import pyplot as plt
    from matplotlib.collections import PathCollection
    from matplotlib.transforms import Affine2D

    if ax is None:
        _, ax = plt.subplots(figsize=(max(2.0, 0.22 * matrix.shape[1]), 1.4))
    if core is not None:
        ax.axvspan(core[0] - 0.5, core[1] - 0.5, color=CORE_SHADE, lw=0)
    paths, colours = [], []
    for letter, column, bottom, top in _letters(matrix):
        placed = Affine2D().scale(0.92 / 100, -(top - bottom) / 100)
        paths.append(_path(letter).transformed(placed.translate(column - 0.46, top)))
        colours.append(COLOURS[letter])
    ax.add_collection(PathCollection(paths, facecolors=colours, linewidths=0))
    ax.axhline(0, color="#777", lw=0.6)
    low, high = _extent(matrix)
    ax.set_xlim(-0.5, matrix.shape[1] - 0.5)
    ax.set_ylim(low, high)
    ax.spines[["top", "right"]].set_visible(False)
    return ax


def _path(letter: str) -> Any:
    from matplotlib.path import Path

    codes = {"M": [Path.MOVETO], "L": [Path.LINETO], "C": [Path.CURVE4] * 3, "Z": [Path.CLOSEPOLY]}
    words = GLYPHS[letter].split()
    vertices: list[tuple[float, float]] = []
    kinds: list[Any] = []
    at = 0
    while at < len(words):
        kind = codes[words[at]]
        count = 0 if words[at] == "Z" else len(kind)
        numbers = [float(word) for word in words[at + 1 : at + 1 + 2 * count]]
        vertices += list(zip(numbers[::2], numbers[1::2], strict=True)) or [(0.0, 0.0)]
        kinds += kind
        at += 1 + 2 * count
    return Path(vertices, kinds)
