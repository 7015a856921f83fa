"""How well a model predicts, and its motifs ranked, as tables."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    import polars as pl
    import xarray as xr

OVERALL = "all tracks"


def score_tracks(
    predicted: NDArray[Any], signal: NDArray[Any], tracks: tuple[str, ...]
) -> "pl.DataFrame":
    """Mean squared error and correlations of each track, and of all.

    Parameters
    ----------
    predicted, signal : array, ``(region, track)``
        What the model says, and what was measured.
    tracks : tuple of str
        Names.

    Returns
    -------
    polars.DataFrame
        ``track, mse, pearson, spearman, variance``; a first row for all tracks, whose error and
        correlations are the means of theirs. A track that is constant has no correlation, and does
        not count in that mean.
    """
    import polars as pl

    rows = []
    for index, track in enumerate(tracks):
        one, other = (v[:, index].astype(np.float64) for v in (predicted, signal))
        rows.append(
            {
                "track": track,
                "mse": float(((one - other) ** 2).mean()),
                "pearson": correlation(one, other),
                "spearman": correlation(_ranked(one), _ranked(other)),
                "variance": float(other.var()),
            }
        )
    means = {key: _mean([row[key] for row in rows]) for key in rows[0] if key != "track"}
    return pl.DataFrame([{"track": OVERALL} | means, *rows])


def _mean(values: Sequence[Any]) -> float:
    known = [value for value in values if np.isfinite(value)]
    return float(np.mean(known)) if known else float("nan")


def correlation(one: NDArray[Any], other: NDArray[Any]) -> float:
    """Pearson correlation; NaN where one of the two is constant."""
    one, other = one - one.mean(), other - other.mean()
    norm = np.sqrt((one**2).sum() * (other**2).sum())
    return float((one * other).sum() / norm) if norm > 0 else float("nan")


def _ranked(values: NDArray[Any]) -> NDArray[np.float64]:
    from scipy.stats import rankdata

    ranked: NDArray[np.float64] = rankdata(values)
    return ranked


def importance_table(readouts: "xr.Dataset") -> "pl.DataFrame":
    """Motifs of each track, the most important first.

    Returns
    -------
    polars.DataFrame
        ``track, rank, motif, weight, importance``; motifs whose weight is 0 are left out.
    """
    import polars as pl

    motifs, tracks = (readouts[name].values.tolist() for name in ("motif", "track"))
    frame = pl.DataFrame(
        {
            "track": tracks * len(motifs),
            "rank": readouts["rank"].values.ravel(),
            "motif": [motif for motif in motifs for _ in tracks],
            "weight": readouts["weight"].values.ravel(),
            "importance": readouts["importance"].values.ravel(),
        }
    )
    place = {track: index for index, track in enumerate(tracks)}
    order = pl.col("track").replace_strict(place, return_dtype=pl.Int64)
    return frame.filter(pl.col("weight") != 0).sort(order, "rank")


def interaction_table(readouts: "xr.Dataset", count: int = 100) -> "pl.DataFrame":
    """The strongest interactions.

    Returns
    -------
    polars.DataFrame
        ``motif, other_motif, strength, weight``: the other motif opens (above 0) or closes the gate
        of the motif. Empty if the model has no gates.
    """
    import polars as pl

    if "interaction_strength" not in readouts:
        columns = ("motif", "other_motif", "strength", "weight")
        types = (pl.String, pl.String, pl.Float64, pl.Float64)
        return pl.DataFrame(schema=dict(zip(columns, types, strict=True)))
    strength = readouts["interaction_strength"].values
    names = readouts["motif"].values
    chosen = np.argsort(-np.abs(strength).ravel(), kind="stable")[:count]
    rows, others = np.unravel_index(chosen, strength.shape)
    return pl.DataFrame(
        {
            "motif": names[rows].tolist(),
            "other_motif": names[others].tolist(),
            "strength": strength[rows, others],
            "weight": readouts["interaction_weight"].values[rows, others],
        }
    ).filter(pl.col("strength") != 0)
