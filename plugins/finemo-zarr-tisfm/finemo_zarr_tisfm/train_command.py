"""``train-tisfm``: sequences, signal and motifs into a model that can be read."""

import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from finemo_zarr.errors import InputWarning, SchemaError
from finemo_zarr.progress import progress
from finemo_zarr.protocols import option
from finemo_zarr.store import staged, state_path, write_file
from finemo_zarr_tisfm.fitting import FitOptions, Pooling, fit_options
from finemo_zarr_tisfm.options import DataOptions

if TYPE_CHECKING:
    from collections.abc import Callable

    from finemo_zarr.store import Location
    from finemo_zarr_tisfm.data import SignalData
    from finemo_zarr_tisfm.model import Architecture, TiSFM

HISTORY = "history.tsv"

_LAYERS = {  # options, and what of the architecture each says
    "no_attention": "attention",
    "no_interaction": "interaction",
    "no_sigmoid": "sigmoid",
    "pooling": "pooling",
    "pool_start": "pool_start",
    "calibration_power": "calibration_power",
    "spare": "spare",
}


@dataclass(frozen=True, kw_only=True)
class TrainingCommand(DataOptions, FitOptions):
    """What training one model and a path of models have in common."""

    motifs: Path | None = option(
        "-m",
        "--motifs",
        default=None,
        metavar="FILE",
        help="Motifs: MEME format, or TF-MoDISco; not needed with --start-from.",
    )
    out: Path = option("-o", "--out", metavar="DIR", help="Folder to write.")
    start_from: Path | None = option(
        "--start-from",
        default=None,
        metavar="DIR",
        help="Model whose weights to start from; its layers are taken, too.",
    )
    no_attention: bool = option(
        "--no-attention", default=False, help="Leave out the attention over positions."
    )
    no_interaction: bool = option(
        "--no-interaction", default=False, help="Leave out the gates of motifs by motifs."
    )
    no_sigmoid: bool = option(
        "--no-sigmoid", default=False, help="Pool scores, not occupancies between 0 and 1."
    )
    pooling: Pooling = option(
        "--pooling", default="attention", help="How the places of a region are pooled."
    )
    pool_start: float = option(
        "--pool-start",
        default=8.0,
        metavar="W",
        help="Attention pooling starts between mean (0) and maximum (infinity).",
    )
    calibration_power: float = option(
        "--calibration-power",
        default=100.0,
        metavar="N",
        help="Occupancies start as the chance that a score is the best of N random ones; 0 for a"
        " plain sigmoid of the score.",
    )
    spare: int = option(
        "--spare",
        default=2,
        metavar="N",
        help="Kernels that begin at random and are free to learn.",
    )
    overwrite: bool = option("--overwrite", default=False, help="Replace output that exists.")

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.spare < 0:
            raise ValueError(f"--spare is {self.spare}, expected 0 or more")
        if self.motifs is None and self.start_from is None:
            raise ValueError("give motifs (-m), or a model to start from (--start-from)")

    def make_model(self, data: "SignalData") -> "TiSFM":
        """Make the model, with the mean signal as the bias of each track.

        Warns
        -----
        InputWarning
            If a track is constant.

        Raises
        ------
        SchemaError
            If the model to start from is for other tracks, sequences or motifs, or has other
            layers than asked for.
        """
        import torch

        from finemo_zarr_tisfm.bank import read_bank
        from finemo_zarr_tisfm.model import TiSFM

        _warn_of_constant_tracks(data)
        if self.start_from is not None:
            return self._started(self.start_from, data)
        torch.manual_seed(self.seed)
        bank = read_bank(Path(self.motifs or ""))
        model = TiSFM(bank, data.window, data.tracks, self._architecture())
        with torch.no_grad():
            model.linear.weight.zero_()
            model.linear.bias.copy_(torch.from_numpy(data.signal[data.rows("train")].mean(axis=0)))
        return model

    def _architecture(self) -> "Architecture":
        from finemo_zarr_tisfm.model import Architecture

        return Architecture(
            attention=not self.no_attention,
            interaction=not self.no_interaction,
            pooling=self.pooling,
            sigmoid=not self.no_sigmoid,
            calibration_power=self.calibration_power,
            pool_start=self.pool_start,
            spare=self.spare,
        )

    def _started(self, folder: Path, data: "SignalData") -> "TiSFM":
        """The model to start from, if it is for these data, motifs and layers."""
        from finemo_zarr_tisfm.bank import read_bank
        from finemo_zarr_tisfm.files import load_model

        model = load_model(folder)
        if (model.window, model.tracks) != (data.window, data.tracks):
            raise SchemaError(f"{folder}: a model of other tracks, or another width")
        asked = self._architecture()
        wrong = [
            flag
            for name, flag in self.given(_LAYERS).items()
            if getattr(asked, _LAYERS[name]) != getattr(model.architecture, _LAYERS[name])
        ]
        if wrong:
            raise SchemaError(
                f"{', '.join(wrong)}: the model {folder} has other layers, which are taken; leave"
                " it out, or train without --start-from"
            )
        if self.motifs is not None:
            bank = read_bank(self.motifs)
            if (bank.names, bank.widths.tolist()) != (model.bank.names, model.bank.widths.tolist()):
                raise SchemaError(
                    f"{self.motifs}: other motifs than those of the model {folder}, which are"
                    " taken; leave -m out, or train without --start-from"
                )
        return model

    def facts(self, data: "SignalData") -> dict[str, Any]:
        """What is kept with a model beside its weights."""
        from finemo_zarr_tisfm.data import spread_of

        scaling = None
        if data.scaling is not None:
            scaling = {"mean": data.scaling[0].tolist(), "sd": data.scaling[1].tolist()}
        return {
            "data": self.data_values(),
            "training": self.fit_values(),
            "motifs": self._motif_file(),
            "scaling": scaling,
            "signal_sd": spread_of(data.signal[data.rows("train")]).tolist(),
        }

    def _motif_file(self) -> str | None:
        from finemo_zarr_tisfm.files import read_description

        if self.motifs is None and self.start_from is not None:
            found: str | None = read_description(self.start_from)["facts"].get("motifs")
            return found
        return str(Path(self.motifs or "").resolve())


@dataclass(frozen=True, kw_only=True)
class TrainTisfm(TrainingCommand):
    """Trains one model."""

    name: ClassVar[str] = "train-tisfm"
    resumes: ClassVar[bool] = True
    summary: ClassVar[str] = "Train a model from sequence to signal whose weights are motifs."
    examples: ClassVar[str] = """
  finemo-zarr train-tisfm -m cisbp.meme -s signal.tsv --sequences sequences.tsv --splits splits
      -o model
  finemo-zarr train-tisfm -m jaspar.meme -r regions.zarr -s signal.tsv -l 1e-3 -o model
  finemo-zarr train-tisfm -m jaspar.meme -p peaks.narrowPeak -f genome.fa -b B.bw T.bw NK.bw
      --zscore --test-chroms chr1 --validation-chroms chr2 -o model

A run that was ended goes on where it was when the same command is given again."""

    def run(self) -> str:
        """Train, and write model, history and readouts."""
        from finemo_zarr_tisfm.readouts import write_readouts
        from finemo_zarr_tisfm.training import Trainer, objective

        data = self.read_data()
        model = self.make_model(data)
        with staged(
            self.out, overwrite=self.overwrite, replaceable=is_model, resumable=True
        ) as work:
            folder = Path(str(work))
            checkpoint = Path(str(state_path(self.out))) / "checkpoint.npz"
            trainer = Trainer(model, data, fit_options(self), checkpoint)
            with shown("training", self.epochs, len(trainer.history)) as report:
                history = trainer.run(report)
            save(folder, model, history, self.facts(data))
            write_readouts(folder, model, data)
        best = min(history, key=objective)
        return (
            f"{len(history)} epochs, validation error {best['validation_error']:.4g} at epoch "
            f"{best['epoch']:.0f}\nmodel: {self.out}"
        )


def _warn_of_constant_tracks(data: "SignalData") -> None:
    from finemo_zarr_tisfm.data import spread_of

    spread = spread_of(data.signal[data.rows("train")])
    if same := [track for track, own in zip(data.tracks, spread, strict=True) if not own]:
        warnings.warn(
            f"the signal of {', '.join(same)} is the same in all regions of the training: of such a"
            " track nothing can be learned, and the model will find no hits",
            InputWarning,
            stacklevel=3,
        )


def save(
    folder: Path, model: "TiSFM", history: list[dict[str, float]], facts: Mapping[str, Any]
) -> None:
    """Write a model and the history of its training."""
    from finemo_zarr_tisfm.files import save_model

    save_model(folder, model, facts)
    lines = ["\t".join(history[0])]
    lines += ["\t".join(f"{value:.10g}" for value in row.values()) for row in history]
    write_file(folder / HISTORY, ("\n".join(lines) + "\n").encode())


def is_model(path: "Location") -> bool:
    """Whether a folder holds a model, which may be replaced."""
    return (path / "model.json").is_file()


@contextmanager
def shown(what: str, total: int, done: int = 0) -> Iterator["Callable[[dict[str, float]], None]"]:
    """Show how far the training is, and its errors; yields what is told each epoch."""
    with progress(what, total, done) as advance:
        yield lambda row: advance(
            1, f"{what}: errors {row['train_error']:.4g}, {row['validation_error']:.4g}"
        )
