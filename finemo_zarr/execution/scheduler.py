"""Block tasks on dask's threads."""

import sys
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import TypeVar

from finemo_zarr.errors import RunError
from finemo_zarr.execution.plan import Block

T = TypeVar("T")

_BLOCKS_PER_WAVE_AND_JOB = 32
"""Results wait until their wave is through: bounds what waits, and costs one block's time each."""


def run_blocks(
    task: Callable[[Block], T],
    blocks: Sequence[Block],
    consume: Callable[[Block, T], None],
    *,
    jobs: int | None = None,
    label: str,
) -> None:
    """Run a task for every block and hand over the results in the order of the blocks.

    Parameters
    ----------
    task : callable
        Called with a block, in a thread.
    blocks : sequence of Block
        The plan.
    consume : callable
        Called with a block and its result, in this thread.
    jobs : int, optional
        Number of threads; by default one for each core.
    label : str
        What is being done, for the progress bar and for dask's task names.

    Raises
    ------
    RunError
        If `jobs` is less than 1.
    """
    from dask.threaded import get

    n_threads = _number_of_threads(jobs)
    name = label.replace(" ", "-")
    wave = n_threads * _BLOCKS_PER_WAVE_AND_JOB
    n_regions = sum(block.size for block in blocks)
    # The pool is ours so that no task still writes when an error or Ctrl-C removes the output.
    with ThreadPoolExecutor(n_threads) as pool, _progress(label, n_regions) as advance:

        def run(block: Block) -> T:
            result = task(block)
            advance(block.size)
            return result

        for first in range(0, len(blocks), wave):
            members = blocks[first : first + wave]
            graph = {f"{name}-{block.index}": (run, block) for block in members}
            # Not dask.compute: it loads dask.distributed, a quarter of a second, to look for one.
            results = get(graph, list(graph), pool=pool)
            for block, result in zip(members, results, strict=True):
                consume(block, result)


def _number_of_threads(jobs: int | None) -> int:
    from dask.system import CPU_COUNT

    if jobs is not None and jobs < 1:
        raise RunError(f"{jobs} jobs cannot do anything; give at least 1")
    return jobs or int(CPU_COUNT)


@contextmanager
def _progress(label: str, total: int) -> Iterator[Callable[[int], None]]:
    """Show a bar on a terminal; leave nothing in a log."""
    if not sys.stderr.isatty():
        yield lambda _: None
        return
    from rich.console import Console
    from rich.progress import Progress, TimeElapsedColumn

    columns = (*Progress.get_default_columns(), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        row = bar.add_task(label, total=total)
        yield lambda size: bar.advance(row, size)
