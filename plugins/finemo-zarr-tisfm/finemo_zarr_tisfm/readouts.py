"""What can be read off a model, as xarray datasets in a Zarr store."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    import xarray as xr

    from finemo_zarr_tisfm.data import SignalData
    from finemo_zarr_tisfm.model import TiSFM

READOUTS = "readouts.zarr"
FORMAT = "finemo-zarr-tisfm readouts"

_MEANING = {
    "weight": "Weight of the last layer: the signal that a motif adds where its gated, pooled"
    " occupancy is 1.",
    "importance": "Weight times the standard deviation of the gated, pooled occupancy over the"
    " regions of the training: comparable between motifs.",
    "rank": "Rank by the absolute importance within the track, from 1.",
    "interaction_weight": "How the pooled occupancy of the other motif opens (above 0) or closes"
    " the gate of the motif.",
    "interaction_strength": "Interaction weight times the standard deviation of the other motif's"
    " pooled occupancy, times the largest absolute importance of the motif; 0 for a motif with"
    " itself.",
    "interaction_bias": "Bias of the gate.",
    "pooling_weight": "0: the mean over places counts; the larger, the more does the maximum.",
    "scale": "Scale of the score before the sigmoid.",
    "bias": "Bias of the score before the sigmoid.",
    "occupancy_mean": "Mean pooled occupancy.",
    "occupancy_sd": "Standard deviation of the pooled occupancy.",
    "kernel": "Kernel.",
    "kernel_start": "First column of the kernel that is the motif's own.",
    "kernel_width": "Number of columns of the kernel that are the motif's own.",
    "position_weight": "What attention adds at this distance from the nearer end.",
    "track_bias": "Bias of the track.",
}


def pooled(model: "TiSFM", codes: Any) -> tuple[NDArray[Any], NDArray[Any]]:
    """Pooled occupancies and their gates, each ``(region, motif)``."""
    import torch

    from finemo_zarr_tisfm.training import one_hot

    device = next(model.parameters()).device
    found: list[list[NDArray[Any]]] = [[], []]
    with torch.no_grad():
        for first in range(0, len(codes), model.batch):
            part = torch.as_tensor(codes[first : first + model.batch], device=device)
            for kept, values in zip(found, model.features(one_hot(part)), strict=True):
                kept.append(values.cpu().numpy().astype(np.float64))
    return np.concatenate(found[0]), np.concatenate(found[1])


def spreads(model: "TiSFM", codes: Any) -> dict[str, NDArray[np.float32]]:
    """Standard deviations ``(motif,)`` of what weights multiply, by the layer's name.

    What hardly varies, as an even kernel, counts as a hundredth of what varies most.
    """
    occupancy, gate = pooled(model, codes)
    found = {"linear": occupancy * gate, "interaction.linear": occupancy}
    spread = {name: values.std(axis=0) for name, values in found.items()}
    return {
        name: np.maximum(each, each.max() / 100).astype(np.float32) for name, each in spread.items()
    }


def readouts(model: "TiSFM", codes: Any) -> "xr.Dataset":
    """Everything that can be read off a model.

    Parameters
    ----------
    model : TiSFM
        The model.
    codes : array of uint8, ``(region, position)``
        Regions over which occupancies are averaged.

    Returns
    -------
    xarray.Dataset
        Along `motif`, `track`, `other_motif` and `distance`, with names as coordinates.
    """
    import xarray as xr

    weights = {n: v.detach().cpu().numpy().astype(np.float64) for n, v in model.named_parameters()}
    before, gate = pooled(model, codes)
    weight = weights["linear.weight"].T
    importance = weight * (before * gate).std(axis=0)[:, None]
    kernels = np.concatenate([weights["motifs.kernels"], weights["motifs.spare"]])
    data: dict[str, Any] = {
        "weight": (("motif", "track"), weight),
        "importance": (("motif", "track"), importance),
        "rank": (("motif", "track"), ranks(importance)),
        "track_bias": ("track", weights["linear.bias"]),
        "scale": ("motif", weights["motifs.scale"]),
        "bias": ("motif", weights["motifs.bias"]),
        "occupancy_mean": ("motif", before.mean(axis=0)),
        "occupancy_sd": ("motif", before.std(axis=0)),
        "kernel": (("motif", "base", "motif_position"), kernels),
        "kernel_start": ("motif", model.starts()[:, 0]),
        "kernel_width": ("motif", own_widths(model)),
    }
    if "pool.weight" in weights:
        data["pooling_weight"] = ("motif", weights["pool.weight"])
    if "attention.position" in weights:
        data["position_weight"] = ("distance", weights["attention.position"])
    if "interaction.linear.weight" in weights:
        pairs = ("motif", "other_motif")
        gates = weights["interaction.linear.weight"]
        strength = gates * before.std(axis=0) * np.abs(importance).max(axis=1)[:, None]
        np.fill_diagonal(strength, 0)
        data["interaction_weight"] = (pairs, gates)
        data["interaction_strength"] = (pairs, strength)
        data["interaction_bias"] = ("motif", weights["interaction.linear.bias"])
    names = np.asarray(model.motif_names, dtype=np.dtypes.StringDType())
    coords = {"motif": names, "track": np.asarray(model.tracks, dtype=np.dtypes.StringDType())}
    if "interaction_weight" in data:
        coords["other_motif"] = names
    return explained(xr.Dataset(data, coords), _MEANING)


def explained(dataset: "xr.Dataset", meanings: Mapping[str, str]) -> "xr.Dataset":
    """Say of each variable what it means, as its `long_name`."""
    for name, meaning in meanings.items():
        if name in dataset:
            dataset[name].attrs["long_name"] = meaning
    return dataset


def own_widths(model: "TiSFM") -> NDArray[np.int64]:
    """Widths ``(motif,)`` of the motifs, bp; spare ones fill the kernel."""
    spare = np.full(model.architecture.spare, model.bank.width)
    return np.concatenate([model.bank.widths, spare])


def ranks(importance: NDArray[Any]) -> NDArray[np.int64]:
    """Rank of each motif within a track, 1 for the largest absolute value; ``(motif, track)``."""
    order = np.argsort(-np.abs(importance), axis=0, kind="stable")
    place = np.empty_like(order)
    np.put_along_axis(place, order, np.arange(1, len(order) + 1)[:, None], axis=0)
    return place


def write_readouts(folder: Path, model: "TiSFM", data: "SignalData") -> None:
    """Write the readouts of a model beside it."""
    write_store(folder / READOUTS, readouts(model, data.codes[data.rows("train")]))


def write_store(path: Path, dataset: "xr.Dataset") -> None:
    """Write a dataset as a Zarr store, in place of what a run that was killed left there."""
    from finemo_zarr.store import new_group, write_dataset

    group = new_group(path)
    write_dataset(group, dataset)
    group.update_attributes({"format": FORMAT})


def open_store(path: Path | str) -> "xr.Dataset":
    """Open readouts, the weights along a path, or an evaluation; values are read when needed.

    Raises
    ------
    ReadError
        If there is no such store.
    """
    import xarray as xr

    from finemo_zarr.errors import ReadError

    path = Path(path)
    if not path.is_dir():
        raise ReadError(
            f"{path}: no such store; is {path.parent} what train-tisfm, tisfm-path or"
            " evaluate-tisfm wrote?"
        )
    opened: xr.Dataset = xr.open_zarr(path, chunks=None, consolidated=False, zarr_format=3)
    return opened


def open_readouts(folder: Path | str) -> "xr.Dataset":
    """Open the readouts of a folder that `train-tisfm` or `tisfm-path` wrote.

    Raises
    ------
    ReadError
        If there are none.
    """
    return open_store(Path(folder) / READOUTS)
