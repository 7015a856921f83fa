"""The tables of a report of a tiSFM."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from finemo_zarr.plot.importance import profile_order
from finemo_zarr.report._tisfm_source import MOST_ROWS, TisfmData, chosen_motifs
from finemo_zarr.report.saved import save_tables

if TYPE_CHECKING:
    import polars as pl
    import xarray as xr

_MOST_GATES = 10_000
_OF_MOTIFS = (
    "pooling_weight",
    "interaction_bias",
    "scale",
    "bias",
    "occupancy_mean",
    "occupancy_sd",
)


def track_table(data: TisfmData) -> "pl.DataFrame":
    """Errors and correlations of each track.

    Returns
    -------
    polars.DataFrame
        ``track, mse, variance, explained, pearson, spearman``; ``explained`` is one less the error
        by the variance.
    """
    import polars as pl

    assert data.scores is not None
    scores = data.scores
    columns: dict[str, Any] = {"track": _names(scores, "track")}
    columns |= {name: scores[name].values for name in ("mse", "variance")}
    variance = np.where(scores["variance"] > 0, scores["variance"], np.nan)
    columns["explained"] = 1 - scores["mse"].values / variance
    columns |= {name: scores[name].values for name in ("pearson", "spearman")}
    return pl.DataFrame(columns)


def importance_table(data: TisfmData, each: int | None = None) -> "pl.DataFrame":
    """Motifs of each track, the most important first.

    Parameters
    ----------
    data : TisfmData
        From :func:`finemo_zarr.report.tisfm_sections.gather_tisfm`.
    each : int, optional
        How many of each track, without those whose weight is 0; by default all.

    Returns
    -------
    polars.DataFrame
        ``track, rank, motif, importance, weight``.
    """
    import polars as pl

    read, parts = data.readouts, []
    for track in _names(read, "track"):
        own = read[["rank", "motif", "importance", "weight"]].sel(track=track)
        order = np.argsort(own["rank"].values, kind="stable")
        columns: dict[str, Any] = {"track": [track] * len(order), "rank": own["rank"].values[order]}
        columns["motif"] = [data.motifs[at] for at in order]
        columns |= {name: own[name].values[order] for name in ("importance", "weight")}
        part = pl.DataFrame(columns)
        parts.append(part if each is None else part.filter(pl.col("weight") != 0).head(each))
    return pl.concat(parts)


def interaction_table(data: TisfmData, count: int = _MOST_GATES) -> "pl.DataFrame":
    """The strongest gates; none if the model has no interactions.

    Returns
    -------
    polars.DataFrame
        ``motif, other_motif, effect, strength, weight``.
    """
    import polars as pl

    types: dict[str, Any] = {"motif": pl.String, "other_motif": pl.String, "effect": pl.String}
    types |= {"strength": pl.Float64, "weight": pl.Float64}
    if "interaction_strength" not in data.readouts:
        return pl.DataFrame(schema=types)
    pairs = ("motif", "other_motif")
    read = data.readouts[["interaction_strength", "interaction_weight"]].transpose(*pairs)
    strength = np.nan_to_num(read["interaction_strength"].values)
    order = np.argsort(-np.abs(strength), axis=None, kind="stable")[:count]
    row, column = np.unravel_index(order, strength.shape)
    kept = strength[row, column] != 0
    row, column = row[kept], column[kept]
    found = {
        "motif": [data.motifs[at] for at in row],
        "other_motif": [data.motifs[at] for at in column],
        "effect": ["opens" if value > 0 else "closes" for value in strength[row, column]],
        "strength": strength[row, column],
        "weight": read["interaction_weight"].values[row, column].astype(np.float64),
    }
    return pl.DataFrame(found, schema=types)


def motif_table(data: TisfmData) -> "pl.DataFrame":
    """What was learned of each motif, whatever the track.

    Returns
    -------
    polars.DataFrame
        ``motif, best_track, importance`` (the largest of all tracks), and what else there is of
        pooling weight, gate and calibration.
    """
    import polars as pl

    read = data.readouts.transpose("motif", "track", ...)
    importance = np.nan_to_num(read["importance"].values)
    best = np.abs(importance).argmax(axis=1)
    tracks = _names(read, "track")
    columns: dict[str, Any] = {
        "motif": data.motifs,
        "best_track": [tracks[at] for at in best],
        "importance": importance[np.arange(len(best)), best],
    }
    columns |= {name: read[name].values for name in _OF_MOTIFS if name in read}
    return pl.DataFrame(columns)


def path_error_table(path: "xr.Dataset") -> "pl.DataFrame":
    """Errors along a path: ``lambda, part, track, error, nonzero_weights``."""
    import polars as pl

    parts, strengths = [], path["lambda"].values
    for part in ("validation", "test"):
        named: list[tuple[str, Any]] = []
        if f"{part}_error" in path:
            named.append(("all tracks", path[f"{part}_error"].values))
        if f"{part}_error_by_track" in path:
            table = path[f"{part}_error_by_track"].transpose("track", "lambda")
            named += list(zip(_names(path, "track"), table.values, strict=True))
        for track, values in named:
            weights = path["weight"] if track == "all tracks" else path["weight"].sel(track=track)
            count = (weights != 0).sum([dim for dim in weights.dims if dim != "lambda"])
            columns = {"lambda": strengths, "error": values, "nonzero_weights": count.values}
            frame = pl.DataFrame(columns)
            parts.append(frame.with_columns(part=pl.lit(part), track=pl.lit(track)))
    return pl.concat(parts).select("part", "track", "lambda", "error", "nonzero_weights")


def path_weight_table(path: "xr.Dataset") -> "pl.DataFrame":
    """Weights along a path that are not zero: ``lambda, track, motif, weight``."""
    import polars as pl

    weights = path["weight"].transpose("lambda", "track", "motif")
    at = np.nonzero(weights.values)
    columns: dict[str, Any] = {"lambda": weights["lambda"].values[at[0]]}
    for name, index in zip(("track", "motif"), at[1:], strict=True):
        columns[name] = np.asarray(_names(path, name), dtype=object)[index].tolist()
    return pl.DataFrame(columns | {"weight": weights.values[at]})


def heatmap_table(data: TisfmData, each: int = 10) -> "pl.DataFrame":
    """The importances that the heatmap shows, in its order: ``motif``, and each track."""
    import polars as pl

    table = data.readouts["importance"].transpose("motif", "track")
    table = table.sel(motif=chosen_motifs(data, each, MOST_ROWS))
    rows, columns = profile_order(table.values), profile_order(table.values.T)
    ordered = table.isel(motif=rows, track=columns)
    found: dict[str, Any] = {"motif": [str(name) for name in ordered["motif"].values]}
    found |= dict(zip(map(str, ordered["track"].values), ordered.values.T, strict=True))
    return pl.DataFrame(found)


def tisfm_tables(data: TisfmData, each: int = 10) -> dict[str, "pl.DataFrame"]:
    """All tables, by name; the heatmap is of the first motifs, `each`, of each track."""
    made = {"importance": importance_table(data), "motifs": motif_table(data)}
    made["heatmap"] = heatmap_table(data, each)
    if data.scores is not None:
        made["tracks"] = track_table(data)
    if "interaction_strength" in data.readouts:
        made["interactions"] = interaction_table(data)
    if "position_weight" in data.readouts:
        made["position"] = _position_table(data.readouts)
    if data.path is not None:
        made["path_errors"] = path_error_table(data.path)
        made["path_weights"] = path_weight_table(data.path)
    return made


def _position_table(readouts: "xr.Dataset") -> "pl.DataFrame":
    import polars as pl

    values = readouts["position_weight"].values
    return pl.DataFrame({"distance": np.arange(len(values)), "weight": values})


def write_tisfm(data: TisfmData, folder: str | Path, each: int = 10) -> None:
    """Write the tables, ``NAME.tsv`` each.

    Parameters
    ----------
    data : TisfmData
        From :func:`finemo_zarr.report.tisfm_sections.gather_tisfm`.
    folder : path
        A folder that is there.
    each : int
        Motifs of each track in the heatmap.
    """
    save_tables(folder, tisfm_tables(data, each))


def _names(dataset: "xr.Dataset", dim: str) -> list[str]:
    return [str(name) for name in dataset[dim].values]
