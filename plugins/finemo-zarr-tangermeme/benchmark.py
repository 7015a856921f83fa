# A script beside the distribution, not part of it.
# ruff: noqa: INP001
"""Time and memory of a scan of many motifs by `fimo-attribution`, as call-hits runs it.

    python plugins/finemo-zarr-tangermeme/benchmark.py
    python plugins/finemo-zarr-tangermeme/benchmark.py --motifs-file jaspar.meme

Sequences and scores are random; without a file so are the motifs, 6 to 20 bp wide. The command
runs in a process of its own, with its progress bar where there is a terminal. A first, small run
compiles.
"""

import resource
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import click
import numpy as np

from finemo_zarr import create_regions, extract_regions, open_hits

if TYPE_CHECKING:
    import xarray as xr

_PER_GB = 1e6 if sys.platform != "darwin" else 1e9  # of what the system calls a unit


@dataclass(frozen=True)
class RandomReader:
    """Regions that are in memory."""

    name: ClassVar[str] = "random"
    summary: ClassVar[str] = "Random regions."
    regions: Any

    def read(self) -> "xr.Dataset":
        """Return them, in chunks."""
        chunked: xr.Dataset = self.regions.chunk(region=64)
        return chunked


def write_regions(path: Path, count: int, width: int, rng: np.random.Generator) -> None:
    """Write random sequences with random scores."""
    codes = rng.integers(0, 4, (count, width)).astype(np.uint8)
    scores = rng.normal(size=(count, width)).astype(np.float32)
    extract_regions(RandomReader(create_regions(codes, scores)), path, jobs=1)


def write_motifs(path: Path, count: int, rng: np.random.Generator) -> None:
    """Write random motifs, each column mostly of one base."""
    lines = ["MEME version 4", "", "ALPHABET= ACGT", ""]
    for index in range(count):
        columns = rng.dirichlet(np.full(4, 0.2), int(rng.integers(6, 21)))
        lines += [
            f"MOTIF random_{index}",
            f"letter-probability matrix: alength= 4 w= {len(columns)}",
        ]
        lines += [" ".join(f"{share:.6f}" for share in column) for column in columns]
        lines.append("")
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


def first_motifs(source: Path, path: Path, count: int) -> None:
    """Copy the first motifs of a MEME file."""
    head, *motifs = source.read_text(encoding="utf-8").split("MOTIF ")
    path.write_text(head + "".join(f"MOTIF {text}" for text in motifs[:count]), encoding="utf-8")


def scan(regions: Path, motifs: Path, out: Path) -> float:
    """Run call-hits, and return the seconds it took."""
    words = ["call-hits", "-r", regions, "-m", motifs, "-o", out, "-t", "0"]
    words += ["--solver", "fimo-attribution"]
    begun = time.perf_counter()
    command = [sys.executable, "-m", "finemo_zarr", *map(str, words)]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - begun


@click.command(help=__doc__)
@click.option("--regions", default=1000, help="Number of regions.")
@click.option("--width", default=1000, help="Their width, bp.")
@click.option("--motifs", default=2000, help="Number of motifs.")
@click.option("--motifs-file", type=click.Path(exists=True, path_type=Path), help="MEME file.")
def main(regions: int, width: int, motifs: int, motifs_file: Path | None) -> None:
    """Make the input, scan, and print what it took."""
    rng = np.random.default_rng(0)
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        for name, size in (("small", 8), ("all", regions)):
            write_regions(place / f"{name}.zarr", size, width, rng)
        if motifs_file is None:
            write_motifs(place / "motifs.meme", motifs, rng)
        else:
            first_motifs(motifs_file, place / "motifs.meme", motifs)
        scan(place / "small.zarr", place / "motifs.meme", place / "warm")
        seconds = scan(place / "all.zarr", place / "motifs.meme", place / "hits")
        found = open_hits(place / "hits").hits.sizes["hit"]
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / _PER_GB
    click.echo(
        f"{regions:,} x {width:,} bp, {motifs:,} motifs: {seconds:.1f} s, peak {peak:.2f} GB, "
        f"{found:,} hits"
    )


if __name__ == "__main__":
    main()
