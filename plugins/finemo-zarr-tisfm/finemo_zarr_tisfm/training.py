"""Training that can be killed, started again, and gives the same history."""

from collections.abc import Callable, Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import torch  # noqa: TID253
from torch import Tensor, nn  # noqa: TID253

from finemo_zarr.errors import RunError
from finemo_zarr_tisfm.checkpoint import keep, restore, resume, run_key
from finemo_zarr_tisfm.data import SignalData
from finemo_zarr_tisfm.files import Arrays, set_state, state_arrays
from finemo_zarr_tisfm.fitting import FitOptions, find_device
from finemo_zarr_tisfm.groups import parameter_groups
from finemo_zarr_tisfm.model import TiSFM
from finemo_zarr_tisfm.prox import ProximalAdam

Row = dict[str, float]
COLUMNS = (
    "epoch",
    "train_error",
    "validation_error",
    "learning_rate",
    "nonzero_weights",
    "penalty",
)
_TOLERANCE = 1 + 1e-6  # a tenth of a tenth is not quite a hundredth
_SCHEDULE = ("best", "num_bad_epochs", "last_epoch", "cooldown_counter", "_last_lr")


def objective(row: Row) -> float:
    """What the best epoch has the least of: validation error and penalty."""
    return row["validation_error"] + row["penalty"]


def one_hot(codes: Tensor) -> Tensor:
    """One-hot sequences ``(batch, 4, position)`` of base codes; a base that is not known is 0."""
    bases = torch.arange(4, dtype=codes.dtype, device=codes.device)
    return (codes[:, None, :] == bases[:, None]).float()


def predict(model: TiSFM, codes: Any) -> np.ndarray:
    """Signal ``(region, track)`` of base codes ``(region, position)``."""
    device = next(model.parameters()).device
    model.eval()
    found = [np.zeros((0, len(model.tracks)), np.float32)]
    with torch.no_grad():
        for first in range(0, len(codes), model.batch):
            part = torch.as_tensor(codes[first : first + model.batch], device=device)
            found.append(model(one_hot(part)).cpu().numpy())
    return np.concatenate(found)


class Trainer:
    """Fits a model, epoch by epoch.

    Parameters
    ----------
    model : TiSFM
        The model, which is changed.
    data : SignalData
        Sequences and signal, split.
    options : FitOptions
        How.
    checkpoint : Path, optional
        Where it is kept how far the training is.

    Attributes
    ----------
    history : list of dict
        A row for each epoch.
    best : dict of array
        Weights at the least sum of validation error and penalty.
    """

    def __init__(
        self, model: TiSFM, data: SignalData, options: FitOptions, checkpoint: Path | None = None
    ) -> None:
        torch.manual_seed(options.seed)
        self.options, self.checkpoint = options, checkpoint
        self.device = find_device(options.device)
        self.model = model.to(self.device)
        self.rows = data.rows("train")
        self.codes = torch.as_tensor(data.codes, device=self.device)
        self.signal = torch.as_tensor(data.signal, device=self.device)
        self.validation = data.rows("validation")
        self.key = run_key(
            [asdict(model.architecture), model.tracks, options.fit_values()],
            [data.codes, data.signal, *data.parts.values(), *state_arrays(model).values()],
        )
        self.history: list[Row] = []
        self.best: Arrays = state_arrays(model)
        self.optimiser = ProximalAdam(
            parameter_groups(self.model, options, data.codes[self.rows]),
            options.rate,
            options.penalty,
            options.strength,
            options.concavity,
        )
        self.schedule = torch.optim.lr_scheduler.ReduceLROnPlateau(
            self.optimiser, patience=options.patience, eps=0
        )
        self._resume()

    @property
    def rate(self) -> float:
        """Rate of learning."""
        return float(self.optimiser.param_groups[0]["lr"])

    @property
    def done(self) -> bool:
        """Whether there is nothing left to do."""
        least = self.options.least_rate * _TOLERANCE
        # One epoch in any case: a model that was not trained has no best epoch.
        stop = self.options.early_stopping and self.rate <= least and bool(self.history)
        return len(self.history) >= self.options.epochs or stop

    def run(self, report: Callable[[Row], None] = lambda _: None) -> list[Row]:
        """Train to the end, and leave the model with its best weights.

        Parameters
        ----------
        report : callable
            Is told of each epoch.
        """
        while not self.done:
            report(self._epoch())
        set_state(self.model, self.best)
        self.model.eval()
        return self.history

    def _epoch(self) -> Row:
        epoch, rate = len(self.history) + 1, self.rate
        trained = self._train(epoch)
        error = self._error(self.validation)
        if not np.isfinite([trained, error]).all():
            raise RunError(f"epoch {epoch}: the error is not finite; give a smaller rate (--lr)")
        penalty = self.optimiser.penalties()
        # Without the penalty, a warm start would be best where it is hardly penalised yet.
        if error + penalty < min(map(objective, self.history), default=np.inf):
            self.best = state_arrays(self.model)
        self.schedule.step(error + penalty)
        nonzero = int((self.model.linear.weight != 0).sum())
        row = dict(zip(COLUMNS, (epoch, trained, error, rate, nonzero, penalty), strict=True))
        self.history.append(row)
        if self.checkpoint is not None:
            self._keep(self.checkpoint)
        return row

    def _train(self, epoch: int) -> float:
        self.model.train()
        order = np.random.default_rng([self.options.seed, 2, epoch]).permutation(self.rows)
        total = 0.0
        for rows in _batches(order, self.options.batch):
            self.optimiser.zero_grad()
            loss = self._loss(rows)
            torch.autograd.backward(loss)
            self.optimiser.step()
            total += float(loss.detach()) * len(rows)
        return total / len(order)

    def _loss(self, rows: np.ndarray) -> Tensor:
        index = torch.as_tensor(rows, device=self.device)
        return nn.functional.mse_loss(self.model(one_hot(self.codes[index])), self.signal[index])

    def _error(self, rows: np.ndarray) -> float:
        self.model.eval()
        with torch.no_grad():
            sums = [
                float(self._loss(part)) * len(part) for part in _batches(rows, self.model.batch)
            ]
        return sum(sums) / len(rows)

    def _keep(self, path: Path) -> None:
        schedule = {name: getattr(self.schedule, name) for name in _SCHEDULE}
        facts = {"key": self.key, "history": self.history, "rate": self.rate, "schedule": schedule}
        keep(path, facts, {"model": state_arrays(self.model), "best": self.best}, self.optimiser)

    def _resume(self) -> None:
        kept = None if self.checkpoint is None else resume(self.checkpoint, self.key)
        if kept is None:
            return
        facts, arrays = kept
        set_state(self.model, arrays["model"])
        self.best, self.history = arrays["best"], facts["history"]
        for name, value in facts["schedule"].items():
            setattr(self.schedule, name, value)
        restore(self.optimiser, facts["rate"], arrays.get("adam", {}))


def _batches(rows: np.ndarray, size: int) -> Iterator[np.ndarray]:
    for first in range(0, len(rows), size):
        yield rows[first : first + size]
