"""The table of `marginalize`: one row for each motif, and what to doubt in it."""

import warnings
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from finemo_zarr.errors import InputWarning
from finemo_zarr.sequence import decode
from finemo_zarr_tangermeme.backgrounds import gc_content
from finemo_zarr_tangermeme.marginal import Effect
from finemo_zarr_tangermeme.matrices import consensus

if TYPE_CHECKING:
    import pandas as pd

_GC_APART, _SHARE = 0.2, 0.5
_NAMES_SHOWN = 5


def effect_row(
    name: str, matrix: NDArray[np.float64], task: int, effect: Effect, codes: NDArray[np.uint8]
) -> dict[str, Any]:
    """What a motif does, in numbers; `codes` are the backgrounds."""
    background_gc = float(gc_content(codes).mean())
    row: dict[str, Any] = {"motif": name, "task": task, "n": len(codes)}
    row |= summary("delta", effect.delta) | summary("control", effect.control)
    row |= summary("beyond_control", effect.delta - effect.control)
    if effect.attribution is not None:
        row |= summary("attribution", effect.attribution)
        row["attribution_per_base"] = row["attribution_mean"] / matrix.shape[1]
    far = abs(effect.site_gc - background_gc) > _GC_APART
    some = abs(row["delta_mean"]) > 2 * row["delta_se"]
    alike = abs(row["control_mean"]) > _SHARE * abs(row["delta_mean"])
    return row | {
        "consensus": decode(consensus(matrix)),
        "width": matrix.shape[1],
        "site_gc": effect.site_gc,
        "background_gc": background_gc,
        "composition": "yes" if far and alike and some else "no",
    }


def summary(name: str, values: NDArray[np.float64]) -> dict[str, float]:
    """Mean over backgrounds, and its standard error."""
    error = values.std(ddof=1) / np.sqrt(values.size)
    return {f"{name}_mean": float(values.mean()), f"{name}_se": float(error)}


def ranked(rows: list[dict[str, Any]]) -> "pd.DataFrame":
    """Rows by what is left beyond the control, the largest first."""
    import pandas as pd

    table = pd.DataFrame(rows).sort_values(
        ["beyond_control_mean", "motif"], ascending=[False, True], ignore_index=True
    )
    table.insert(1, "rank", np.arange(1, len(table) + 1))
    return table


def warn_of_composition(table: "pd.DataFrame", of_task: str = "") -> None:
    """Name the motifs whose effect may be that of their GC content; `of_task` comes first."""
    doubtful = table["motif"][table["composition"] == "yes"].tolist()
    if doubtful:
        more = len(doubtful) - _NAMES_SHOWN
        warnings.warn(
            f"{of_task}{len(doubtful)} motifs differ from the backgrounds in GC content by more "
            f"than {_GC_APART:g}, and shuffled do half as much or more, so that their effect may "
            f"be composition alone: {', '.join(doubtful[:_NAMES_SHOWN])}"
            f"{f' and {more} more' if more > 0 else ''} (column composition); trust "
            "beyond_control_mean, and give backgrounds of matching GC (--backgrounds, --match)",
            InputWarning,
            stacklevel=4,
        )
