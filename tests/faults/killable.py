"""The command line in processes that can be killed, slow enough that there is a middle."""

import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

N_REGIONS = 800
WIDTH = 200
TABLES = ("hits.tsv", "hits_unique.tsv", "hits.bed", "peaks_qc.tsv", "motif_data.tsv")

# Blocks of few regions, and a pause after each, so that a signal finds some done and some not.
SLOW = """
import sys, time
from finemo_zarr import store
from finemo_zarr.cli import main
from finemo_zarr.readers import _lazy
_lazy.BLOCK_BYTES = 40_000
pause = float(sys.argv[1])
write_file, write_rows = store.write_file, store.write_rows
def slow_file(path, data):
    write_file(path, data)
    if path.suffix == ".npz":
        print("block", flush=True)
        time.sleep(pause)
def slow_rows(*args, **more):
    write_rows(*args, **more)
    print("block", flush=True)
    time.sleep(pause)
store.write_file, store.write_rows = slow_file, slow_rows
main(sys.argv[2:])
"""


@dataclass(frozen=True)
class Inputs:
    """Files of simulated regions."""

    folder: Path

    def extract(self, out: Path, *more: object) -> list[object]:
        files = {"-f": "genome.fa", "-b": "scores.bw", "-p": "peaks.narrowPeak"}
        named = [part for flag, name in files.items() for part in (flag, self.folder / name)]
        return ["extract-regions-bw", *named, "-w", WIDTH, "-o", out, *more]

    def call(self, out: Path, *more: object) -> list[object]:
        regions = self.folder / "regions.zarr"
        return ["call-hits", "-r", regions, "-m", self.folder / "modisco.h5", "-o", out, *more]


def start(arguments: list[object], pause: float = 0.0) -> "subprocess.Popen[str]":
    command = [sys.executable, "-c", SLOW, pause, *arguments]
    return subprocess.Popen(
        [str(part) for part in command],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def finish(arguments: list[object], code: int = 0) -> tuple[str, str]:
    """Run to the end; returns what was printed, without the lines of blocks, and the errors."""
    running = start(arguments)
    out, err = running.communicate(timeout=120)
    assert running.returncode == code, err
    return out.replace("block", "").lstrip(), err


def n_blocks(arguments: list[object]) -> int:
    """Run to the end; returns how many blocks were done."""
    running = start(arguments)
    out, err = running.communicate(timeout=120)
    assert running.returncode == 0, err
    return out.count("block")


def tables(folder: Path) -> dict[str, bytes]:
    return {name: (folder / name).read_bytes() for name in TABLES}


def chunks(store: Path) -> dict[str, bytes]:
    """All chunks of a store, without what says when it was made."""
    return {
        str(path.relative_to(store)): path.read_bytes()
        for path in sorted(store.rglob("*"))
        if path.is_file() and path.name != "zarr.json"
    }
