"""An evaluation as a Zarr store: what is predicted for each region, and what of."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from finemo_zarr.store import create_array, new_group, write_dataset
from finemo_zarr_tisfm.readouts import FORMAT, explained

if TYPE_CHECKING:
    import polars as pl
    import zarr

    from finemo_zarr_tisfm.data import SignalData
    from finemo_zarr_tisfm.model import TiSFM

_MEANING = {
    "predicted": "Predicted signal: the bias of the track, and the sum over motifs of occupancy"
    " times gate times weight.",
    "signal": "Measured signal, scaled as that of the training.",
    "mse": "Mean squared error.",
    "pearson": "Correlation of predicted and measured signal.",
    "spearman": "Correlation of their ranks.",
    "variance": "Variance of the measured signal: the error of a model that says the mean.",
    "occupancy": "Pooled occupancy of the motif.",
    "gate": "How far the gate of the motif lets it through; 1 where there are no gates.",
}


def write_predictions(
    path: Path,
    model: "TiSFM",
    codes: Any,
    report: Callable[[int], None] = lambda _: None,
) -> NDArray[np.float32]:
    """Write pooled occupancies and gates of regions to a new store, block by block.

    Parameters
    ----------
    path : Path
        The store.
    model : TiSFM
        The model.
    codes : array of uint8, ``(region, position)``
        The regions.
    report : callable, optional
        Is told after each block how many regions it had.

    Returns
    -------
    array of float32, ``(region, track)``
        Predicted signal.
    """
    import torch

    from finemo_zarr_tisfm.training import one_hot

    group = new_group(path)
    arrays = [_array(group, name, len(codes), model) for name in ("occupancy", "gate")]
    predicted = np.zeros((len(codes), len(model.tracks)), np.float32)
    model.eval()
    with torch.no_grad():
        for first in range(0, len(codes), model.batch):
            rows = slice(first, min(first + model.batch, len(codes)))
            block = torch.as_tensor(codes[rows], device=model.linear.weight.device)
            occupancy, gate = model.features(one_hot(block))
            for array, values in zip(arrays, (occupancy, gate), strict=True):
                array[rows] = values.cpu().numpy()
            predicted[rows] = model.linear(occupancy * gate).cpu().numpy()
            report(rows.stop - rows.start)
    return predicted


def _array(group: "zarr.Group", name: str, count: int, model: "TiSFM") -> "zarr.Array[Any]":
    import xarray as xr

    values = np.zeros((0, len(model.motif_names)), np.float32)
    variable = xr.Variable(("region", "motif"), values, {"long_name": _MEANING[name]})
    return create_array(
        group, name, variable, shape=(count, values.shape[1]), chunk=min(model.batch, max(count, 1))
    )


def finish_evaluation(
    path: Path,
    data: "SignalData",
    model: "TiSFM",
    rows: NDArray[np.int64],
    predicted: NDArray[np.float32],
    scores: "pl.DataFrame",
    attrs: dict[str, str],
) -> None:
    """Add signal, scores and names to the store.

    Parameters
    ----------
    path : Path
        The store.
    data : SignalData
        Sequences and signal.
    model : TiSFM
        The model.
    rows : array of int, ``(region,)``
        Rows of the data that are evaluated.
    predicted : array, ``(region, track)``
        Predicted signal.
    scores : polars.DataFrame
        From :func:`finemo_zarr_tisfm.evaluation.score_tracks`.
    attrs : dict
        Attributes.
    """
    import xarray as xr

    from finemo_zarr.store import open_group

    words = np.dtypes.StringDType()
    tracks = scores[1:]
    values: dict[str, Any] = {
        "predicted": (("region", "track"), predicted),
        "signal": (("region", "track"), data.signal[rows]),
    }
    for name in ("mse", "pearson", "spearman", "variance"):
        values[name] = ("track", tracks[name].to_numpy())
    coords = {
        "region": np.asarray([data.names[row] for row in rows], dtype=words),
        "motif": np.asarray(model.motif_names, dtype=words),
        "track": np.asarray(model.tracks, dtype=words),
    }
    dataset = xr.Dataset(values, coords, attrs | {"format": FORMAT})
    write_dataset(open_group(path), explained(dataset, _MEANING))
