"""What all figures share."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from matplotlib.axes import Axes

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
