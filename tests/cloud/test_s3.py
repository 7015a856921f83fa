"""The whole job on an S3 server, which fails now and then."""

import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
from faulty_proxy import FAULTS, Proxy

import finemo_zarr as fz
from finemo_zarr.cli import main
from finemo_zarr.errors import FinemoError, RunError
from finemo_zarr.execution.check import check_store
from finemo_zarr.store import buckets
from finemo_zarr.store.locations import RemotePath
from finemo_zarr.testing import write_bigwig, write_fasta, write_modisco_h5, write_narrowpeak

TABLES = ("hits.tsv", "hits_unique.tsv", "hits.bed", "peaks_qc.tsv", "motif_data.tsv")


@dataclass(frozen=True)
class Job:
    """The commands, and what they give on a disk."""

    folder: Path

    def extract(self, out: object) -> list[str]:
        files = {"-f": "genome.fa", "-b": "scores.bw", "-p": "peaks.narrowPeak"}
        named = [str(part) for flag, name in files.items() for part in (flag, self.folder / name)]
        return ["extract-regions-bw", *named, "-w", "80", "-o", str(out)]

    def call(self, regions: object, out: object, *more: str) -> list[str]:
        motifs = str(self.folder / "modisco.h5")
        return ["call-hits", "-r", str(regions), "-m", motifs, "-o", str(out), *more]

    def tables(self) -> dict[str, bytes]:
        return {name: (self.folder / "hits" / name).read_bytes() for name in TABLES}


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Callable[..., tuple[int, str, str]]:
    def call(arguments: list[str]) -> tuple[int, str, str]:
        with pytest.raises(SystemExit) as exited:
            main(arguments)
        captured = capsys.readouterr()
        return int(exited.value.code or 0), captured.out, captured.err

    return call


@pytest.fixture
def job(tmp_path: Path, regions, raw_motifs, run) -> Job:
    folder = tmp_path / "local"
    folder.mkdir()
    write_modisco_h5(raw_motifs, folder / "modisco.h5")
    write_bigwig(regions, folder / "scores.bw", write_fasta(regions, folder / "genome.fa"))
    write_narrowpeak(regions, folder / "peaks.narrowPeak")
    made = Job(folder)
    assert run(made.extract(folder / "regions.zarr"))[0] == 0
    assert run(made.call(folder / "regions.zarr", folder / "hits"))[0] == 0
    return made


def tables(out: str) -> dict[str, bytes]:
    return {name: (RemotePath(out) / name).read_bytes() for name in TABLES}


def test_s3__holds_the_whole_job(job: Job, bucket: str, run) -> None:
    assert run(job.extract(f"{bucket}/regions.zarr"))[0] == 0
    code, said, error = run(job.call(f"{bucket}/regions.zarr", f"{bucket}/hits"))
    assert (code, error) == (0, "")
    assert f"tables: {bucket}/hits/hits.tsv and others" in said
    assert tables(f"{bucket}/hits") == job.tables()
    assert [path.name for path in RemotePath(bucket).iterdir()] == ["hits", "regions.zarr"]
    for path in (f"{bucket}/regions.zarr", f"{bucket}/hits"):
        assert run(["info", path])[0] == 0
        assert run(["check", path])[0] == 0
    # Once more is nothing; in another way is an error; that may be overwritten.
    assert run(job.call(f"{bucket}/regions.zarr", f"{bucket}/hits"))[1].startswith("complete")
    code, _, error = run(job.call(f"{bucket}/regions.zarr", f"{bucket}/hits", "-l", "0.8"))
    assert code == 1
    assert "made in another way" in error
    more = ("-l", "0.8", "--overwrite")
    assert run(job.call(f"{bucket}/regions.zarr", f"{bucket}/hits", *more))[0] == 0
    assert tables(f"{bucket}/hits") != job.tables()


def test_s3__gives_motifs_and_opens_in_python(job: Job, bucket: str, run) -> None:
    assert run(job.call(job.folder / "regions.zarr", f"{bucket}/hits"))[0] == 0
    again = ["call-hits", "-r", str(job.folder / "regions.zarr"), "-m", f"{bucket}/hits"]
    assert run([*again, "-o", str(job.folder / "again")])[0] == 0
    assert (job.folder / "again/hits.tsv").read_bytes() == job.tables()["hits.tsv"]
    opened = fz.open_hits(f"{bucket}/hits")
    assert opened.hits.sizes["hit"] == job.tables()["hits.tsv"].count(b"\n") - 1
    fz.write_tables(f"{bucket}/hits", job.folder / "copied")
    assert (job.folder / "copied/hits.bed").read_bytes() == job.tables()["hits.bed"]


def test_s3__that_fails_one_request_in_five_gives_the_same(
    job: Job, bucket: str, proxy: Proxy, run
) -> None:
    proxy.faults = FAULTS
    for arguments in (
        job.extract(f"{bucket}/regions.zarr"),
        job.call(f"{bucket}/regions.zarr", f"{bucket}/hits"),
    ):
        for _ in range(60):  # until nothing is left to do: what is done is kept
            code, _, error = run(arguments)
            if code == 0:
                break
            assert bucket in error
            assert "Traceback" not in error
    assert code == 0
    assert proxy.failed > 10
    proxy.faults = ()
    assert tables(f"{bucket}/hits") == job.tables()
    for path in (f"{bucket}/regions.zarr", f"{bucket}/hits"):
        assert check_store(path).state == "ok"


def test_s3__goes_on_where_a_killed_process_was(job: Job, bucket: str, proxy: Proxy, run) -> None:
    assert run(job.extract(f"{bucket}/regions.zarr"))[0] == 0
    arguments = job.call(f"{bucket}/regions.zarr", f"{bucket}/hits", "--jobs", "1")
    proxy.faults, proxy.one_in = ("slow",), 10
    running = subprocess.Popen(
        [sys.executable, "-m", "finemo_zarr", *arguments], stderr=subprocess.PIPE
    )
    parts = RemotePath(f"{bucket}/hits/.hits.zarr.partial/run/parts")
    while running.poll() is None and not (parts.is_dir() and len(list(parts.iterdir())) >= 2):
        time.sleep(0.02)
    running.send_signal(signal.SIGKILL)
    running.communicate(timeout=60)
    assert running.returncode != 0
    proxy.faults = ()
    with pytest.raises(FinemoError, match=r"not finished|no such"):
        fz.open_hits(f"{bucket}/hits")
    assert not any((RemotePath(bucket) / "hits" / name).is_file() for name in TABLES)
    assert run(arguments)[0] == 0
    assert tables(f"{bucket}/hits") == job.tables()


def test_s3__locks(job: Job, bucket: str) -> None:
    from finemo_zarr.store.staging import holding

    out = RemotePath(f"{bucket}/x.zarr")
    with holding(out), pytest.raises(RunError, match="is working on it"), holding(out):
        pass
    with holding(out):
        pass


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [("AWS_ENDPOINT_URL", "http://127.0.0.1:9", "cannot be reached")],
)
def test_s3__that_is_not_there_is_one_line(
    job: Job, bucket: str, run, monkeypatch, name: str, value: str, message: str
) -> None:
    monkeypatch.setenv(name, value)
    buckets.bucket.cache_clear()
    begin = time.monotonic()
    code, _, error = run(["info", f"{bucket}/hits"])
    assert code == 1
    assert message in error
    assert bucket in error
    assert error.strip().count("\n") == 0
    assert time.monotonic() - begin < 60


def test_s3__missing_stores_and_buckets_are_one_line(job: Job, bucket: str, run) -> None:
    for path in (f"{bucket}/gone.zarr", "s3://no-such-bucket/x.zarr"):
        code, _, error = run(["info", path])
        assert code == 1
        assert path.rpartition("/")[0] in error
        assert error.strip().count("\n") == 0
    code, _, error = run(job.extract("s3://no-such-bucket/x.zarr"))
    assert code == 1
    assert "s3://no-such-bucket" in error
