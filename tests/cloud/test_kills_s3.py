"""Killed on the way to a bucket, a run goes on where it was."""

import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from faulty_proxy import Proxy

from finemo_zarr import store
from finemo_zarr.errors import ReadError, RunError
from finemo_zarr.execution import extract_regions
from finemo_zarr.readers.bw import BigWigReader
from finemo_zarr.store import RemotePath, locate
from finemo_zarr.testing import write_bigwig, write_fasta, write_narrowpeak


@pytest.fixture
def reader_of_files(tmp_path: Path, regions) -> BigWigReader:
    write_bigwig(regions, tmp_path / "s.bw", write_fasta(regions, tmp_path / "g.fa"))
    write_narrowpeak(regions, tmp_path / "p.narrowPeak")
    return BigWigReader(
        fasta=tmp_path / "g.fa",
        bigwigs=(tmp_path / "s.bw",),
        peaks=tmp_path / "p.narrowPeak",
        region_width=80,
    )


def start(out: RemotePath, reader: BigWigReader) -> "subprocess.Popen[bytes]":
    files = ["-f", reader.fasta, "-b", *reader.bigwigs, "-p", reader.peaks]
    command = ["extract-regions-bw", *files, "-w", 80, "--jobs", 1, "-o", out]
    return subprocess.Popen(
        [sys.executable, "-m", "finemo_zarr", *map(str, command)], stderr=subprocess.PIPE
    )


def test_extract__killed_on_the_way_goes_on(
    bucket: str, proxy: Proxy, tmp_path: Path, reader_of_files: BigWigReader
) -> None:
    out = RemotePath(f"{bucket}/regions.zarr")
    proxy.faults, proxy.one_in = ("slow",), 3
    running = start(out, reader_of_files)
    while not (locate(f"{out}/region_contributions/c")).is_dir() and running.poll() is None:
        time.sleep(0.05)
    lock = RemotePath(f"{bucket}/.regions.zarr.partial/lock")
    assert lock.is_file()
    with pytest.raises(RunError, match=f"process {running.pid} on .* is working on it"):
        extract_regions(reader_of_files, out)
    running.send_signal(signal.SIGKILL)
    running.communicate(timeout=60)
    assert running.returncode != 0
    proxy.faults = ()
    assert lock.is_file()  # of a dead process: recognised
    with pytest.raises(ReadError, match="not finished"):
        store.open_regions(out)
    found = extract_regions(reader_of_files, out)
    expected = extract_regions(reader_of_files, tmp_path / "regions.zarr")
    assert found.load().equals(expected.load())
    assert [path.name for path in RemotePath(bucket).iterdir()] == ["regions.zarr"]


def test_lock__of_a_dead_process_elsewhere_is_stale(
    bucket: str, proxy: Proxy, regions, reader, monkeypatch: pytest.MonkeyPatch
) -> None:
    from finemo_zarr.store.lock import STALE_AFTER, Holder

    lock = RemotePath(f"{bucket}/.regions.zarr.partial/lock")
    lock.write_bytes(Holder("elsewhere", 1, "token", 0).encode())
    with pytest.raises(RunError, match="process 1 on elsewhere is working on it"):
        extract_regions(reader(regions), f"{bucket}/regions.zarr")
    now = time.time()
    monkeypatch.setattr("finemo_zarr.store.lock.time.time", lambda: now + STALE_AFTER + 10)
    made = extract_regions(reader(regions), f"{bucket}/regions.zarr")
    np.testing.assert_array_equal(made["region_start"].values, regions["region_start"].values)
    assert not lock.exists()
