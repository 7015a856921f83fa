"""The solver `coordinate-descent`: exact, on the CPU.

An active-set method. A pass over all positions finds the columns that violate their optimality
condition; coordinate descent settles the columns found so far; only positions whose residual
changed, and at which a bound does not rule a violation out, are passed over again. When no column
violates its condition the solution is optimal, whatever tolerance was asked for.

The bound is Cauchy-Schwarz on what is under a core: the product of a column with the residual is at
most the norm of the weights times the norm of the residual there, times the column's scale.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import numpy as np
from numpy.typing import NDArray

from finemo_zarr.model import create_hits, create_qc
from finemo_zarr.protocols import HitsAndQC
from finemo_zarr.solvers._columns import core_room, core_weights, equal_motifs, largest_squares
from finemo_zarr.solvers._hits import given_scales, placed, problem_scores, region_widths
from finemo_zarr.solvers._options import check_stopping, max_steps_option, tolerance_option

if TYPE_CHECKING:
    import xarray as xr

    from finemo_zarr.solvers._state_kernels import Bank, Data

FloatArray = NDArray[np.float64]

_CACHE_LINE = 64
_MANY_MOTIFS = 256  # from here on, motifs of one core width fill the wider vectors
_ROOM = 512


@dataclass(frozen=True)
class CoordinateDescent:
    """Active-set coordinate descent.

    Where two columns are the same (a motif whose core is its own reverse complement, or a motif
    given twice) the solution is not unique; then the ``+`` strand is called, and the motif that
    comes first.
    """

    name: ClassVar[str] = "coordinate-descent"
    summary: ClassVar[str] = "exact active-set coordinate descent on the CPU (Numba)"
    ragged: ClassVar[bool] = True

    tolerance: float = tolerance_option()
    max_steps: int = max_steps_option()

    def __post_init__(self) -> None:
        check_stopping(self.tolerance, self.max_steps)

    def solve(self, regions: "xr.Dataset", motifs: "xr.Dataset") -> HitsAndQC:
        """Return hits and qc of one block; see :class:`finemo_zarr.protocols.Solver`."""
        from finemo_zarr.solvers._state_kernels import Data

        data = Data(
            codes=np.ascontiguousarray(regions.region_sequence.values, dtype=np.uint8),
            scores=np.ascontiguousarray(problem_scores(regions, motifs)),
            widths=region_widths(regions),
            scales=given_scales(regions),
        )
        hits, qc = self._solve_block(_bank(motifs), data)
        region, motif, start = hits[:, :3].T.astype(np.int64)
        scored = ("coefficient", "coefficient_global", "similarity", "importance", "importance_sq")
        columns = {"region": region, **placed(motifs, motif, start)}
        columns |= dict(zip(scored, hits[:, 3:].T, strict=True))
        quality = dict(zip(("nll", "dual_gap", "steps", "scale"), qc.T, strict=True))
        quality["converged"] = qc[:, 1] <= self.tolerance
        return HitsAndQC(create_hits(columns), create_qc(quality))

    def _solve_block(self, bank: "Bank", data: "Data") -> tuple[FloatArray, FloatArray]:
        """Hits ``(hit, 8)`` and qc ``(region, 4)`` of all regions, with as much room as needed."""
        from finemo_zarr.solvers._coordinate_descent_kernels import solve_regions
        from finemo_zarr.solvers._state_kernels import workspace

        count, length = data.codes.shape
        qc = np.zeros((count, 4))
        parts, room, first = [np.empty((0, 8))], _ROOM, 0
        while first < count:
            hits = np.empty((max(room, 16 * (count - first)), 8))
            buffers = workspace(bank, length, room)
            stopped, found = solve_regions(bank, buffers, data, first, self.max_steps, hits, qc)
            parts.append(hits[:found].copy())
            room = 2 * room if stopped == first else room
            first = stopped
        return np.concatenate(parts), qc


def _bank(motifs: "xr.Dataset") -> "Bank":
    """Lay the motifs out for the kernels: by core width, widest first, in groups of lanes."""
    from finemo_zarr.solvers._correlate_kernels import FEW_LANES, MANY_LANES
    from finemo_zarr.solvers._state_kernels import Bank

    rows = 1 if motifs.attrs["mode"][1] == "p" else 4
    places = core_room(motifs)
    cores = places[:, 0]
    lambdas = motifs.motif_lambda.values.astype(np.float64)
    weights = core_weights(motifs).transpose(0, 2, 1).reshape(cores.size, -1)
    slots = np.argsort(-cores, kind="stable")
    slots = slots[~_repeated(motifs)[slots]]
    lanes = FEW_LANES if slots.size < _MANY_MOTIFS else MANY_LANES
    members = [slots[first : first + lanes] for first in range(0, slots.size, lanes)]
    penalised = weights / lambdas[:, None]
    tables = [_table(penalised, group, cores[group[0]], lanes) for group in members]
    squares = largest_squares(penalised.reshape(cores.size, -1, 4).transpose(0, 2, 1), rows)
    starts = np.cumsum([0, *(table.size for table in tables)])[:-1]
    widths = [(cores[group[0]], cores[group[-1]]) for group in members]
    return Bank(
        rows=rows,
        lanes=lanes,
        weights=weights,
        lambdas=lambdas,
        places=places,
        slots=np.concatenate([slots, np.full(-slots.size % lanes, -1)]).astype(np.int64),
        table=_aligned(np.concatenate(tables)),
        groups=np.column_stack([starts, np.array(widths)]).astype(np.int64),
        bounds=_bounds(squares, members, widths),
    )


def _repeated(motifs: "xr.Dataset") -> NDArray[np.bool_]:
    """Motifs ``(motif,)`` whose every column is also that of a motif that comes first."""
    later, first = np.array(equal_motifs(motifs), dtype=np.int64).reshape(-1, 2).T
    flanks = core_room(motifs)
    repeated = np.zeros(motifs.sizes["motif"], dtype=np.bool_)
    repeated[later[(flanks[later] == flanks[first]).all(axis=1)]] = True
    return repeated


def _table(
    penalised: FloatArray, group: NDArray[np.int64], core: int, lanes: int
) -> NDArray[np.float32]:
    """Weights over lambdas of one group, ``[step, base, lane]``, flat."""
    table = np.zeros((4 * core, lanes), dtype=np.float32)
    table[:, : group.size] = penalised[group, : 4 * core].T
    return table.ravel()


def _bounds(
    squares: FloatArray, members: list[NDArray[np.int64]], widths: list[tuple[int, int]]
) -> FloatArray:
    """Largest squared norm ``(group,)`` in all groups that have the core widths of a group.

    They follow one another, and so share one list of positions.
    """
    largest: dict[tuple[int, int], float] = {}
    for group, width in zip(members, widths, strict=True):
        largest[width] = max(largest.get(width, 0.0), float(squares[group].max()))
    return np.array([largest[width] for width in widths])


def _aligned(values: NDArray[np.float32]) -> NDArray[np.float32]:
    """A copy that begins on a cache line: rows that straddle two load at half the speed."""
    buffer = np.empty(values.nbytes + _CACHE_LINE, dtype=np.uint8)
    start = -buffer.ctypes.data % _CACHE_LINE
    aligned = buffer[start : start + values.nbytes].view(np.float32)
    aligned[:] = values
    return aligned
