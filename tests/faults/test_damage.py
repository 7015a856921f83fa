"""Damaged inputs, parts and ledgers: the same hits in the end, or an error that says what to do."""

import errno
import json
import re
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest
import xarray as xr
from killable import Inputs, chunks, tables

from finemo_zarr import CallOptions, call_hits, store
from finemo_zarr.cli import main
from finemo_zarr.errors import ReadError, RunError
from finemo_zarr.execution import CallJob, load_motifs
from finemo_zarr.execution.run import find_run
from finemo_zarr.export import write_tables
from finemo_zarr.motifs import MotifOptions, prepare_motifs
from finemo_zarr.protocols import HitsAndQC
from finemo_zarr.solvers.coordinate_descent import CoordinateDescent

ONE = CallOptions(scheduler="sync")


@dataclass(frozen=True)
class Failing:
    """Coordinate descent that fails at some of the blocks it is given, and counts them."""

    name: ClassVar[str] = "coordinate-descent"
    summary: ClassVar[str] = "Fails now and then."
    failing: tuple[int, ...] = ()
    error: Any = ValueError("the GPU is on fire")
    seen: list[int] = field(default_factory=list)

    def solve(self, regions: xr.Dataset, motifs: xr.Dataset) -> HitsAndQC:
        self.seen.append(regions.sizes["region"])
        if len(self.seen) - 1 in self.failing:
            raise self.error
        return CoordinateDescent().solve(regions, motifs)


@pytest.fixture(scope="module")
def motifs(inputs: Inputs) -> xr.Dataset:
    return prepare_motifs(load_motifs([inputs.folder / "modisco.h5"]), MotifOptions())


@pytest.fixture(scope="module")
def expected(inputs: Inputs, motifs: xr.Dataset, tmp_path_factory) -> dict[str, bytes]:
    folder = tmp_path_factory.mktemp("expected")
    call_hits(inputs.folder / "regions.zarr", motifs, folder / "h.zarr", solver=Failing())
    return chunks(folder / "h.zarr")


@pytest.fixture
def job(inputs: Inputs, motifs: xr.Dataset, tmp_path: Path) -> CallJob:
    shutil.copytree(inputs.folder / "regions.zarr", tmp_path / "regions.zarr")
    return CallJob(tmp_path / "regions.zarr", motifs, tmp_path / "h.zarr", Failing(), ONE)


def flip(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)


def truncate(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-7])


def empty(path: Path) -> None:
    path.write_bytes(b"")


DAMAGES = [flip, truncate, empty, Path.unlink]


def stopped(job: CallJob, after: int) -> Path:
    """Interrupt a run after some blocks; returns where its state lies."""
    interrupted = replace(job, solver=Failing((after,), KeyboardInterrupt()))
    with pytest.raises(KeyboardInterrupt):
        interrupted.run()
    return store.state_path(job.out)


@pytest.mark.parametrize("after", [0, 1, 5, 15])
def test_run__goes_on_where_it_was(job: CallJob, expected, after: int) -> None:
    stopped(job, after)
    job.run()
    assert len(job.solver.seen) == 16 - after
    assert chunks(job.out) == expected
    assert [path.name for path in job.out.parent.iterdir() if path.name[0] == "."] == []


@pytest.mark.parametrize("damage", DAMAGES)
def test_run__does_a_block_again_whose_part_is_damaged(job, expected, damage) -> None:
    state = stopped(job, 6)
    part = sorted((state / "parts").iterdir())[2]
    damage(part)
    with pytest.raises(RunError, match=rf"the part of block {int(part.stem)} \(.*is damaged"):
        job.run()
    assert not job.out.exists()
    job.run()
    assert len(job.solver.seen) == 10 + 1
    assert chunks(job.out) == expected


@pytest.mark.parametrize("damage", DAMAGES)
def test_run__does_a_block_again_whose_mark_is_damaged(job, expected, damage) -> None:
    state = stopped(job, 6)
    block = int(sorted((state / "parts").iterdir())[3].stem)
    damage(state / "ledger" / "c" / str(block) / "0")
    job.run()
    assert len(job.solver.seen) == 10 + 1
    assert chunks(job.out) == expected


@pytest.mark.parametrize("damage", DAMAGES)
def test_run__begins_anew_where_its_plan_is_lost(job, expected, damage) -> None:
    state = stopped(job, 6)
    damage(state / "plan")
    job.run()
    assert len(job.solver.seen) == 16
    assert chunks(job.out) == expected


@pytest.mark.parametrize("damage", DAMAGES)
@pytest.mark.parametrize("name", ["region_sequence/c/4/0", "region_contributions/c/4/0"])
def test_run__names_the_regions_of_a_damaged_chunk(job, inputs, expected, damage, name) -> None:
    damage(job.regions / name)
    with pytest.raises(RunError, match=r"1 of 16 blocks failed, the others are done.*regions 200"):
        job.run()
    assert not job.out.exists()
    shutil.copy(inputs.folder / "regions.zarr" / name, job.regions / name)
    job.run()
    assert len(job.solver.seen) == 16
    assert chunks(job.out) == expected


def test_run__does_all_other_blocks_when_some_fail(job: CallJob, expected) -> None:
    failing = replace(job, solver=Failing((2, 7)))
    with pytest.raises(RunError) as caught:
        failing.run()
    message = str(caught.value)
    assert re.match(r"2 of 16 blocks failed, the others are done. block \d+, 50 regions", message)
    assert "ValueError: the GPU is on fire" in message
    assert "start the same command again: only what failed is left to do" in message
    assert len(failing.solver.seen) == 16
    job.run()
    assert len(job.solver.seen) == 2
    assert chunks(job.out) == expected


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EROFS, errno.EACCES, errno.EDQUOT])
@pytest.mark.parametrize("at", [0, 4, 15])
def test_run__goes_on_after_a_disk_that_cannot_be_written(
    job: CallJob, expected, monkeypatch, code: int, at: int
) -> None:
    write, written = store.write_file, []

    def full(path: Path, data: bytes) -> None:
        if path.suffix == ".npz":
            written.append(path)
            if len(written) > at:
                raise OSError(code, "no")
        write(path, data)

    monkeypatch.setattr(store, "write_file", full)
    with pytest.raises(RunError, match=r"h.zarr: cannot be written, .*what is done is kept"):
        job.run()
    assert len(written) == at + 1  # all other blocks would fail, too
    assert not job.out.exists()
    monkeypatch.undo()
    job.run()
    assert chunks(job.out) == expected


@pytest.mark.parametrize("damage", [flip, truncate, empty])
def test_tables__are_not_written_from_a_damaged_store(job, damage, tmp_path: Path) -> None:
    job.run()
    for name in ("hits/hit_start/c/0", "qc/qc_nll/c/0", "regions/region_start/c/0"):
        whole = (job.out / name).read_bytes()
        damage(job.out / name)
        with pytest.raises(ReadError, match="damaged store"):
            write_tables(job.out, tmp_path / "t")
        assert not list((tmp_path / "t").iterdir())
        (job.out / name).write_bytes(whole)


# --- Started in another way ----------------------------------------------------------------------


def test_run__refuses_to_go_on_in_another_way(job: CallJob, expected) -> None:
    stopped(job, 4)
    other = replace(job, solver=CoordinateDescent(tolerance=1e-3))
    with pytest.raises(RunError) as caught:
        other.run()
    assert "h.zarr: not finished (4 of 16 blocks are done), and started in another way" in str(
        caught.value
    )
    assert "tolerance was" in str(caught.value)
    replace(job, options=replace(ONE, jobs=2, scheduler="threads")).run()
    assert chunks(job.out) == expected


def test_run__refuses_to_go_on_with_other_motifs(job: CallJob, inputs: Inputs) -> None:
    stopped(job, 4)
    raw = load_motifs([inputs.folder / "modisco.h5"])
    fewer = prepare_motifs(raw.isel(motif=slice(3)), MotifOptions())
    with pytest.raises(RunError, match="digest of the motifs was"):
        replace(job, motifs=fewer).run()
    overwritten = replace(job, motifs=fewer).run(overwrite=True)
    assert overwritten.motifs.sizes["motif"] == 6


def test_run__may_be_started_in_another_way_while_nothing_is_done(job: CallJob) -> None:
    stopped(job, 0)
    replace(job, options=replace(ONE, post_filter=False)).run()
    assert job.out.exists()


# --- Two at once ---------------------------------------------------------------------------------


@pytest.fixture
def held(job: CallJob) -> Iterator[Path]:
    from finemo_zarr.store.staging import holding

    with holding(job.out):
        yield job.out.parent / ".h.zarr.partial" / "lock"


def test_lock__refuses_a_second_run_by_host_and_process(job: CallJob, held: Path) -> None:
    import os
    import socket

    who = f"process {os.getpid()} on {socket.gethostname()} is working on it"
    with pytest.raises(RunError, match=who):
        job.run()
    with pytest.raises(RunError, match=who):
        job.plan()
    with pytest.raises(RunError, match=who):
        job.work(1, 2)


def lock_of(job: CallJob, **changes: Any) -> Path:
    from finemo_zarr.store.lock import Holder

    lock = job.out.parent / ".h.zarr.partial" / "lock"
    lock.parent.mkdir(exist_ok=True)
    values = {**json.loads(Holder.me().encode()), **changes}
    lock.write_text(json.dumps(values))
    return lock


@pytest.mark.parametrize(
    "changes",
    [
        {"pid": 2**22 - 1},
        {},  # the number of this process, but from a time before it
        {"host": "elsewhere", "seen": 0.0},
    ],
)
def test_lock__of_a_dead_process_is_taken_over(job: CallJob, expected, changes) -> None:
    lock_of(job, **changes)
    job.run()
    assert chunks(job.out) == expected
    assert not job.out.with_name(".h.zarr.partial").exists()


def test_lock__of_a_living_process_elsewhere_holds(job: CallJob) -> None:
    lock = lock_of(job, host="elsewhere")
    with pytest.raises(RunError, match=r"on elsewhere is working on it .*remove .*lock"):
        job.run()
    lock.unlink()
    job.run()


# --- Shares --------------------------------------------------------------------------------------


@pytest.mark.parametrize("order", [(1, 2, 3), (3, 1, 2), (2, 2, 1, 3, 1)])
def test_shares__in_any_order_and_twice_give_the_same(job, expected, order) -> None:
    assert job.plan() == 16
    for number in order:
        job.work(number, 3)
    job.finish()
    assert len(job.solver.seen) == 16
    assert chunks(job.out) == expected


def test_shares__are_not_joined_before_all_are_done(job: CallJob) -> None:
    with pytest.raises(RunError, match="nothing is planned"):
        job.work(1, 2)
    job.plan()
    job.work(1, 2)
    with pytest.raises(RunError, match=r"8 of 16 blocks are not done \(8, 9, 10, …\)"):
        job.finish()
    with pytest.raises(RunError, match="share 3/2 does not exist"):
        job.work(3, 2)
    job.work(2, 2)
    job.finish()


def test_shares__of_another_way_are_refused(job: CallJob) -> None:
    job.plan()
    job.work(1, 2)
    with pytest.raises(RunError, match="started in another way"):
        replace(job, options=replace(ONE, post_filter=False)).work(2, 2)
    assert find_run(job.out) is not None


def test_shares__two_workers_on_one_block_are_safe(job: CallJob, expected) -> None:
    job.plan()
    job.work(1, 1)
    state = store.state_path(job.out)
    # A second worker that had begun this block before the first one marked it, and gave another
    # part: its mark came first, its part last.
    part = state / "parts" / "0000004.npz"
    with np.load(part) as arrays:
        other = {name: values[::-1].copy() for name, values in arrays.items()}
    np.savez(part.with_suffix(""), **other)
    with pytest.raises(RunError, match="two processes wrote different ones"):
        job.finish()
    job.work(1, 1)
    job.finish()
    assert chunks(job.out) == expected


# --- The same tables, however they are made ------------------------------------------------------


WAYS: dict[str, list[str]] = {
    "one after the other": ["--scheduler", "sync"],
    "one thread": ["--jobs", "1"],
    "three threads": ["--jobs", "3"],
    "processes": ["--scheduler", "processes", "--jobs", "2"],
    "two chunks a block": ["--block-size", "130"],
    "one block": ["--block-size", "100000"],
    "tiles": ["--tile", "120"],
}


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Callable[..., str]:
    def call(*arguments: object) -> str:
        with pytest.raises(SystemExit) as exited:
            main([str(argument) for argument in arguments])
        captured = capsys.readouterr()
        assert exited.value.code == 0, captured.err
        return captured.out

    return call


@pytest.mark.parametrize("way", WAYS)
def test_tables__are_the_same_byte_for_byte(inputs: Inputs, tmp_path: Path, run, way: str) -> None:
    run(*inputs.call(tmp_path / "hits", *WAYS[way]))
    found, wanted = tables(tmp_path / "hits"), tables(inputs.folder / "hits")
    if way == "tiles":  # equal up to the tolerance: the hits, not the last digit of a score
        assert [line.split(b"\t")[:6] for line in found["hits.tsv"].splitlines()] == [
            line.split(b"\t")[:6] for line in wanted["hits.tsv"].splitlines()
        ]
        return
    assert found == wanted


def test_tables__of_an_array_job_are_the_same(inputs: Inputs, tmp_path: Path, run) -> None:
    out = tmp_path / "hits"
    said = run(*inputs.call(out, "--plan", "3"))
    assert "16 blocks are planned" in said
    assert "--block-range K/3" in said
    assert not out.exists()
    for share in ("2/3", "1/3", "3/3"):
        run(*inputs.call(out, "--block-range", share))
    run(*inputs.call(out, "--finalise"))
    assert tables(out) == tables(inputs.folder / "hits")
    assert [path.name for path in tmp_path.iterdir()] == ["hits"]


def test_tables__of_a_cluster_are_the_same(inputs: Inputs, tmp_path: Path, run) -> None:
    from distributed import LocalCluster

    with LocalCluster(
        n_workers=2, threads_per_worker=1, processes=True, dashboard_address=":0"
    ) as cluster:
        address = ("--scheduler", cluster.scheduler_address)
        run(*inputs.extract(tmp_path / "regions.zarr", *address))
        run(*inputs.call(tmp_path / "hits", *address))
    assert tables(tmp_path / "hits") == tables(inputs.folder / "hits")
    stored, wanted = (
        store.open_regions(folder / "regions.zarr") for folder in (tmp_path, inputs.folder)
    )
    xr.testing.assert_equal(stored.load(), wanted.load())
