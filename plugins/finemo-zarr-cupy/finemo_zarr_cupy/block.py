"""A block of regions, cut into batches that fit into memory."""

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from finemo_zarr.errors import RunError, SchemaError
from finemo_zarr_cupy.bank import Bank, lay_out
from finemo_zarr_cupy.batch import load
from finemo_zarr_cupy.device import Backend
from finemo_zarr_cupy.kernel import settle_warps
from finemo_zarr_cupy.settle import settle_arrays
from finemo_zarr_cupy.solve import describe_hits, quality, solve_batch

if TYPE_CHECKING:
    import xarray as xr

HIT_COLUMNS = (
    "region", "motif", "start",
    "coefficient", "coefficient_global", "similarity", "importance", "importance_sq",
)  # fmt: skip
QC_COLUMNS = ("nll", "dual_gap", "scale", "steps")

_SHARE = 16  # of the free memory, that the regions, and the dense pass, of one thread may take
_CELL_BYTES = 32
_LEAST_CELLS = 2**12
_MOST_CELLS = {"cpu": 2**20, "cuda": 2**25}  # the first stay in the cache, the second fill a GPU


@dataclass(frozen=True)
class Block:
    """Regions and oriented motifs; used while the backend is active."""

    backend: Backend
    regions: "xr.Dataset"
    motifs: "xr.Dataset"

    def __post_init__(self) -> None:
        mode = self.motifs.attrs["mode"]
        if mode[1] == "h" and self.regions.region_contributions.ndim == 2:
            raise SchemaError(
                f"mode {mode} needs hypothetical scores, the regions hold projected ones: use mode "
                "pp or hp"
            )

    @cached_property
    def bank(self) -> Bank:
        """The motifs on the device."""
        return lay_out(self.motifs, self.backend.xp)

    def regions_that_fit(self) -> int:
        """Regions whose arrays take no more than their share of the memory that is free."""
        places = self.regions.sizes["position"] + self.bank.widest
        each = places * 64 * (1 + self.bank.rows)
        return max(1, self.backend.free_bytes() // _SHARE // each)

    def solve(self, size: int, max_steps: int) -> list[dict[str, Any]]:
        """Solve the block.

        Parameters
        ----------
        size : int
            Regions to solve together; half of them, and half of these, when memory runs out.
        max_steps : int
            Sweeps allowed per region.

        Returns
        -------
        list of dict
            For each batch, NumPy arrays `HIT_COLUMNS`, ``(hit,)``, and `QC_COLUMNS`, ``(region,)``.

        Raises
        ------
        RunError
            If a single region does not fit into memory.
        SchemaError
            If a score is not finite.
        """
        solved, first, count = [], 0, self.regions.sizes["region"]
        while first < count:
            answer = self._solve_if_it_fits(slice(first, first + size), max_steps)
            if answer is not None:
                solved.append(answer)
                first += size
            elif size == 1:
                raise RunError(
                    "a single region does not fit into the memory that is free: use fewer --jobs, "
                    "a larger lambda (-l), or --device cpu"
                )
            else:
                size = (min(size, count) + 1) // 2
                self.backend.release()
        return solved

    def _solve_if_it_fits(self, part: slice, max_steps: int) -> dict[str, Any] | None:
        try:
            return self._solve_batch(part, max_steps)
        except MemoryError:
            return None

    def _solve_batch(self, part: slice, max_steps: int) -> dict[str, Any]:
        xp, bank = self.backend.xp, self.bank
        batch = load(
            xp,
            self.regions.region_sequence.values[part],
            self.regions.region_contributions.values[part],
            self.motifs.attrs,
            bank.widest,
            part.start,
            (self._given("region_width", part, np.int64), self._given("region_scale", part, float)),
        )
        settle = settle_arrays if self.backend.device is None else settle_warps
        cells = self._cells()
        columns, steps = solve_batch(xp, bank, batch, settle, max_steps=max_steps, cells=cells)
        answer = describe_hits(xp, bank, batch, columns) | {"steps": steps}
        answer |= quality(xp, bank, batch, columns)
        answer["region"] = answer["region"] + part.start
        return {name: self.backend.to_host(values) for name, values in answer.items()}

    def _given(self, name: str, part: slice, dtype: Any) -> Any:
        """A number of each region, if the dataset has it."""
        return self.regions[name].values[part].astype(dtype) if name in self.regions else None

    def _cells(self) -> int:
        most = _MOST_CELLS["cpu" if self.backend.device is None else "cuda"]
        fit = self.backend.free_bytes() // _SHARE // _CELL_BYTES
        return max(_LEAST_CELLS, min(most, fit))
