"""A regions store and motifs into a hits store."""

import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from finemo_zarr import store
from finemo_zarr.errors import ConvergenceWarning, PluginError, RunError
from finemo_zarr.execution.choose import DEFAULT_SOLVER
from finemo_zarr.execution.labels import region_label
from finemo_zarr.execution.plan import Block, plan_blocks
from finemo_zarr.execution.provenance import describe_run
from finemo_zarr.execution.scheduler import run_blocks
from finemo_zarr.model import validate
from finemo_zarr.protocols import HitsAndQC, Solver, option_values
from finemo_zarr.registry import get_solver
from finemo_zarr.sequence import project

if TYPE_CHECKING:
    import xarray as xr

_NAMED_REGIONS = 3
"""How many regions a warning names."""


def call_hits(
    regions: Path | str,
    motifs: "xr.Dataset",
    out: Path | str,
    *,
    solver: Solver | None = None,
    post_filter: bool = True,
    jobs: int | None = None,
    overwrite: bool = False,
) -> store.HitsStore:
    """Find the hits of motifs in all regions of a store, block by block.

    Parameters
    ----------
    regions : path
        A regions store.
    motifs : xarray.Dataset
        Oriented motifs, from :func:`finemo_zarr.motifs.prepare_motifs`. An attribute `provenance`
        with `options` and `inputs` is kept with the result.
    out : path
        The hits store to write, usually named ``*.zarr``. It appears when it is complete.
    solver : Solver, optional
        By default coordinate descent with its defaults.
    post_filter : bool
        Keep only hits whose similarity is at least the lambda of their motif. A hit without a
        similarity (NaN) is kept.
    jobs : int, optional
        Number of threads; by default one for each core.
    overwrite : bool
        Replace a store that is there.

    Returns
    -------
    HitsStore
        The result, opened from the store.

    Raises
    ------
    ReadError
        If the regions store cannot be read.
    RunError
        If the output exists or cannot be written, the store lacks what the mode needs, or a block
        fails.
    PluginError
        If the solver returns something else than hits and qc of its block.

    Warns
    -----
    ConvergenceWarning
        If regions missed the tolerance, with the names of the first.
    """
    solver = get_solver(DEFAULT_SOLVER)() if solver is None else solver
    validate(motifs, "motifs")
    opened = store.open_regions(regions)
    check_mode(opened, str(regions), motifs.attrs["mode"])
    blocks = plan_blocks(opened.sizes["region"], _chunk(opened))
    with store.staged(out, overwrite=overwrite) as path:
        task = _BlockTask(Path(regions), motifs, solver, post_filter, path / "qc")
        result = _Result(path, opened, task)
        run_blocks(task, blocks, result.add, jobs=jobs, label="call hits")
        result.close()
    result.warn()
    return store.open_hits(out)


def check_mode(regions: "xr.Dataset", name: str, mode: str) -> None:
    """Raise unless regions have what a mode needs.

    Parameters
    ----------
    regions : xarray.Dataset
        A regions dataset.
    name : str
        What a message calls it.
    mode : {"pp", "ph", "hp", "hh"}
        Second letter: projected or hypothetical scores.

    Raises
    ------
    RunError
        If hypothetical scores are needed and there are none, or there are several tracks.
    """
    dims = regions["region_contributions"].dims
    if "track" in dims:
        raise RunError(
            f"{name}: has {regions.sizes['track']} tracks, and call-hits takes one; extract each "
            "track into a store of its own"
        )
    if mode[1] == "h" and "base" not in dims:
        raise RunError(
            f"{name}: holds projected scores, and mode {mode} needs hypothetical ones; use mode "
            f"{mode[0]}p, or extract from a file with hypothetical scores"
        )


def _chunk(regions: "xr.Dataset") -> int:
    chunk: int = regions["region_contributions"].chunksizes["region"][0]
    return chunk


@dataclass(frozen=True)
class _BlockTask:
    """Solves one block of a store and writes its qc; holds paths, and opens what it needs."""

    regions: Path
    motifs: "xr.Dataset"
    solver: Solver
    post_filter: bool
    qc: Path

    def __call__(self, block: Block) -> HitsAndQC:
        """Return hits, numbered as in the store, and qc."""
        solved = self.solver.solve(self._load(block.regions), self.motifs)
        hits, qc = self._checked(solved, block)
        if self.post_filter:
            hits = hits.isel(hit=self._similar(hits))
        hits = hits.assign(hit_region=hits["hit_region"] + block.start)
        values = {str(name): variable.values for name, variable in qc.variables.items()}
        store.write_block(self.qc, block.regions, values)
        return HitsAndQC(hits, qc)

    def example(self) -> HitsAndQC:
        """Solve one region: shows what there will be to store, and compiles what needs it."""
        return self.solver.solve(self._load(slice(0, 1)), self.motifs)

    def _load(self, regions: slice) -> "xr.Dataset":
        data = store.read_block(self.regions, regions)
        scores = data["region_contributions"]
        if self.motifs.attrs["mode"][1] == "p" and "base" in scores.dims:
            projected = project(scores.values, data["region_sequence"].values)
            data["region_contributions"] = (("region", "position"), projected)
        return data

    def _checked(self, solved: HitsAndQC, block: Block) -> HitsAndQC:
        hits, qc = validate(solved.hits, "hits"), validate(solved.qc, "qc")
        numbers = hits["hit_region"].values
        if qc.sizes["region"] != block.size or not ((numbers >= 0) & (numbers < block.size)).all():
            raise PluginError(
                f"the solver {self.solver.name} returned qc for {qc.sizes['region']} regions, or "
                f"hits outside of them; expected a block of {block.size}, numbered from 0"
            )
        return HitsAndQC(hits, qc)

    def _similar(self, hits: "xr.Dataset") -> Any:
        similarity = hits["hit_similarity"].values
        least = self.motifs["motif_lambda"].values.astype(np.float32)[hits["hit_motif"].values]
        return np.flatnonzero(~(similarity < least))


class _Result:
    """The hits store while it is written."""

    def __init__(self, path: Path, regions: "xr.Dataset", task: _BlockTask) -> None:
        self._regions, self._solver = regions, task.solver.name
        self._unconverged: list[int] = []
        group = store.create_store(path, "hits", _provenance(task))
        kept = regions.drop_vars(["region_sequence", "region_contributions"], errors="ignore")
        kept.attrs |= {"region_width": regions.sizes["position"], "source": str(task.regions)}
        store.write_dataset(group.create_group("regions"), kept)
        store.write_dataset(group.create_group("motifs"), task.motifs)
        self._hits = store.HitsWriter(group.create_group("hits"))
        qc_group, shape = group.create_group("qc"), (regions.sizes["region"],)
        for name, variable in task.example().qc.variables.items():
            store.create_array(qc_group, str(name), variable, shape=shape, chunk=_chunk(regions))

    def add(self, block: Block, solved: HitsAndQC) -> None:
        """Write the hits of a block."""
        self._hits.append(solved.hits)
        missed = np.flatnonzero(~solved.qc["qc_converged"].values)
        self._unconverged += (missed + block.start).tolist()

    def close(self) -> None:
        """Write what is buffered."""
        self._hits.close()

    def warn(self) -> None:
        """Warn about regions that missed the tolerance."""
        if not (missed := self._unconverged):
            return
        first = ", ".join(region_label(self._regions, index) for index in missed[:_NAMED_REGIONS])
        more = ", …" if len(missed) > _NAMED_REGIONS else ""
        warnings.warn(
            f"{self._solver} did not reach the tolerance in {len(missed)} of "
            f"{self._regions.sizes['region']} regions ({first}{more}); their hits are kept, and "
            "qc_converged marks them. Allow more steps, or a larger tolerance.",
            ConvergenceWarning,
            stacklevel=3,
        )


def _provenance(task: _BlockTask) -> dict[str, Any]:
    known = task.motifs.attrs.get("provenance", {})
    options = {"post_filter": task.post_filter, **option_values(task.solver)}
    return describe_run(
        "call-hits",
        plugin=task.solver.name,
        options={**known.get("options", {}), **options},
        inputs=[task.regions, *map(Path, known.get("inputs", ()))],
    )
