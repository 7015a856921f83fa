"""Solver throughput: what it depends on, and how it compares."""

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from benchmark_sizes import FULL
from reference_loop import solve_by_prox_gradient

from finemo_zarr.problem import region_problem
from finemo_zarr.solvers.coordinate_descent import CoordinateDescent
from finemo_zarr.testing.contracts.solvers import prepared

SOLVER = CoordinateDescent()
CORES = os.cpu_count() or 1

CASES: dict[str, list[dict[str, Any]]] = {
    "region width": [{"length": n} for n in ((200, 500, 1000, 2000, 5000) if FULL else (100,))],
    "motifs": [{"n_motifs": n} for n in ((10, 40, 100, 300, 1000) if FULL else (3,))],
    "motif width": [{"width": n} for n in ((20, 30, 50) if FULL else (20,))],
    "mode": [{"mode": mode} for mode in ("pp", "ph", "hp", "hh")],
    "sites": [{"sites": n} for n in ((0, 4, 16) if FULL else (0,))],
    "lambda": [{"lam": lam} for lam in ((0.5, 0.7, 0.9) if FULL else (0.5,))],
}


@pytest.mark.parametrize(
    ("axis", "setting"),
    [(axis, setting) for axis, settings in CASES.items() for setting in settings],
    ids=lambda value: value if isinstance(value, str) else str(*value.values()),
)
def test_coordinate_descent(
    benchmark: Any,
    make_problem: Callable[..., Any],
    record: Callable[..., None],
    axis: str,
    setting: dict[str, Any],
) -> None:
    """One core, one block."""
    regions, motifs = make_problem(**setting)
    SOLVER.solve(regions.isel(region=slice(0, 1)), motifs)  # compile
    result = benchmark(SOLVER.solve, regions, motifs)
    assert result.qc.qc_converged.values.all()
    count = regions.sizes["region"]
    record(
        "solver", f"{axis} {next(iter(setting.values()))}", count,
        hits_per_region=round(result.hits.sizes["hit"] / count, 1),
    )  # fmt: skip


def test_coordinate_descent__on_all_cores(
    benchmark: Any, make_problem: Callable[..., Any], record: Callable[..., None]
) -> None:
    """Blocks in threads, as runs do it."""
    regions, motifs = make_problem()
    SOLVER.solve(regions.isel(region=slice(0, 1)), motifs)
    blocks = _cut(regions, CORES)
    with ThreadPoolExecutor(CORES) as pool:
        benchmark(lambda: list(pool.map(lambda block: SOLVER.solve(block, motifs), blocks)))
    record("ratio", f"coordinate-descent, {CORES} cores", regions.sizes["region"])


def _cut(regions: Any, count: int) -> list[Any]:
    edges = np.linspace(0, regions.sizes["region"], count + 1).astype(int)
    return [regions.isel(region=slice(*pair)) for pair in pairwise(edges) if pair[0] < pair[1]]


def test_reference_loop(
    benchmark: Any, make_problem: Callable[..., Any], record: Callable[..., None]
) -> None:
    """The formula that the reference uses, to the same tolerance, blocks in threads as well."""
    few = 20 * CORES if FULL else 2
    regions, motifs = make_problem()
    regions = regions.isel(region=slice(0, few))
    oriented = prepared(_forward(motifs), placement="full")
    blocks = _cut(regions, CORES)
    with ThreadPoolExecutor(CORES) as pool:
        solved = benchmark.pedantic(
            lambda: list(pool.map(lambda block: solve_by_prox_gradient(block, oriented), blocks)),
            rounds=3 if FULL else 1,
        )
    coefficients, steps = (np.concatenate(part) for part in zip(*solved, strict=True))
    for index in range(2):
        problem = region_problem(regions, index, oriented)
        found = np.zeros(problem.allowed.shape)
        for motif, start in enumerate(oriented.motif_start.values):
            column = coefficients[index, :, motif]
            found[motif, start : start + column.size] = column
        assert problem.duality_gap(found) / regions.sizes["position"] <= 5.1e-4
    record(
        "ratio", f"proximal gradient in NumPy, {CORES} cores", few,
        steps_per_region=int(steps.mean()),
    )  # fmt: skip


def _forward(motifs: Any) -> Any:
    made = ("strand", "start", "end", "scale", "lambda", "weights", "name_orig")
    plus = motifs.isel(motif=motifs.motif_strand.values == "+")
    return plus.drop_vars([f"motif_{name}" for name in made])
