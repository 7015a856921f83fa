"""Block tasks on the schedulers of dask: here, in threads, in processes, or on a cluster."""

import os
import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Executor, ProcessPoolExecutor, ThreadPoolExecutor
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from functools import partial
from multiprocessing import get_context, parent_process
from typing import TYPE_CHECKING, Any, NamedTuple
from uuid import uuid4

from finemo_zarr.errors import MissingDependencyError, PluginError, RunError
from finemo_zarr.execution.plan import Block
from finemo_zarr.progress import progress
from finemo_zarr.store import is_fatal

if TYPE_CHECKING:
    from distributed import Client

Task = Callable[[Block], None]
LOCAL = ("threads", "processes", "sync")
_ADDRESSES = ("tcp://", "tls://", "ucx://", "ws://", "wss://", "inproc://")
_CLUSTER_RETRIES = 2


@dataclass(frozen=True)
class Workers:
    """Where blocks are worked on.

    Parameters
    ----------
    scheduler : str
        ``"threads"``, ``"processes"``, ``"sync"`` (one after the other, here), or the address of a
        dask cluster, ``"tcp://…"``.
    jobs : int, optional
        Number of threads or processes; by default one for each core. A cluster has its own.
    client : distributed.Client, optional
        A client of a cluster, in place of `scheduler`.

    Raises
    ------
    RunError
        If there is no such scheduler, or `jobs` is less than 1.
    """

    scheduler: str = "threads"
    jobs: int | None = None
    client: "Client | None" = None

    def __post_init__(self) -> None:
        if self.scheduler not in LOCAL and not self.scheduler.startswith(_ADDRESSES):
            raise RunError(
                f"{self.scheduler}: no scheduler; expected {', '.join(LOCAL)}, or the address of a "
                "dask cluster, tcp://HOST:PORT"
            )
        if self.jobs is not None and self.jobs < 1:
            raise RunError(f"{self.jobs} jobs cannot do anything; give at least 1")

    @property
    def count(self) -> int:
        """Number of threads or processes."""
        from dask.system import CPU_COUNT

        return self.jobs or int(CPU_COUNT)


class Failure(NamedTuple):
    """A block that could not be done, and why."""

    block: Block
    cause: str


def run_blocks(
    task: Task, blocks: Sequence[Block], workers: Workers, *, label: str
) -> list[Failure]:
    """Run a task for every block; one that fails does not keep the others from being done.

    Parameters
    ----------
    task : callable
        Called with a block, perhaps in another process, to which it is sent.
    blocks : sequence of Block
        What is to be done.
    workers : Workers
        Where.
    label : str
        What is being done, for the progress bar and for dask's task names.

    Returns
    -------
    list of Failure
        In the order of the blocks.

    Raises
    ------
    RunError
        If a cluster cannot be reached.
    OSError, PluginError
        What would meet all other blocks, too: a full disk, a solver that does not work.
    """
    attempt = partial(_attempt, task)
    with progress(label, sum(block.size for block in blocks)) as advance:
        if workers.client is not None or workers.scheduler not in LOCAL:
            outcomes = _on_cluster(attempt, blocks, workers, label, advance)
        else:
            outcomes = _locally(attempt, blocks, workers, label, advance)
    return sorted((found for found in outcomes if found), key=lambda found: found.block.index)


def _attempt(task: Task, block: Block) -> Failure | None:
    try:
        task(block)
    except (PluginError, MissingDependencyError):
        raise
    except Exception as error:
        if is_fatal(error) or is_fatal(error.__cause__):
            raise
        return Failure(block, _describe(error))
    return None


def _describe(error: BaseException) -> str:
    kind = type(error).__name__
    return f"{kind}: {' '.join(str(error).split())}" if str(error) else kind


# --- On this machine -----------------------------------------------------------------------------


def _locally(
    attempt: Callable[[Block], Failure | None],
    blocks: Sequence[Block],
    workers: Workers,
    label: str,
    advance: Callable[[int], None],
) -> list[Failure | None]:
    from dask.callbacks import Callback

    name = label.replace(" ", "-")
    # Of keys that are alike, dask takes those first that sort first.
    keys = {f"{name}-{block.index:07d}": block for block in blocks}
    graph = {key: (attempt, block) for key, block in keys.items()}

    def count(key: Any, *_: Any) -> None:
        if key in keys:
            advance(keys[key].size)

    # The pool is ours so that no task still writes when an error or Ctrl-C ends the run.
    callback = Callback(posttask=count)  # type: ignore[no-untyped-call]
    with _pool(workers, len(blocks)) as pool, callback:
        return list(_get(workers.scheduler)(graph, list(graph), pool=pool))


def _pool(workers: Workers, n_blocks: int) -> Any:
    count = max(1, min(workers.count, n_blocks))
    if workers.scheduler == "sync":
        return nullcontext()
    if workers.scheduler == "threads":
        return ThreadPoolExecutor(count)
    # Not forked: a fork copies the locks of threads that are gone, Zarr's and Numba's among them.
    context = get_context("spawn")
    pool: Executor = ProcessPoolExecutor(count, mp_context=context, initializer=_follow_parent)
    return pool


def _follow_parent() -> None:
    """Leave Ctrl-C to the process that started this one, and end when that ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    if (parent := parent_process()) is not None:

        def wait() -> None:
            parent.join()
            os._exit(1)

        threading.Thread(target=wait, daemon=True).start()


def _get(scheduler: str) -> Callable[..., Any]:
    # Not dask.compute: it loads dask.distributed, a quarter of a second, to look for one.
    if scheduler == "threads":
        from dask.threaded import get as get_in_threads

        return get_in_threads
    if scheduler == "processes":
        from dask.multiprocessing import get as get_in_processes

        return partial(get_in_processes, chunksize=1)
    from dask.local import get_sync

    return get_sync


# --- On a cluster --------------------------------------------------------------------------------


def _on_cluster(
    attempt: Callable[[Block], Failure | None],
    blocks: Sequence[Block],
    workers: Workers,
    label: str,
    advance: Callable[[int], None],
) -> list[Failure | None]:
    from distributed import as_completed

    # With such keys the dashboard shows all blocks under the name of what is done.
    run = f"{label.replace(' ', '-')}-{uuid4().hex}"
    outcomes: list[Failure | None] = []
    by_key = {(run, block.index): block for block in blocks}
    with _client(workers) as client:
        futures = [
            client.submit(attempt, block, key=key, retries=_CLUSTER_RETRIES)
            for key, block in by_key.items()
        ]
        try:
            done = as_completed(futures, loop=client.loop)  # type: ignore[no-untyped-call]
            for future in done:
                block = by_key[future.key]
                outcomes.append(_outcome(future, block))
                future.release()  # or a worker that is lost would take what it has done with it
                advance(block.size)
        finally:
            client.cancel(futures)  # type: ignore[no-untyped-call]
    return outcomes


def _outcome(future: Any, block: Block) -> Failure | None:
    if future.status == "finished":
        failed: Failure | None = future.result()
        return failed
    error: Exception | None = future.exception() if future.status == "error" else None
    if error is None:
        return Failure(block, "it was cancelled")
    if isinstance(error, (PluginError, MissingDependencyError)) or is_fatal(error):
        raise error
    return Failure(block, _describe(error))


@contextmanager
def _client(workers: Workers) -> Iterator["Client"]:
    from distributed import Client

    if workers.client is not None:
        yield workers.client
        return
    try:
        client = Client(  # type: ignore[no-untyped-call]
            workers.scheduler, set_as_default=False
        )
    except (OSError, TimeoutError, ValueError) as error:
        raise RunError(
            f"{workers.scheduler}: no dask scheduler answers there ({error}); check the address, "
            "and that the cluster runs"
        ) from error
    with client:
        yield client
