"""Hits of the bundled example, called once."""

from pathlib import Path

import pytest
from click.testing import CliRunner

from finemo_zarr.cli.app import app

DATA = Path(__file__).parents[2] / "examples/data"


def run(*words: object) -> None:
    """Run a command of ours in this process."""
    result = CliRunner().invoke(app, [str(word) for word in words], catch_exceptions=False)
    assert result.exit_code == 0, result.output


@pytest.fixture(scope="session")
def called(tmp_path_factory) -> Path:
    """Return a folder with ``regions.zarr`` and ``hits``."""
    folder = tmp_path_factory.mktemp("called")
    run(
        *("extract-regions-bw", "-p", DATA / "peaks.narrowPeak", "-f", DATA / "genome.fa"),
        *("-b", DATA / "contributions.bw", "-w", 500, "-o", folder / "regions.zarr"),
    )
    run(
        *("call-hits", "-r", folder / "regions.zarr", "-m", DATA / "modisco.h5"),
        *("-N", DATA / "motif_names.tsv", "-o", folder / "hits"),
    )
    return folder


@pytest.fixture(scope="session")
def modisco() -> Path:
    """Return the TF-MoDISco file of the example."""
    return DATA / "modisco.h5"


@pytest.fixture(scope="session")
def reported(called: Path, modisco: Path, tmp_path_factory) -> Path:
    """Return the folder of a report with everything in it."""
    out = tmp_path_factory.mktemp("reported") / "report"
    run("report", "-H", called / "hits", "-m", modisco, "-o", out)
    return out
