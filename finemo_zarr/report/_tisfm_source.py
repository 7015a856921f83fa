"""Everything that a report of a tiSFM is made from: files of its plugin, read without it."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from finemo_zarr.errors import ReadError, SchemaError
from finemo_zarr.report.payload import information

if TYPE_CHECKING:
    import polars as pl
    import xarray as xr

DESCRIPTION, READOUTS, HISTORY = "model.json", "readouts.zarr", "history.tsv"
PATH, EVALUATION, SCORES = "path.zarr", "evaluation.zarr", "evaluation.tsv"
SPARE = "spare_"
MOST_ROWS = 50
"""Motifs of the heatmap, at most."""

_NEEDED = ("weight", "importance", "rank", "kernel")
_MEASURES = ("mse", "pearson", "spearman", "variance")
_PAIRS = 4000  # regions whose predictions are drawn, at most
_OVERALL = 1  # rows of evaluation.tsv before those of single tracks


class TisfmData(NamedTuple):
    """What a report of a tiSFM shows.

    Parameters
    ----------
    folder : Path
        What `train-tisfm` or `tisfm-path` wrote.
    said : dict
        Its ``model.json``.
    readouts : xarray.Dataset
        Its readouts, in memory.
    history : polars.DataFrame, optional
        Errors of each epoch.
    path : xarray.Dataset, optional
        Weights and errors along a path of penalties.
    scores : xarray.Dataset, optional
        Errors and correlations ``(track,)``; with ``predicted`` and ``signal`` ``(region, track)``
        where they are known; attribute ``part`` says which regions these are.
    tracks : list of str
        Tracks that are drawn one by one.
    notes : list of str
        What is left out, and why.
    """

    folder: Path
    said: dict[str, Any]
    readouts: "xr.Dataset"
    history: "pl.DataFrame | None"
    path: "xr.Dataset | None"
    scores: "xr.Dataset | None"
    tracks: list[str]
    notes: list[str]

    @property
    def motifs(self) -> list[str]:
        """Names of the motifs, spare kernels last."""
        return [str(name) for name in self.readouts["motif"].values]

    @property
    def facts(self) -> dict[str, Any]:
        """What the training kept: options, lambdas of a path."""
        found = self.said.get("facts")
        return found if isinstance(found, dict) else {}


def gather_tisfm(
    model: str | Path,
    *,
    evaluation: str | Path | None = None,
    path: str | Path | None = None,
    tracks: Sequence[str] = (),
) -> TisfmData:
    """Open what the commands of finemo-zarr-tisfm wrote; the plugin itself is not needed.

    Parameters
    ----------
    model : path
        Folder that `train-tisfm` or `tisfm-path` wrote.
    evaluation : path, optional
        Folder that `evaluate-tisfm` wrote.
    path : path, optional
        Folder that `tisfm-path` wrote; by default the model's own, if it is of a path.
    tracks : sequence of str
        Tracks to draw one by one; by default all, in their order.

    Raises
    ------
    ReadError
        If a folder is missing or not what it should be.
    SchemaError
        If a track is unknown, or the evaluation is of other tracks.
    """
    folder = Path(model)
    said, readouts = _read_model(folder)
    known = [str(name) for name in readouts["track"].values]
    if unknown := [name for name in tracks if name not in known]:
        raise SchemaError(f"no track {', '.join(unknown)}; the model has {', '.join(known)}")
    notes: list[str] = []
    scores = None if evaluation is None else _read_scores(Path(evaluation), known, folder, notes)
    history = folder / HISTORY
    return TisfmData(
        folder,
        said,
        readouts,
        _read_history(history) if history.is_file() else None,
        _read_path(folder, None if path is None else Path(path), known),
        scores,
        list(tracks) or known,
        notes,
    )


def _read_model(folder: Path) -> tuple[dict[str, Any], "xr.Dataset"]:
    try:
        said = json.loads((folder / DESCRIPTION).read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise ReadError(
            f"{folder}: there is no {DESCRIPTION}; give the folder that train-tisfm or tisfm-path"
            " wrote (-P model=FOLDER)"
        ) from error
    except (OSError, ValueError) as error:
        raise ReadError(f"{folder / DESCRIPTION}: damaged ({error}); train again") from error
    readouts = _open(folder / READOUTS, "train-tisfm")
    if missing := [name for name in _NEEDED if name not in readouts]:
        raise ReadError(f"{folder / READOUTS}: there is no {', '.join(missing)}; train again")
    return said, readouts


def _open(path: Path, maker: str) -> "xr.Dataset":
    import xarray as xr

    if not path.is_dir():
        raise ReadError(f"{path}: no such store; is {path.parent} what {maker} wrote?")
    try:
        found: xr.Dataset = xr.open_zarr(
            path, chunks=None, consolidated=False, zarr_format=3
        ).load()
    except Exception as error:
        raise ReadError(f"{path}: missing or damaged ({error}); run {maker} again") from error
    return found


def _read_history(path: Path) -> "pl.DataFrame":
    import polars as pl

    try:
        history = pl.read_csv(path, separator="\t")
    except (OSError, pl.exceptions.PolarsError) as error:
        raise ReadError(f"{path}: cannot be read ({error}); train again") from error
    wanted = ("epoch", "train_error", "validation_error")
    if missing := [name for name in wanted if name not in history.columns]:
        raise ReadError(f"{path}: there is no column {', '.join(missing)}; train again")
    return history


def _read_path(folder: Path, given: Path | None, tracks: list[str]) -> "xr.Dataset | None":
    """The path that is given, or that the model is of: in its folder, or the folder above it."""
    if given is None:
        above = folder.resolve().parent
        inside = (folder, above) if folder.resolve().name.startswith("lambda_") else (folder,)
        given = next((place for place in inside if (place / PATH).is_dir()), None)
        if given is None:
            return None
    found = _open(given / PATH, "tisfm-path")
    if [str(name) for name in found["track"].values] != tracks:
        raise SchemaError(f"{given}: a path of other tracks than those of the model")
    return found


def _read_scores(
    folder: Path, tracks: list[str], model: Path, notes: list[str]
) -> "xr.Dataset | None":
    import polars as pl
    import xarray as xr

    path = folder / SCORES
    try:
        table = pl.read_csv(path, separator="\t")[_OVERALL:]
    except (OSError, pl.exceptions.PolarsError) as error:
        raise ReadError(
            f"{path}: cannot be read ({error}); give the folder that evaluate-tisfm wrote"
            " (-P evaluation=FOLDER)"
        ) from error
    if [str(name) for name in table["track"]] != tracks:
        raise SchemaError(f"{folder}: an evaluation of other tracks than those of the model")
    scores = xr.Dataset(
        {name: ("track", table[name].cast(pl.Float64).to_numpy()) for name in _MEASURES},
        {"track": np.asarray(tracks, dtype=object)},
    )
    if (folder / EVALUATION).is_dir():
        pairs = _open_pairs(folder / EVALUATION)
        scores = scores.assign({name: (("region", "track"), pairs[name].values) for name in pairs})
        scores.attrs |= pairs.attrs
        _check_model(folder, model, str(pairs.attrs.get("model", "")), notes)
    return scores


def _open_pairs(path: Path) -> "xr.Dataset":
    """Predicted and measured signal of some regions; the rest of the store may be large."""
    import xarray as xr

    try:
        opened = xr.open_zarr(path, chunks=None, consolidated=False, zarr_format=3)
        count = opened.sizes["region"]
        rows = np.random.default_rng(0).permutation(count)[:_PAIRS]
        wanted = opened[["predicted", "signal"]].isel(region=np.sort(rows))
        found: xr.Dataset = wanted.transpose("region", "track").load()
    except Exception as error:
        raise ReadError(f"{path}: missing or damaged ({error}); evaluate again") from error
    return found.assign_attrs(opened.attrs | {"num_regions": count})


def _check_model(folder: Path, model: Path, evaluated: str, notes: list[str]) -> None:
    if evaluated and Path(evaluated).resolve() != model.resolve():
        notes.append(f"{folder} is the evaluation of {evaluated}, and the report is of {model}.")


def penalties(history: "pl.DataFrame") -> NDArray[np.float64]:
    """Penalty of each epoch of a training: the epoch of the least error plus penalty is kept."""
    if "penalty" not in history.columns:
        return np.zeros(history.height)
    found: NDArray[np.float64] = history["penalty"].to_numpy().astype(np.float64)
    return found


def motif_logos(data: TisfmData, names: Sequence[str]) -> dict[str, NDArray[np.float64]]:
    """Logos of motifs, in bits; of kernels that learned, what they add to the score.

    Parameters
    ----------
    data : TisfmData
        From :func:`gather_tisfm`.
    names : sequence of str
        Names of motifs.

    Returns
    -------
    dict of str to array, ``(4, position)``
        Heights of the letters, trimmed to the motif's own columns.
    """
    kernels = data.readouts["kernel"].transpose("motif", "base", "motif_position")
    return {name: _logo(kernels.sel(motif=name).values) for name in names}


def _logo(kernel: NDArray[Any]) -> NDArray[np.float64]:
    own = np.flatnonzero(kernel.any(axis=0))
    if not own.size:
        return np.zeros((4, 1))
    kernel = kernel[:, own[0] : own[-1] + 1].astype(np.float64)
    if (kernel >= 0).all() and np.allclose(kernel.sum(axis=0), 1, atol=1e-3):
        return information(kernel)
    centred: NDArray[np.float64] = kernel - kernel.mean(axis=0)
    return centred


def chosen_motifs(data: TisfmData, each: int, most: int) -> list[str]:
    """The first motifs of each track, the most important of all first.

    Parameters
    ----------
    data : TisfmData
        From :func:`gather_tisfm`.
    each : int
        How many of a track.
    most : int
        How many in all, at most.
    """
    importance = data.readouts["importance"].transpose("motif", "track").values
    rank = data.readouts["rank"].transpose("motif", "track").values
    top = ((rank <= each) & (importance != 0)).any(axis=1)
    strength = np.where(top, np.abs(importance).max(axis=1, initial=0.0), -1.0)
    order = np.argsort(-strength, kind="stable")[: min(most, int(top.sum()))]
    return [data.motifs[at] for at in order]
