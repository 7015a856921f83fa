"""The options of the commands that need a model."""

from dataclasses import dataclass
from typing import Any, Literal

from finemo_zarr.errors import RunError
from finemo_zarr.protocols import option
from finemo_zarr_tangermeme.head import with_head
from finemo_zarr_tangermeme.models import load_model
from finemo_zarr_tangermeme.packages import package


@dataclass(frozen=True, kw_only=True)
class ModelOptions:
    """A model, and which number of it is meant.

    Parameters
    ----------
    model : str
        Function or file.
    output, task : int
        Which output, and which column of it.
    reduce : {"none", "mean", "sum", "profile"}
        How positions become one number.
    controls : int, optional
        Control tracks, filled with zeros.
    trust_pickle : bool
        Load a pickled module.
    device : str
        ``auto``, or one of torch.
    batch_size : int
        Sequences at once.
    """

    model: str = option(
        "--model",
        metavar="MODEL",
        help="package.module:function or path.py:function that returns a torch.nn.Module,"
        " bpnet-lite:FILE, or a file of TorchScript or torch.export. It takes one-hot sequences"
        " (batch, 4, length).",
    )
    output: int = option(
        "--output", default=0, metavar="N", help="Which output, where the model has several."
    )
    reduce: Literal["none", "mean", "sum", "profile"] = option(
        "--reduce",
        default="none",
        help="How the positions of an output become one number; profile: logits weighted by their"
        " probability.",
    )
    task: int = option("--task", default=0, metavar="N", help="Which column of what is left.")
    controls: int | None = option(
        "--controls",
        default=None,
        metavar="N",
        help="Control tracks that the model wants, which are zeros; by default its own"
        " n_control_tracks.",
    )
    trust_pickle: bool = option(
        "--trust-pickle",
        default=False,
        help="Load a pickled module or a file of torch.export: runs whatever code is in it.",
    )
    device: str = option(
        "--device", default="auto", metavar="NAME", help="auto, cpu, cuda, cuda:1, mps."
    )
    batch_size: int = option(
        "--batch-size", default=64, metavar="N", help="Sequences that the model sees at once."
    )

    def __post_init__(self) -> None:
        if self.batch_size < 1:
            raise RunError(f"--batch-size is {self.batch_size}, expected 1 or more")
        if self.output < 0 or self.task < 0 or (self.controls or 0) < 0:
            raise RunError("--output, --task and --controls count from 0")

    def head(self) -> tuple[Any, bool]:
        """The model with one number per sequence, and whether DeepLIFT can follow it.

        Raises
        ------
        ReadError
            If it cannot be loaded.
        """
        package("tangermeme.deep_lift_shap", "A model")
        model, transparent = load_model(self.model, trust_pickle=self.trust_pickle)
        head = with_head(model, self.output, self.reduce, self.task, self.controls)
        return head, transparent

    def torch_device(self) -> str:
        """Name of the device."""
        torch = package("torch", "A model")
        if self.device != "auto":
            return self.device
        return "cuda" if torch.cuda.is_available() else "cpu"
