"""The kernel, compiled for the CPU with a thread for each lane, and for a GPU where NVRTC is."""

import ctypes
import shutil
import subprocess
from dataclasses import fields
from pathlib import Path

import numpy as np
import pytest
from finemo_zarr_cupy import block as block_module
from finemo_zarr_cupy.bank import lay_out
from finemo_zarr_cupy.batch import load
from finemo_zarr_cupy.kernel import arguments, source
from finemo_zarr_cupy.settle import settle_arrays
from finemo_zarr_cupy.solve import solve_batch
from finemo_zarr_cupy.solver import CuPySolver

from finemo_zarr.motifs import MotifOptions, prepare_motifs
from finemo_zarr.testing import simulate_motifs, simulate_regions

LANES = 4
HERE = Path(__file__).parent


@pytest.fixture(scope="module")
def emulated(tmp_path_factory):
    """A settler that runs the kernel on the CPU."""
    compiler = shutil.which("g++")
    if compiler is None:
        pytest.skip("no g++, which compiles the kernel for the CPU")
    folder = tmp_path_factory.mktemp("kernel")
    kernel, library = folder / "kernel.cu", folder / "kernel.so"
    kernel.write_text(source(LANES))
    flags = ["-std=c++20", "-O1", "-Wall", "-Wno-unknown-pragmas", "-fPIC", "-shared", "-pthread"]
    command = [compiler, *flags, f'-DKERNEL="{kernel}"', HERE / "emulated_warp.cpp", "-o", library]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if "unrecognized command" in done.stderr:
        pytest.skip("g++ does not know C++20, whose barriers stand for the warp")
    assert done.returncode == 0, done.stderr
    assert not done.stderr
    run = ctypes.CDLL(str(library)).run

    def settle(xp, bank, batch, columns, clusters):
        given = arguments(xp, bank, batch, columns, clusters)
        held = [
            ctypes.c_void_p(value.ctypes.data)
            if isinstance(value, np.ndarray)
            else ctypes.c_int(int(value))
            for value in given
        ]
        pointers = (ctypes.c_void_p * len(held))(*(ctypes.addressof(value) for value in held))
        run(pointers, ctypes.c_int(clusters.budget.size))
        return given[-1]

    return settle


def case(mode, n_regions=12, length=150, **options):
    motifs = simulate_motifs(6, 16, (5, 12), palindromes=0.5, seed=4)
    regions, _ = simulate_regions(
        motifs, n_regions, length, sites_per_region=3, hypothetical=mode[1] == "h", seed=5
    )
    return regions, prepare_motifs(motifs, MotifOptions(mode=mode, **options))


@pytest.mark.parametrize("mode", ["pp", "hh"])
def test_kernel__gives_what_array_operations_give(emulated, monkeypatch, mode):
    regions, motifs = case(mode)
    solver = CuPySolver(device="cpu")
    expected = solver.solve(regions, motifs)
    calls = []
    monkeypatch.setattr(
        block_module, "settle_arrays", lambda *given: calls.append(1) or emulated(*given)
    )
    found = solver.solve(regions, motifs)
    assert calls
    assert expected.hits.sizes["hit"] > 12
    for name in ("hit_region", "hit_motif", "hit_start"):
        np.testing.assert_array_equal(found.hits[name].values, expected.hits[name].values)
    np.testing.assert_allclose(
        found.hits.hit_coefficient.values, expected.hits.hit_coefficient.values, rtol=1e-9
    )
    assert found.qc.qc_dual_gap.values.max() < 1e-9


def test_kernel__takes_the_steps_of_the_array_operations(emulated):
    regions, motifs = case("pp", lambda_default=0.1)
    bank = lay_out(motifs, np)
    solved = []
    for settle in (settle_arrays, emulated):
        batch = load(
            np,
            regions.region_sequence.values,
            regions.region_contributions.values,
            motifs.attrs,
            bank.widest,
            0,
        )
        columns, steps = solve_batch(np, bank, batch, settle, max_steps=7, cells=2**16)
        solved.append((columns, batch, steps))
    (one, left, few), (other, left_other, few_other) = solved
    assert few.max() == 7
    np.testing.assert_array_equal(few, few_other)
    np.testing.assert_allclose(left.residual, left_other.residual, atol=1e-12)
    for field in fields(one):
        np.testing.assert_allclose(
            getattr(one, field.name), getattr(other, field.name), atol=1e-12, err_msg=field.name
        )


def test_kernel__compiles_for_a_gpu():
    nvrtc = pytest.importorskip("cupy", reason="no CuPy, through which NVRTC compiles").cuda.nvrtc
    program = nvrtc.createProgram(source(), "settle.cu", (), ())
    try:
        nvrtc.compileProgram(program, ("--std=c++17",))
    except nvrtc.NVRTCError:
        pytest.fail(nvrtc.getProgramLog(program))
