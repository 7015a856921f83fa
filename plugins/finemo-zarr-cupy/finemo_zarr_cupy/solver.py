"""The solver `cupy`: what finemo-zarr sees of this plugin."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from finemo_zarr.errors import FinemoError, SchemaError
from finemo_zarr.model import create_hits, create_qc
from finemo_zarr.protocols import HitsAndQC, Job, option
from finemo_zarr_cupy.block import HIT_COLUMNS, QC_COLUMNS, Block
from finemo_zarr_cupy.device import check_device, find_backend

if TYPE_CHECKING:
    import xarray as xr

# Region x base x motif. Two cores solve this in about 15 seconds, a device has to be woken and its
# kernel compiled first: an estimate, until it is measured on one.
_PAYS = 2e10


@dataclass(frozen=True)
class CuPySolver:
    """Active-set coordinate descent in batches of regions.

    The hits are those of `coordinate-descent`, ties included: of columns that are the same the
    ``+`` strand is called, and the motif that comes first.
    """

    name: ClassVar[str] = "cupy"
    summary: ClassVar[str] = "exact active-set coordinate descent on a CUDA device (CuPy)"
    ragged: ClassVar[bool] = True

    tolerance: float = option(
        "-c",
        "--convergence-tol",
        default=5e-4,
        help="Largest duality gap per base of a region that counts as converged.",
    )
    max_steps: int = option(
        "-S",
        "--max-steps",
        default=10_000,
        help="Steps allowed per region (for cupy, sweeps over its working set).",
    )
    device: str = option(
        "--device",
        default="auto",
        metavar="DEVICE",
        help="auto (a CUDA device if there is one), cpu, cuda or cuda:N.",
    )
    batch_regions: int | None = option(
        "--batch-regions",
        default=None,
        metavar="N",
        help="Regions solved together; by default as many as fit, and fewer when they do not.",
    )

    def __post_init__(self) -> None:
        check_device(self.device)
        if not self.tolerance > 0:
            raise SchemaError(f"the tolerance is {self.tolerance}, expected a number above 0")
        if self.max_steps < 1:
            raise SchemaError(f"the number of steps is {self.max_steps}, expected at least 1")
        if self.batch_regions is not None and self.batch_regions < 1:
            raise SchemaError(f"a batch has {self.batch_regions} regions, expected at least 1")

    @staticmethod
    def pays(job: Job) -> tuple[bool, str]:
        """Whether there is a device, and the job large enough for it."""
        try:
            find_backend("cuda")
        except FinemoError:
            return False, "no CUDA device"
        if job.n_regions * job.width * job.n_motifs < _PAYS:
            return False, "the job is too small for a GPU to pay"
        return True, "a CUDA device, and a job large enough to pay"

    def solve(self, regions: "xr.Dataset", motifs: "xr.Dataset") -> HitsAndQC:
        """Return hits and qc of one block; see :class:`finemo_zarr.protocols.Solver`."""
        backend = find_backend(self.device)
        with backend.active():
            block = Block(backend, regions, motifs)
            size = self.batch_regions or block.regions_that_fit()
            solved = block.solve(size, self.max_steps)
        columns = {name: _joined(solved, name) for name in (*HIT_COLUMNS, *QC_COLUMNS)}
        hits = {name: columns[name] for name in HIT_COLUMNS}
        qc = {name: columns[name] for name in QC_COLUMNS}
        qc["converged"] = qc["dual_gap"] <= self.tolerance
        return HitsAndQC(create_hits(hits | _placed(motifs, hits)), create_qc(qc))


def _joined(solved: list[dict[str, Any]], name: str) -> Any:
    return np.concatenate([np.zeros(0, np.int64), *(part[name] for part in solved)])


def _placed(motifs: "xr.Dataset", hits: dict[str, Any]) -> dict[str, Any]:
    """Where hits lie, from motif and start of the core."""
    motif, core_start = hits["motif"].astype(np.int64), hits["start"]
    start, end, width = (
        motifs[name].values[motif] for name in ("motif_start", "motif_end", "motif_width")
    )
    return {
        "end": core_start + end - start,
        "start_untrimmed": core_start - start,
        "end_untrimmed": core_start - start + width,
    }
