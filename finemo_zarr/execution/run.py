"""A run that can be ended at any moment and started again.

Beside the unfinished store lies its state: the plan (how the run was started, and how it is cut
into blocks), the ledger (which blocks are done) and the parts that blocks have written. The plan is
the last thing that is written at the start: without it there is no run.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from finemo_zarr.errors import RunError
from finemo_zarr.execution.labels import region_label
from finemo_zarr.execution.ledger import Ledger
from finemo_zarr.execution.plan import Block, plan_blocks
from finemo_zarr.execution.provenance import differences
from finemo_zarr.execution.scheduler import Failure, Task, Workers, run_blocks
from finemo_zarr.store import (
    Location,
    is_store,
    is_unfinished,
    plain,
    read_info,
    remove,
    state_path,
    work_path,
    write_file,
)

if TYPE_CHECKING:
    import xarray as xr

_PLAN = "plan"
_NAMED_FAILURES = 3


@dataclass(frozen=True)
class Layout:
    """How a run is cut.

    Parameters
    ----------
    n_regions, n_tracks : int
        What there is to do.
    chunk : int
        Regions per chunk of the store.
    block : int
        Regions per block.
    tracks : bool
        Whether the result has tracks; one that has none counts as one.
    """

    n_regions: int
    n_tracks: int
    chunk: int
    block: int
    tracks: bool = False

    def blocks(self) -> list[Block]:
        """All blocks."""
        return plan_blocks(self.n_regions, self.chunk, self.block, self.n_tracks)


@dataclass(frozen=True)
class Run:
    """An unfinished store and its plan.

    Parameters
    ----------
    path : path
        The unfinished store.
    state : path
        Where plan, ledger and parts lie.
    token : str
        Tells this run from another at the same place.
    layout : Layout
        How it is cut.
    provenance : mapping
        How it was started.
    """

    path: Location
    state: Location
    token: str
    layout: Layout
    provenance: Mapping[str, Any]

    @property
    def has_tracks(self) -> bool:
        """Whether the result has tracks."""
        return self.layout.tracks

    @property
    def ledger(self) -> Ledger:
        """The ledger."""
        return Ledger(self.state)


def find_run(output: Location) -> Run | None:
    """Return the run that writes an output, if it is not finished and got as far as a plan."""
    state = state_path(output)
    try:
        digest, _, text = (state / _PLAN).read_bytes().partition(b"\n")
        if digest != _digest(text):
            return None
        plan = json.loads(text)
        layout, provenance = Layout(**plan["layout"]), plan["provenance"]
        return Run(work_path(output), state, plan["token"], layout, provenance)
    except (FileNotFoundError, NotADirectoryError, ValueError, KeyError, TypeError):
        return None


def begin_run(
    output: Location,
    provenance: Mapping[str, Any],
    create: Callable[[Location], Layout],
    columns: Sequence[str],
    *,
    overwrite: bool = False,
) -> Run:
    """Take up a run where it was left, or begin one.

    Parameters
    ----------
    output : path
        Where the finished store will lie.
    provenance : mapping
        How the run is started now.
    create : callable
        Called with a path where there is nothing: makes the store, returns how the run is cut.
    columns : sequence of str
        Columns of the ledger.
    overwrite : bool
        Begin anew where an earlier run was started in another way.

    Raises
    ------
    RunError
        If blocks are done that were started in another way, naming what differs.
    """
    if (run := find_run(output)) is not None:
        different = differences(run.provenance, provenance)
        if not different:
            return run
        if (n_done := int(run.ledger.done().sum())) and not overwrite:
            raise RunError(
                f"{output}: not finished ({n_done} of {len(run.layout.blocks())} blocks are done), "
                f"and started in another way: {'; '.join(different)}. Start it as before to go on, "
                "give --overwrite to begin anew, or choose another output"
            )
    path, state = work_path(output), state_path(output)
    remove(state)
    remove(path)
    layout = create(path)
    Ledger.create(state, len(layout.blocks()), columns)
    run = Run(path, state, uuid4().hex, layout, plain(provenance))
    plan = {"token": run.token, "layout": vars(layout), "provenance": run.provenance}
    text = json.dumps(plan).encode()
    write_file(state / _PLAN, _digest(text) + b"\n" + text)
    return run


def _digest(text: bytes) -> bytes:
    return blake2b(text, digest_size=16).hexdigest().encode()


def is_finished(output: Location, provenance: Mapping[str, Any], *, overwrite: bool) -> bool:
    """Whether an output is there already, made in the same way, and to be kept.

    Raises
    ------
    RunError
        If it was made in another way and may not be replaced, naming what differs.
    """
    if overwrite or not is_store(output) or is_unfinished(output):
        return False
    if different := differences(read_info(output).provenance, provenance):
        raise RunError(
            f"{output}: exists already, and was made in another way: {'; '.join(different)}. "
            "Choose another output, or give --overwrite"
        )
    return True


def work_on(
    run: Run,
    task: Task,
    workers: Workers,
    *,
    regions: "xr.Dataset",
    label: str,
    blocks: Sequence[Block] | None = None,
) -> None:
    """Do the blocks that are not done.

    Parameters
    ----------
    run : Run
        The run.
    task : callable
        Does a block and marks it.
    workers : Workers
        Where.
    regions : xarray.Dataset
        Coordinates, by which messages name regions.
    label : str
        What is being done.
    blocks : sequence of Block, optional
        Some of the blocks; by default all.

    Raises
    ------
    RunError
        If blocks failed, naming their regions and why. The others are done.
    """
    done = run.ledger.done()
    chosen = run.layout.blocks() if blocks is None else blocks
    left = [block for block in chosen if not done[block.index]]
    failures = run_blocks(task, left, workers, label=label)
    if not failures:
        return
    if not run.ledger.done().any():
        remove(run.state)  # nothing to go on with
    raise RunError(_report(failures, len(left), regions))


def _report(failures: Sequence[Failure], n_tried: int, regions: "xr.Dataset") -> str:
    shown = "; ".join(
        f"{block_label(regions, failure.block)}: {failure.cause}"
        for failure in failures[:_NAMED_FAILURES]
    )
    more = "; …" if len(failures) > _NAMED_FAILURES else ""
    rest = "" if len(failures) == n_tried else ", the others are done"
    return (
        f"{len(failures)} of {n_tried} blocks failed{rest}. {shown}{more}. Remedy that, and start "
        "the same command again: only what failed is left to do"
    )


def block_label(regions: "xr.Dataset", block: Block) -> str:
    """Name a block by its first and last region."""
    first, last = (region_label(regions, index) for index in (block.start, block.stop - 1))
    track = f" of track {regions['track'].values[block.track]}" if "track" in regions.sizes else ""
    return f"block {block.index}, {block.size} regions from {first} to {last}{track}"
