"""What the commands of finemo-zarr-tisfm leave, simulated: the plugin is not needed."""

import json
from pathlib import Path

import numpy as np
import polars as pl
import xarray as xr
import zarr

from finemo_zarr.store import write_dataset

TRACKS = ("B", "T", "NK")
MOTIFS = ("SPI1", "EBF1", "TCF7", "TBX21", "<i>CTCF</i>", "spare_1")
WINDOW, WIDTH = 60, 10
LAMBDAS = (0.0, 0.01, 0.1)


def words(values) -> np.ndarray:
    return np.asarray(values, dtype=np.dtypes.StringDType())


def write_store(path: Path, dataset: xr.Dataset) -> None:
    write_dataset(zarr.create_group(str(path), zarr_format=3), dataset)


def weights() -> np.ndarray:
    """``(motif, track)``: each track has its motif, SPI1 acts on two, CTCF on none."""
    weight = np.zeros((len(MOTIFS), len(TRACKS)))
    weight[1, 0], weight[2, 1], weight[3, 2] = 2.0, 1.5, 1.0
    weight[0, :2] = 1.0, -0.5
    weight[5, 2] = 0.125
    return weight


def readouts(*, layers: bool = True) -> xr.Dataset:
    rng = np.random.default_rng(0)
    weight = weights()
    importance = 0.5 * weight
    order = np.argsort(-np.abs(importance), axis=0, kind="stable")
    rank = np.empty_like(order)
    np.put_along_axis(rank, order, np.arange(1, len(order) + 1)[:, None], axis=0)
    kernel = np.zeros((len(MOTIFS), 4, WIDTH))
    for motif in range(len(MOTIFS) - 1):
        bases = rng.integers(4, size=WIDTH - 2 - motif)
        kernel[motif, :, 1 : 1 + len(bases)] = 0.02
        kernel[motif, bases, 1 + np.arange(len(bases))] = 0.94
    kernel[-1] = rng.normal(size=(4, WIDTH))
    count = len(MOTIFS)
    data = {
        "weight": (("motif", "track"), weight),
        "importance": (("motif", "track"), importance),
        "rank": (("motif", "track"), rank),
        "track_bias": ("track", np.zeros(len(TRACKS))),
        "scale": ("motif", np.ones(count)),
        "bias": ("motif", np.zeros(count)),
        "occupancy_mean": ("motif", np.full(count, 0.2)),
        "occupancy_sd": ("motif", np.full(count, 0.4)),
        "kernel": (("motif", "base", "motif_position"), kernel),
    }
    coords = {"motif": words(MOTIFS), "track": words(TRACKS)}
    if layers:
        gates = np.zeros((count, count))
        gates[0, 1], gates[2, 3] = 1.5, -0.75
        pairs = ("motif", "other_motif")
        data["interaction_weight"] = (pairs, gates)
        data["interaction_strength"] = (pairs, 0.5 * gates)
        data["interaction_bias"] = ("motif", np.zeros(count))
        data["pooling_weight"] = ("motif", np.arange(count) + 6.0)
        data["position_weight"] = ("distance", np.linspace(-1, 1, WINDOW // 2))
        coords["other_motif"] = words(MOTIFS)
    return xr.Dataset(data, coords)


def write_model(folder: Path, read: xr.Dataset, **facts) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    write_store(folder / "readouts.zarr", read)
    said = {
        "format": 1,
        "window": WINDOW,
        "tracks": list(TRACKS),
        "architecture": {"pooling": "attention", "pool_start": 8.0},
        "facts": {
            "motifs": "motifs.meme",
            "data": {"zscore": True},
            "training": {"strength": 0.01, "epochs": 3},
        }
        | facts,
    }
    (folder / "model.json").write_text(json.dumps(said))
    columns = {
        "epoch": [1, 2, 3],
        "train_error": [0.9, 0.5, 0.4],
        "validation_error": [1.0, 0.6, 0.7],
        "learning_rate": [0.01] * 3,
    }
    pl.DataFrame(columns).write_csv(folder / "history.tsv", separator="\t")


def write_path(folder: Path, *, best: float = 0.01) -> None:
    """A path of three models, and the second and third of them."""
    read = readouts()
    write_model(folder, read, best_lambda=best, simplest_lambda=0.1)
    for index in (1, 2):
        write_model(folder / f"lambda_{index:03d}", read)
    weight = np.stack([(weights() + 0.125).T, weights().T, 0.5 * weights().T])
    errors = np.array([0.7, 0.6, 0.65])
    data = {
        "weight": (("lambda", "track", "motif"), weight),
        "validation_error": ("lambda", errors),
        "validation_error_se": ("lambda", np.full(3, 0.06)),
        "test_error": ("lambda", errors + 0.02),
        "validation_error_by_track": (("lambda", "track"), errors[:, None] + [-0.1, 0, 0.1]),
    }
    coords = {"lambda": np.array(LAMBDAS), "motif": words(MOTIFS), "track": words(TRACKS)}
    attrs = {"best_lambda": best, "simplest_lambda": 0.1}
    write_store(folder / "path.zarr", xr.Dataset(data, coords, attrs))


def write_evaluation(folder: Path, model: Path, *, tracks=TRACKS, weak: bool = False) -> None:
    folder.mkdir()
    rng = np.random.default_rng(1)
    signal = rng.normal(size=(50, len(tracks)))
    predicted = signal + 0.5 * rng.normal(size=signal.shape)
    if weak:
        predicted[:, -1] = rng.normal(size=50)
    rows = [("all tracks", 0.25, 0.9, 0.9, 1.0)]
    for track, one, other in zip(tracks, predicted.T, signal.T, strict=True):
        pearson = np.corrcoef(one, other)[0, 1]
        rows.append((track, ((one - other) ** 2).mean(), pearson, pearson, other.var()))
    schema = ["track", "mse", "pearson", "spearman", "variance"]
    table = pl.DataFrame(rows, schema=schema, orient="row")
    table.write_csv(folder / "evaluation.tsv", separator="\t")
    pairs = ("region", "track")
    data = {"predicted": (pairs, predicted), "signal": (pairs, signal)}
    data["occupancy"] = (("region", "motif"), np.zeros((50, len(MOTIFS))))
    names = words([f"peak{index}" for index in range(50)])
    coords = {"region": names, "track": words(tracks), "motif": words(MOTIFS)}
    attrs = {"model": str(model), "part": "test"}
    write_store(folder / "evaluation.zarr", xr.Dataset(data, coords, attrs))
