"""A process that is killed while a solver works leaves no result, and the next one is whole."""

import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from finemo_zarr.execution import extract_regions
from finemo_zarr.registry import get_reader
from finemo_zarr.testing import (
    simulate_motifs,
    simulate_regions,
    write_finemo_npz,
    write_modisco_h5,
)

CHILD = """
import sys
from finemo_zarr.cli import main
from finemo_zarr.registry import get_solver
cls = get_solver(sys.argv[1])
solve = cls.solve
def announced(self, regions, motifs):
    print("solving", regions.sizes["region"], flush=True)
    return solve(self, regions, motifs)
cls.solve = announced
main(sys.argv[2:])
"""


@pytest.fixture(scope="module")
def inputs(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    folder = tmp_path_factory.mktemp("kill")
    motifs = simulate_motifs(10, 20, (6, 12), seed=4)
    regions, _ = simulate_regions(motifs, 64, 400, seed=4)
    write_modisco_h5(motifs, folder / "modisco.h5")
    write_finemo_npz(regions, folder / "regions.npz")
    reader = get_reader("finemo-npz")(npz=(folder / "regions.npz",))
    extract_regions(reader, folder / "regions.zarr")
    return folder / "regions.zarr", folder / "modisco.h5"


@pytest.mark.parametrize("delay", [0.0, 0.05])
@pytest.mark.parametrize("solver", ["coordinate-descent", "prox-gradient"])
def test_solver__killed_at_work_leaves_no_result(
    inputs: tuple[Path, Path], tmp_path: Path, solver: str, delay: float
) -> None:
    if solver == "prox-gradient":
        pytest.importorskip("torch", reason="torch is not installed")
    regions, motifs = inputs
    out = tmp_path / "hits"
    command = ["call-hits", "-r", regions, "-m", motifs, "-o", out, "--solver", solver]
    arguments = [str(part) for part in (sys.executable, "-c", CHILD, solver, *command)]
    running = subprocess.Popen(arguments, stdout=subprocess.PIPE, text=True)
    assert running.stdout is not None
    assert running.stdout.readline().startswith("solving")
    time.sleep(delay)
    running.send_signal(signal.SIGKILL)
    running.communicate(timeout=60)
    if running.returncode == 0:
        pytest.skip("the solver was done before it could be killed")
    assert not out.exists()
    subprocess.run(arguments, check=True, capture_output=True)
    assert (out / "hits.tsv").read_text().count("\n") > 100
