import io
import os
import sys
import threading
import time
from dataclasses import dataclass
from pathlib import Path

import dask
import pytest

from finemo_zarr.errors import PluginError, RunError
from finemo_zarr.execution import Block, plan_blocks
from finemo_zarr.execution.scheduler import Workers, run_blocks

LOCAL = ["sync", "threads", "processes"]


@dataclass(frozen=True)
class Note:
    """Leaves a file for each block; fails at some."""

    folder: Path
    failing: tuple[int, ...] = ()
    error: type[Exception] = ValueError

    def __call__(self, block: Block) -> None:
        if block.index in self.failing:
            raise self.error(f"no {block.index}")
        (self.folder / str(block.index)).write_text(str(os.getpid()))


def notes(folder: Path) -> list[int]:
    return sorted(int(path.name) for path in folder.iterdir())


@pytest.mark.parametrize("scheduler", LOCAL)
def test_run_blocks__does_all_blocks_and_names_those_that_fail(tmp_path, scheduler: str) -> None:
    failures = run_blocks(
        Note(tmp_path, failing=(1, 7)), plan_blocks(20, 2), Workers(scheduler, 2), label="x"
    )
    assert notes(tmp_path) == [0, 2, 3, 4, 5, 6, 8, 9]
    assert [(failure.block.index, failure.cause) for failure in failures] == [
        (1, "ValueError: no 1"),
        (7, "ValueError: no 7"),
    ]


@pytest.mark.parametrize("scheduler", LOCAL)
def test_run_blocks__an_error_that_meets_all_blocks_comes_through(tmp_path, scheduler) -> None:
    with pytest.raises(PluginError, match="no 0"):
        run_blocks(
            Note(tmp_path, failing=(0,), error=PluginError),
            plan_blocks(4, 1),
            Workers(scheduler, 1),
            label="x",
        )


def test_run_blocks__processes_are_other_processes(tmp_path) -> None:
    run_blocks(Note(tmp_path), plan_blocks(4, 1), Workers("processes", 2), label="x")
    assert str(os.getpid()) not in {path.read_text() for path in tmp_path.iterdir()}


def test_run_blocks__uses_threads() -> None:
    meet = threading.Barrier(2, timeout=20)
    assert not run_blocks(lambda _: meet.wait(), plan_blocks(2, 1), Workers(jobs=2), label="x")


def test_run_blocks__an_interrupt_comes_through_once_all_tasks_are_over() -> None:
    running = []

    def task(block):
        if block.index == 0:
            raise KeyboardInterrupt
        running.append(block)
        time.sleep(0.1)
        running.remove(block)

    with pytest.raises(KeyboardInterrupt):
        run_blocks(task, plan_blocks(10, 1), Workers(jobs=3), label="x")
    assert not running


@pytest.mark.parametrize("jobs", [0, -1])
def test_workers__refuse_no_jobs(jobs: int) -> None:
    with pytest.raises(RunError, match="give at least 1"):
        Workers(jobs=jobs)


def test_workers__refuse_a_scheduler_that_there_is_not() -> None:
    with pytest.raises(RunError, match="cluster9: no scheduler; expected threads, processes, sync"):
        Workers("cluster9")


def test_run_blocks__says_that_no_cluster_answers(tmp_path) -> None:
    with (
        dask.config.set({"distributed.comm.timeouts.connect": "200ms"}),
        pytest.raises(RunError, match="no dask scheduler answers there"),
    ):
        run_blocks(Note(tmp_path), plan_blocks(2, 1), Workers("tcp://127.0.0.1:9"), label="x")


def test_run_blocks__shows_progress_on_a_terminal_only(monkeypatch) -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    for stream, shown in ((io.StringIO(), False), (Terminal(), True)):
        monkeypatch.setattr(sys, "stderr", stream)
        run_blocks(lambda _: None, plan_blocks(3, 1), Workers(jobs=1), label="call hits")
        assert ("call hits" in stream.getvalue()) == shown
