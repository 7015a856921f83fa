"""How a model is fitted: rate, penalty, schedule, when to stop."""

from dataclasses import asdict, dataclass
from math import inf
from typing import Any, Literal

from finemo_zarr.errors import RunError
from finemo_zarr.protocols import option

Penalised = Literal["linear", "interaction"]
Learn = Literal["usual", "all", "last"]
Pooling = Literal["attention", "max", "mean"]


@dataclass(frozen=True, kw_only=True)
class FitOptions:
    """One field for each option of the training."""

    epochs: int = option(
        "--epochs", default=100, metavar="N", help="Passes over the data, at most."
    )
    batch: int = option("--batch-size", default=254, metavar="N", help="Regions in a step.")
    rate: float = option("--lr", default=1e-3, metavar="RATE", help="Rate of learning.")
    penalty: Literal["l1", "mcp"] = option(
        "--penalty",
        default="mcp",
        help="Penalty that makes weights exactly zero; mcp leaves large ones as they are.",
    )
    strength: float = option(
        "-l", "--lambda", default=0.0, metavar="LAMBDA", help="Strength of the penalty; 0 for none."
    )
    concavity: float = option(
        "--mcp-b",
        default=3.0,
        metavar="B",
        help="mcp: weights above B times lambda are left alone.",
    )
    penalised: tuple[Penalised, ...] = option(
        "--penalise", default=("linear",), help="Layers whose weights are penalised."
    )
    units: Literal["weight", "importance"] = option(
        "--penalty-units",
        default="weight",
        help="What is penalised: weights, or weights times the standard deviation, at the start, of"
        " what they multiply, so that motifs whose occupancies hardly vary are not favoured.",
    )
    patience: int = option(
        "--patience",
        default=10,
        metavar="N",
        help="Epochs without a better sum of validation error and penalty after which the rate is"
        " divided by ten.",
    )
    early_stopping: bool = option(
        "--early-stopping",
        default=False,
        help="End when the rate is at --least-lr, after one epoch at the earliest.",
    )
    least_rate: float = option(
        "--least-lr", default=1e-7, metavar="RATE", help="The rate at which to end."
    )
    learn: Learn = option(
        "--learn",
        default="usual",
        help="What learns: usual (all but the motifs), all (the motifs, too), or last (the weights"
        " of the motifs for the tracks only).",
    )
    seed: int = option("--seed", default=0, metavar="N", help="Seed.")
    device: str = option(
        "--device",
        default="auto",
        metavar="DEVICE",
        help="auto (a GPU if there is one), cpu, cuda.",
    )

    def __post_init__(self) -> None:
        for flag, value in (("--epochs", self.epochs), ("--batch-size", self.batch)):
            if value < 1:
                raise ValueError(f"{flag} is {value}, expected at least 1")
        for flag, number in (("--lr", self.rate), ("--mcp-b", self.concavity)):
            if not 0 < number < inf:
                raise ValueError(f"{flag} is {number}, expected more than 0")
        if not 0 <= self.strength < inf:
            raise ValueError(f"--lambda is {self.strength}, expected 0 or more")
        if self.patience < 0 or self.seed < 0:
            raise ValueError("--patience and --seed must be 0 or more")

    def fit_values(self) -> dict[str, Any]:
        """The options of the training as JSON can hold them."""
        own = {name: value for name, value in asdict(self).items() if name in _FIELDS}
        return {name: list(v) if isinstance(v, tuple) else v for name, v in own.items()}


_FIELDS = tuple(FitOptions.__dataclass_fields__)


def fit_options(options: FitOptions, **changes: Any) -> FitOptions:
    """The options of the training alone, some of them changed."""
    return FitOptions(**{name: getattr(options, name) for name in _FIELDS} | changes)


def find_device(name: str) -> str:
    """Choose a device.

    Raises
    ------
    RunError
        If there is none of the name.
    """
    import torch

    if name == "auto":
        return "cuda" if torch.cuda.is_available() else "cpu"
    try:
        torch.zeros(1, device=name)
    except (RuntimeError, AssertionError) as error:
        raise RunError(f"--device {name}: {str(error).splitlines()[0]}") from error
    return name
