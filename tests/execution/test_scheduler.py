import io
import sys
import threading
import time

import pytest

from finemo_zarr.errors import RunError
from finemo_zarr.execution import plan_blocks
from finemo_zarr.execution import scheduler as module
from finemo_zarr.execution.scheduler import run_blocks


@pytest.mark.parametrize("jobs", [1, 2, 5, None])
def test_run_blocks__gives_results_in_order(jobs: int | None) -> None:
    blocks = plan_blocks(300, 2)
    seen = []

    def task(block):
        time.sleep(0.002 * (block.index % 3))
        return block.start

    run_blocks(
        task, blocks, lambda block, result: seen.append((block, result)), jobs=jobs, label="x"
    )
    assert seen == [(block, block.start) for block in blocks]


def test_run_blocks__uses_threads() -> None:
    meet = threading.Barrier(2, timeout=20)
    run_blocks(lambda _: meet.wait(), plan_blocks(2, 1), lambda *_: None, jobs=2, label="x")


def test_run_blocks__never_runs_far_ahead(monkeypatch) -> None:
    monkeypatch.setattr(module, "_BLOCKS_PER_WAVE_AND_JOB", 4)
    started, ahead = [], []
    run_blocks(
        started.append,
        plan_blocks(50, 1),
        lambda block, _: ahead.append(len(started) - block.index),
        jobs=2,
        label="x",
    )
    assert max(ahead) <= 8


def test_run_blocks__an_error_comes_through_once_all_tasks_are_over() -> None:
    running = []

    def task(block):
        if block.index == 0:
            raise ValueError("block 0")
        running.append(block)
        time.sleep(0.1)
        running.remove(block)

    with pytest.raises(ValueError, match="block 0"):
        run_blocks(task, plan_blocks(10, 1), lambda *_: None, jobs=3, label="x")
    assert not running


@pytest.mark.parametrize("jobs", [0, -1])
def test_run_blocks__refuses_no_jobs(jobs: int) -> None:
    with pytest.raises(RunError, match="give at least 1"):
        run_blocks(lambda _: None, [], lambda *_: None, jobs=jobs, label="x")


def test_run_blocks__shows_progress_on_a_terminal_only(monkeypatch) -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    for stream, shown in ((io.StringIO(), False), (Terminal(), True)):
        monkeypatch.setattr(sys, "stderr", stream)
        run_blocks(lambda _: None, plan_blocks(3, 1), lambda *_: None, jobs=1, label="call hits")
        assert ("call hits" in stream.getvalue()) == shown
