"""The solver `prox-gradient`: the algorithm of Fi-NeMo, on a GPU or on the CPU.

Proximal gradient with Nesterov momentum on the coefficients of all motifs at all positions, batched
over regions. It serves to compare with Fi-NeMo; where there is no GPU, `coordinate-descent` solves
the same problem many times faster.
"""

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from threading import Lock
from typing import TYPE_CHECKING, Any, ClassVar, Literal

import numpy as np

from finemo_zarr.errors import RunError, SchemaError
from finemo_zarr.model import create_hits, create_qc
from finemo_zarr.protocols import HitsAndQC, option
from finemo_zarr.solvers._hit_scores import score_hits
from finemo_zarr.solvers._hits import placed, problem_scores, region_scales
from finemo_zarr.solvers._options import check_stopping, max_steps_option, tolerance_option
from finemo_zarr.solvers._prox_gradient_batches import Answer, Settings, solve_block
from finemo_zarr.solvers._prox_gradient_problem import (
    Bank,
    Block,
    import_torch,
    make_bank,
    make_step,
)

if TYPE_CHECKING:
    import xarray as xr

_DEVICE = re.compile(r"auto|cpu|mps|cuda(:\d+)?")
# Below this tolerance the gap is lost in the rounding of single precision.
_SINGLE = 1e-6
# Arrays of one number per column that a step holds at a time, workspace of convolutions included.
_ARRAYS = 12
_SHARE = 0.7  # of the free memory
# Larger batches are not faster; on the CPU they leave the cache.
_LARGEST = {"cpu": 8, "cuda": 2000, "mps": 256}

# Blocks take turns on a GPU: each fills it, and torch's switches are the process's.
_TURN = Lock()


@dataclass(frozen=True)
class ProxGradient:
    """Proximal gradient with Nesterov momentum, as in Fi-NeMo.

    Where two columns are the same (a motif whose core is its own reverse complement, or a motif
    given twice) the solution is not unique; then the ``+`` strand is called, and the motif that
    comes first.

    By the correct gap, a region has converged if the duality gap at the coefficients that are
    returned is within the tolerance. By the reference's, it has if Fi-NeMo would have stopped: the
    iteration then rounds motifs to half precision as Fi-NeMo does, so that it takes the same steps;
    the gap that is reported is the correct one all the same.
    """

    name: ClassVar[str] = "prox-gradient"
    summary: ClassVar[str] = "Fi-NeMo's proximal gradient on a GPU or the CPU (torch)"

    tolerance: float = tolerance_option()
    max_steps: int = max_steps_option()
    step_size_max: float = option(
        "-s", "--step-size-max", default=3.0, help="Step size that a region begins with."
    )
    step_size_min: float = option(
        "-i",
        "--step-size-min",
        default=0.08,
        help="Step size below which a region has failed.",
    )
    step_adjust: float = option(
        "-j",
        "--step-adjust",
        default=0.7,
        help="What the step size of a region that diverges is multiplied by.",
    )
    batch_size: str = option(
        "-b",
        "--batch-size",
        default="auto",
        metavar="N",
        help="Regions in work at the same time: a number, or auto for what fits the device's"
        " memory.",
    )
    compile: bool = option("-J", "--compile", default=False, help="Compile the step.")
    device: str = option(
        "--device",
        default="auto",
        metavar="DEVICE",
        help="auto (a GPU if there is one), cpu, cuda, cuda:N or mps.",
    )
    gap: Literal["correct", "reference"] = option(
        "--gap",
        default="correct",
        help="Stop by the duality gap; or as Fi-NeMo does, by a figure that is no bound, with"
        " motifs in half precision.",
    )
    tf32: bool = option(
        "--tf32", default=False, help="Let a GPU round factors to 10 bits: faster, less exact."
    )

    def __post_init__(self) -> None:
        object.__setattr__(self, "batch_size", str(self.batch_size))
        check_stopping(self.tolerance, self.max_steps)
        for name in ("step_size_max", "step_size_min"):
            if not getattr(self, name) > 0:
                what = name.replace("_", " ")
                raise SchemaError(f"the {what} is {getattr(self, name)}, expected a number above 0")
        if self.step_size_min > self.step_size_max:
            raise SchemaError(
                f"the step sizes are {self.step_size_min} at least and {self.step_size_max} at "
                "most, expected the first to be the smaller"
            )
        if not 0 < self.step_adjust < 1:
            raise SchemaError(
                f"the step adjustment is {self.step_adjust}, expected a number between 0 and 1"
            )
        if self.batch_size != "auto" and not re.fullmatch(r"[1-9]\d*", self.batch_size):
            raise SchemaError(
                f"the batch size is {self.batch_size!r}, expected auto or a number above 0"
            )
        if not _DEVICE.fullmatch(self.device):
            raise SchemaError(
                f"the device is {self.device!r}, expected auto, cpu, cuda, cuda:N or mps"
            )
        if self.gap not in {"correct", "reference"}:
            raise SchemaError(f"the gap is {self.gap!r}, expected correct or reference")

    def solve(self, regions: "xr.Dataset", motifs: "xr.Dataset") -> HitsAndQC:
        """Return hits and qc of one block; see :class:`finemo_zarr.protocols.Solver`.

        Raises
        ------
        MissingDependencyError
            If torch is not installed.
        RunError
            If the device is not there, or not even one region fits into its memory.
        SchemaError
            If the regions have widths of their own.
        """
        import_torch()
        if "region_width" in regions:
            raise SchemaError(
                "the solver prox-gradient takes regions of one width: solve a block whose regions "
                "differ by finemo_zarr.execution.solving.solve_block, as call-hits does"
            )
        codes = np.ascontiguousarray(regions.region_sequence.values, dtype=np.uint8)
        scores = problem_scores(regions, motifs)
        length = codes.shape[1]
        scale = region_scales(regions, scores)
        scaled = np.divide(
            scores, scale[:, None, None], out=np.zeros_like(scores), where=scale[:, None, None] > 0
        )
        answer = self._solve_block(Block(scaled, codes, motifs.attrs["mode"][1] == "h"), motifs)
        columns = _hit_columns(answer, scale)
        columns |= placed(motifs, columns["motif"], columns["start"])
        places = (columns["region"], columns["motif"], columns["start"])
        columns |= score_hits(scores, codes, motifs, places)
        quality = {
            "nll": answer.squares / (2 * length),
            "dual_gap": answer.gap / length,
            "steps": answer.steps,
            "step_size": answer.step_size,
            "scale": scale,
            "converged": answer.converged,
        }
        return HitsAndQC(create_hits(columns), create_qc(quality))

    def _solve_block(self, block: Block, motifs: "xr.Dataset") -> Answer:
        torch = import_torch()
        device = _find_device(self.device)
        exact = "cpu" if device == "mps" else device
        single = self.tolerance >= _SINGLE or device == "mps"
        dtype = torch.float32 if single else torch.float64
        settings = Settings(
            tolerance=self.tolerance,
            max_steps=self.max_steps,
            size_max=self.step_size_max,
            size_min=self.step_size_min,
            adjust=self.step_adjust,
            reference=self.gap == "reference",
            step=make_step(compiled=self.compile),
        )
        with torch.inference_mode(), _one_thread() if device == "cpu" else _gpu(tf32=self.tf32):
            length = block.codes.shape[1]
            bank = make_bank(motifs, length, device, dtype, reference=settings.reference)
            banks = (bank, make_bank(motifs, length, exact, torch.float64))
            return solve_block(block, banks, settings, self._batch_size(bank))

    def _batch_size(self, bank: Bank) -> int:
        if self.batch_size != "auto":
            return int(self.batch_size)
        device = bank.allowed.device
        needed = _ARRAYS * bank.allowed.numel() * bank.kernels.weights.element_size()
        return int(min(max(_SHARE * _free_memory(device) / needed, 1), _LARGEST[device.type]))


def _find_device(device: str) -> str:
    """Return the device to use; raise if it is not there."""
    torch = import_torch()
    count = torch.cuda.device_count() if torch.cuda.is_available() else 0
    if device == "auto":
        return "cuda" if count else "cpu"
    kind, _, number = device.partition(":")
    missing = kind == "cuda" and int(number or 0) >= count
    if missing or (kind == "mps" and not torch.backends.mps.is_available()):
        raise RunError(
            f"torch {torch.__version__} finds no device {device} ({count} CUDA devices): use "
            "--device auto, or install a torch that is built for the device"
        )
    return device


def _free_memory(device: Any) -> float:
    """Bytes of a device that are free, as far as it tells."""
    torch = import_torch()
    if device.type == "cuda":
        # What torch holds and does not use can be had again, though the device calls it taken.
        kept = torch.cuda.memory_reserved(device) - torch.cuda.memory_allocated(device)
        return float(torch.cuda.mem_get_info(device)[0] + kept)
    if device.type == "mps":
        in_use = torch.mps.current_allocated_memory()
        return float(torch.mps.recommended_max_memory() - in_use)
    try:
        return float(os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE"))
    except (AttributeError, OSError, ValueError):  # not said on this system
        return float("inf")


@contextmanager
def _one_thread() -> Iterator[None]:
    """Keep torch to the calling thread: blocks run in parallel, and its own threads wait busily."""
    torch = import_torch()
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


@contextmanager
def _gpu(*, tf32: bool) -> Iterator[None]:
    """Wait for the turn, and set torch's switches for the same result every time."""
    torch = import_torch()
    matmul = torch.backends.cuda.matmul
    with (
        _TURN,
        torch.backends.cudnn.flags(
            enabled=True, benchmark=False, deterministic=True, allow_tf32=tf32
        ),
    ):
        before, matmul.allow_tf32 = matmul.allow_tf32, tf32
        try:
            yield
        finally:
            matmul.allow_tf32 = before


def _hit_columns(answer: Answer, scale: Any) -> dict[str, Any]:
    """Return region, motif, start and coefficients of the hits, in order."""
    table = np.concatenate([np.empty((4, 0)), *answer.coefficients], axis=1)
    table = table[:, np.lexsort(table[[1, 2, 0]])]
    region, motif, start = table[:3].astype(np.int64)
    return {
        "region": region,
        "motif": motif,
        "start": start,
        "coefficient": table[3],
        "coefficient_global": table[3] * scale[region] ** 2,
    }
