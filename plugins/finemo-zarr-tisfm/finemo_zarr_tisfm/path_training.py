"""The models of a path, one after the other, and what is kept of them."""

import shutil
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from finemo_zarr_tisfm.files import load_model, read_description, save_model
from finemo_zarr_tisfm.fitting import FitOptions, fit_options
from finemo_zarr_tisfm.readouts import (
    READOUTS,
    explained,
    open_readouts,
    write_readouts,
    write_store,
)
from finemo_zarr_tisfm.train_command import HISTORY, TrainingCommand, save, shown
from finemo_zarr_tisfm.training import Trainer, predict

if TYPE_CHECKING:
    import polars as pl
    import xarray as xr

    from finemo_zarr_tisfm.data import SignalData
    from finemo_zarr_tisfm.model import TiSFM

PATH_STORE, PATH_TABLE = "path.zarr", "path.tsv"

_MEANING = {
    "weight": "Weight of the last layer.",
    "importance": "Weight times the standard deviation of the gated, pooled occupancy over the"
    " regions of the training.",
    "nonzero_weights": "Weights of the last layer that are not 0, of all tracks.",
    "validation_error": "Mean squared error of the validation regions.",
    "validation_error_se": "Its standard error.",
    "validation_error_by_track": "Mean squared error of the validation regions, of each track.",
    "test_error": "Mean squared error of the test regions.",
    "test_error_se": "Its standard error.",
    "test_error_by_track": "Mean squared error of the test regions, of each track.",
}


@dataclass
class PathTraining:
    """A path that is being trained.

    Parameters
    ----------
    options : TrainingCommand
        How each model is trained.
    data : SignalData
        What on.
    step_rate : float or None
        Rate of learning from the second model on.
    folder, state : Path
        What is written, and where it is kept how far the training is.
    """

    options: TrainingCommand
    data: "SignalData"
    step_rate: float | None
    folder: Path
    state: Path
    rows: list[dict[str, Any]] = field(default_factory=list)

    def step(self, index: int, strength: float, model: "TiSFM") -> "TiSFM":
        """Train one model, or go on with it, or take it if it is done."""
        options = self._fit_options(index, strength)
        trainer = Trainer(model, self.data, options, self.state / f"checkpoint_{index:03d}.npz")
        what = f"lambda {strength:g}"
        with shown(what, options.epochs, len(trainer.history)) as report:
            history = trainer.run(report)
        facts = self.options.facts(self.data) | {"training": options.fit_values()}
        folder = self.folder / f"lambda_{index:03d}"
        save(folder, model, history, facts)
        write_readouts(folder, model, self.data)
        self._record(strength, model)
        return model

    def _fit_options(self, index: int, strength: float) -> FitOptions:
        step = self.options.rate / 10 if self.step_rate is None else self.step_rate
        rate = self.options.rate if index == 0 else step
        return replace(fit_options(self.options), strength=strength, rate=rate)

    def _record(self, strength: float, model: "TiSFM") -> None:
        nonzero = int((model.linear.weight != 0).sum())
        row: dict[str, Any] = {"lambda": strength, "nonzero_weights": nonzero}
        for part in ("validation", "test"):
            if not self.data.parts[part].size:
                continue
            rows = self.data.rows(part)
            squares = (predict(model, self.data.codes[rows]) - self.data.signal[rows]) ** 2
            row[f"{part}_error"] = float(squares.mean())
            row[f"{part}_error_se"] = float(squares.mean(axis=1).std() / np.sqrt(len(rows)))
            names = [f"{part}_error_{track}" for track in self.data.tracks]
            row |= dict(zip(names, squares.mean(axis=0).astype(float).tolist(), strict=True))
        self.rows.append(row)

    def finish(self, *, simplest: bool = False) -> str:
        """Write tables, weights and the chosen model; returns a line for each model.

        Parameters
        ----------
        simplest : bool
            Choose the model of the largest penalty whose error is within a standard error of the
            least; by default that of the least.
        """
        import polars as pl

        table = pl.DataFrame(self.rows)
        rows = chosen(table["validation_error"], table["validation_error_se"])
        folders = [self.folder / f"lambda_{index:03d}" for index in range(len(self.rows))]
        source = folders[rows[simplest]]
        model = load_model(source)
        names = ("best_lambda", "simplest_lambda")
        choice = {name: self.rows[row]["lambda"] for name, row in zip(names, rows, strict=True)}
        save_model(self.folder, model, read_description(source)["facts"] | choice)
        for name in (READOUTS, HISTORY):
            _copy(source / name, self.folder / name)
        table.write_csv(self.folder / PATH_TABLE, separator="\t")
        read = [open_readouts(folder) for folder in folders]
        write_store(self.folder / PATH_STORE, path_dataset(read, table, choice))
        return "\n".join(_said(index, row, rows) for index, row in enumerate(self.rows))


def chosen(errors: Any, spreads: Any) -> tuple[int, int]:
    """Rows of the least validation error, and of the last within its standard error of that.

    Where errors are equal, the stronger penalty wins.
    """
    errors = np.asarray(errors)
    best = len(errors) - 1 - int(np.argmin(errors[::-1]))
    within = np.flatnonzero(errors <= errors[best] + np.asarray(spreads)[best])
    return best, int(within.max())


def _said(index: int, row: dict[str, Any], rows: tuple[int, int]) -> str:
    names = ("least error", "simplest within its standard error")
    roles = [name for name, chosen_row in zip(names, rows, strict=True) if chosen_row == index]
    return (
        f"lambda_{index:03d}: {row['lambda']:<9.4g} validation error {row['validation_error']:.4f},"
        f" {row['nonzero_weights']} weights{'   ' * bool(roles)}{', '.join(roles)}"
    )


def path_dataset(
    read: Sequence["xr.Dataset"], table: "pl.DataFrame", attrs: dict[str, float]
) -> "xr.Dataset":
    """Weights and importances ``(lambda, track, motif)``, and errors, along a path.

    Parameters
    ----------
    read : sequence of xarray.Dataset
        Readouts of each model.
    table : polars.DataFrame
        Its penalty and errors, a row for each model.
    attrs : dict
        The chosen penalties.
    """
    import xarray as xr

    coords = {name: read[0][name].values for name in ("motif", "track")}
    coords["lambda"] = table["lambda"].to_numpy()
    data: dict[str, Any] = {}
    for name in ("weight", "importance"):
        values = [one[name].transpose("track", "motif").values for one in read]
        data[name] = (("lambda", "track", "motif"), np.stack(values))
    tracks = [str(track) for track in coords["track"]]
    for part in ("validation", "test"):
        names = [f"{part}_error_{track}" for track in tracks]
        if f"{part}_error" in table.columns:
            data[f"{part}_error_by_track"] = (("lambda", "track"), table[names].to_numpy())
            for name in (f"{part}_error", f"{part}_error_se"):
                data[name] = ("lambda", table[name].to_numpy())
    data["nonzero_weights"] = ("lambda", table["nonzero_weights"].to_numpy())
    return explained(xr.Dataset(data, coords, attrs), _MEANING)


def _copy(source: Path, target: Path) -> None:
    if target.is_dir():
        shutil.rmtree(target)  # what a run that was killed left
    (shutil.copytree if source.is_dir() else shutil.copyfile)(source, target)
