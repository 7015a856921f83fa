"""Score files into a regions store."""

import warnings
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from finemo_zarr import store
from finemo_zarr.errors import InputWarning, ReadError
from finemo_zarr.execution.labels import region_label
from finemo_zarr.execution.plan import Block, plan_blocks
from finemo_zarr.execution.provenance import describe_run, input_paths
from finemo_zarr.execution.scheduler import run_blocks
from finemo_zarr.model import validate
from finemo_zarr.protocols import Reader, option_values

if TYPE_CHECKING:
    import xarray as xr

_BLOCKWISE = ("region_sequence", "region_contributions")


def extract_regions(
    reader: Reader, out: Path | str, *, jobs: int | None = None, overwrite: bool = False
) -> "xr.Dataset":
    """Read score files into a regions store, block by block.

    Parameters
    ----------
    reader : Reader
        A reader, with its options.
    out : path
        The store to write, usually named ``*.zarr``. It appears when it is complete.
    jobs : int, optional
        Number of threads; by default one for each core.
    overwrite : bool
        Replace a store that is there.

    Returns
    -------
    xarray.Dataset
        The regions, opened from the store.

    Raises
    ------
    ReadError
        If the input cannot be read, or all its scores are zero, NaN, or any is infinite.
    RunError
        If the output exists or cannot be written.

    Warns
    -----
    InputWarning
        If some scores are NaN; they are stored as 0.
    """
    with store.staged(out, overwrite=overwrite) as path:
        regions = validate(reader.read(), "regions")
        if not regions.sizes["region"]:
            raise ReadError(f"the reader {reader.name} found no regions; is the peak file empty?")
        source_chunk = _source_chunk(regions)
        chunk = _create(path, regions, reader, source_chunk)
        tally = _Tally(reader.name)
        run_blocks(
            partial(_write_block, path, regions),
            plan_blocks(regions.sizes["region"], chunk, source_chunk),
            tally.add,
            jobs=jobs,
            label="extract regions",
        )
        tally.check(regions)
    return store.open_regions(out)


def _source_chunk(regions: "xr.Dataset") -> int:
    """Return the regions that the reader reads together; 1 if they are in memory."""
    chunks = regions["region_contributions"].chunksizes.get("region", (1,))
    return int(chunks[0])


def _create(path: Path, regions: "xr.Dataset", reader: Reader, source_chunk: int) -> int:
    """Create the store with all but sequences and scores; return the regions per chunk."""
    provenance = describe_run(
        f"extract-regions-{reader.name}",
        plugin=reader.name,
        options=option_values(reader),
        inputs=input_paths(reader),
    )
    group = store.create_store(path, "regions", provenance)
    scores = regions["region_contributions"]
    per_region = 4 * scores.size // (regions.sizes["region"] * regions.sizes.get("track", 1))
    chunk = store.region_chunk(regions.sizes["region"], per_region, source_chunk)
    for name, dtype in zip(_BLOCKWISE, (np.uint8, np.float32), strict=True):
        variable = regions[name].variable
        store.create_array(group, name, variable, dtype=dtype, chunk=chunk)
    store.write_dataset(group, regions.drop_vars(_BLOCKWISE))
    return chunk


class _Scores(NamedTuple):
    """What the scores of a block are like; `first_*` is the first such region or -1."""

    n: int
    n_nan: int
    first_nan: int
    n_infinite: int
    first_infinite: int
    n_nonzero: int


def _write_block(path: Path, regions: "xr.Dataset", block: Block) -> _Scores:
    loaded = regions[list(_BLOCKWISE)].isel(region=block.regions).compute(scheduler="synchronous")
    variable = loaded["region_contributions"].variable
    with np.errstate(over="ignore"):  # what overflows is infinite, and refused as such
        scores = np.array(variable.values, dtype=np.float32)
    nan, infinite = np.isnan(scores), np.isinf(scores)
    scores[nan] = 0
    store.write_block(
        path,
        block.regions,
        {
            "region_sequence": loaded["region_sequence"].values,
            "region_contributions": scores,
        },
    )
    axis = variable.dims.index("region")
    n_nan, first_nan = _locate(nan, axis, block)
    n_infinite, first_infinite = _locate(infinite, axis, block)
    n_nonzero = int(np.count_nonzero(scores))
    return _Scores(scores.size, n_nan, first_nan, n_infinite, first_infinite, n_nonzero)


def _locate(mask: Any, axis: int, block: Block) -> tuple[int, int]:
    count = int(np.count_nonzero(mask))
    if not count:
        return 0, -1
    others = tuple(other for other in range(mask.ndim) if other != axis)
    return count, block.start + int(np.flatnonzero(mask.any(axis=others))[0])


class _Tally:
    """Adds up what the scores of all blocks are like, and judges the whole."""

    def __init__(self, reader: str) -> None:
        self._reader = reader
        self._blocks: list[_Scores] = []

    def add(self, _: Block, scores: _Scores) -> None:
        """Add a block."""
        self._blocks.append(scores)

    def check(self, regions: "xr.Dataset") -> None:
        """Raise or warn about scores that are unusable or odd."""
        total = self._sum("n")
        if n_infinite := self._sum("n_infinite"):
            raise ReadError(
                f"{n_infinite} of {total} scores are infinite, the first in "
                f"{region_label(regions, self._first('first_infinite'))}; expected finite scores. "
                f"Check how the input of {self._reader} was made."
            )
        n_nan = self._sum("n_nan")
        if n_nan == total:
            raise ReadError(f"all {total} scores are NaN; check the input of {self._reader}")
        if not self._sum("n_nonzero"):
            raise ReadError(
                f"all {total} scores are zero or NaN; do peaks and scores belong together?"
            )
        if n_nan:
            warnings.warn(
                f"{n_nan} of {total} scores are NaN, the first in "
                f"{region_label(regions, self._first('first_nan'))}; they are stored as 0",
                InputWarning,
                stacklevel=3,
            )

    def _sum(self, name: str) -> int:
        numbers: list[int] = [getattr(block, name) for block in self._blocks]
        return sum(numbers)

    def _first(self, name: str) -> int:
        firsts: list[int] = [getattr(block, name) for block in self._blocks]
        return min(first for first in firsts if first >= 0)
