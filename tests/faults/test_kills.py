"""Killed at any moment and started again, a run gives what an undisturbed one gives."""

import os
import random
import signal
import time
from pathlib import Path

import pytest
from killable import Inputs, chunks, finish, n_blocks, start, tables

KILLS = 8 if os.environ.get("CI") else 20
N_BLOCKS = 16
PAUSE = 0.05


def hidden(folder: Path) -> list[str]:
    return [path.name for path in folder.iterdir() if path.name.startswith(".")]


def kill_again_and_again(arguments: list[object], out: Path, seed: int) -> int:
    """Kill a command at random moments, each time after it was started again."""
    moments, killed = random.Random(seed), 0
    for _ in range(KILLS):
        running = start(arguments, PAUSE)
        # From the start, or from a block on: both ends of a run are short.
        if moments.random() < 0.7:
            assert running.stdout is not None
            running.stdout.readline()
            time.sleep(moments.uniform(0, 3 * PAUSE))
        else:
            time.sleep(moments.uniform(0, 1.2))
        running.send_signal(signal.SIGKILL)
        running.communicate(timeout=60)
        if running.returncode == 0:  # it was faster
            return killed
        killed += 1
        if not out.exists():
            continue
        return killed  # killed after the output was moved into place
    return killed


def test_call_hits__killed_again_and_again_gives_the_same_tables(
    inputs: Inputs, tmp_path: Path
) -> None:
    killed, number = 0, 0
    while killed < KILLS:
        number += 1
        out = tmp_path / f"run{number}" / "hits"
        killed += kill_again_and_again(inputs.call(out, "--jobs", "1"), out, number)
        finish(inputs.call(out))
        assert tables(out) == tables(inputs.folder / "hits")
        assert chunks(out / "hits.zarr") == chunks(inputs.folder / "hits" / "hits.zarr")
        assert not hidden(out.parent)


def test_extract__killed_again_and_again_gives_the_same_store(
    inputs: Inputs, tmp_path: Path
) -> None:
    killed, number = 0, 0
    while killed < KILLS:
        number += 1
        out = tmp_path / f"run{number}" / "regions.zarr"
        out.parent.mkdir()
        killed += kill_again_and_again(inputs.extract(out, "--jobs", "1"), out, number)
        finish(inputs.extract(out))
        assert chunks(out) == chunks(inputs.folder / "regions.zarr")
        assert not hidden(out.parent)


@pytest.mark.parametrize("scheduler", ["threads", "processes"])
@pytest.mark.parametrize(
    ("number", "code", "word"),
    [(signal.SIGTERM, 143, "Terminated"), (signal.SIGINT, 130, "Interr")],
)
def test_call_hits__told_to_stop_says_how_to_go_on(
    inputs: Inputs, tmp_path: Path, number: int, code: int, word: str, scheduler: str
) -> None:
    out = tmp_path / "hits"
    arguments = inputs.call(out, "--jobs", "2", "--scheduler", scheduler)
    running = start(arguments, PAUSE)
    if scheduler == "threads":
        assert running.stdout is not None
        running.stdout.readline()
    else:  # what children do is not slowed down
        parts = tmp_path / ".hits.partial/hits/.hits.zarr.partial/run/parts"
        while not parts.exists() and running.poll() is None:
            time.sleep(0.002)
    running.send_signal(number)
    _, err = running.communicate(timeout=60)
    if running.returncode == 0:
        pytest.skip("the run was over before it could be stopped")
    assert running.returncode == code
    assert err.strip().startswith(word)
    assert "Start the same command again" in err
    assert err.strip().count("\n") == 0
    assert not out.exists()
    left = n_blocks(inputs.call(out))
    assert left < N_BLOCKS if scheduler == "threads" else left <= N_BLOCKS
    assert tables(out) == tables(inputs.folder / "hits")
