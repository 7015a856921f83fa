"""Run the command line in this process, on files that are made for it."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from finemo_zarr.cli import main
from finemo_zarr.testing import write_bigwig, write_fasta, write_modisco_h5, write_narrowpeak


@dataclass(frozen=True)
class Result:
    """What a command left."""

    code: int
    out: str
    err: str


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Callable[..., Result]:
    """Run a command."""

    def call(*args: object) -> Result:
        capsys.readouterr()
        with pytest.raises(SystemExit) as exited:
            main([str(arg) for arg in args])
        captured = capsys.readouterr()
        return Result(exited.value.code, captured.out, captured.err)

    return call


@dataclass(frozen=True)
class Files:
    """Input files of the same regions."""

    fasta: Path
    bigwig: Path
    peaks: Path
    motifs: Path


@pytest.fixture
def files(tmp_path: Path, regions, raw_motifs) -> Files:
    """Write a genome, scores, peaks and motifs."""
    folder = tmp_path / "input"
    folder.mkdir()
    made = Files(*(folder / name for name in ("g.fa", "s.bw", "p.narrowPeak", "m.h5")))
    write_bigwig(regions, made.bigwig, write_fasta(regions, made.fasta))
    write_narrowpeak(regions, made.peaks)
    write_modisco_h5(raw_motifs, made.motifs)
    return made
