"""What all figures share."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matplotlib.axes import Axes
    from matplotlib.cm import ScalarMappable
    from matplotlib.figure import Figure, SubFigure

INK = "#31688e"


def axes_for(ax: "Axes | None", size: tuple[float, float]) -> "Axes":
    """Return given axes, or new ones of a size in inches."""
    if ax is not None:
        return ax
    from matplotlib import pyplot as plt

    _, made = plt.subplots(figsize=size, layout="constrained")
    return made


def finished(ax: "Axes", x: str, y: str) -> "Axes":
    """Label axes, and take away lines that say nothing."""
    ax.set_xlabel(x, fontsize=9)
    ax.set_ylabel(y, fontsize=9)
    ax.tick_params(labelsize=8)
    ax.spines[["top", "right"]].set_visible(False)
    return ax


def colour_bar(
    figure: "Figure | SubFigure",
    image: "ScalarMappable",
    ax: "Axes | Sequence[Axes]",
    label: str,
    *,
    fontsize: float = 8,
    **place: Any,
) -> None:
    """Say beside axes what the colours of an image mean; `place` is as matplotlib has it."""
    bar = figure.colorbar(image, ax=ax, **place)
    bar.set_label(label, fontsize=fontsize)
    bar.ax.tick_params(labelsize=7)


def name_cells(ax: "Axes", rows: "Sequence[str]", columns: "Sequence[str]") -> None:
    """Name the rows and columns of a square image; the more there are, the smaller."""
    size = len(rows)
    font = 8 if size <= 30 else 6 if size <= 50 else 4.5
    ax.set_xticks(range(size), columns, rotation=90, fontsize=font)
    ax.set_yticks(range(size), rows, fontsize=font)
