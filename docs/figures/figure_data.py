"""What the figures show: simulated data, and what solvers make of them."""

import time
import warnings
from collections.abc import Iterator, Sequence
from functools import cache
from typing import Any, NamedTuple

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from finemo_zarr import MotifOptions, create_motifs, get_solver, prepare_motifs
from finemo_zarr.errors import UnreachableMotifWarning
from finemo_zarr.problem import RegionProblem, coefficients_of, region_problem
from finemo_zarr.testing import simulate_motifs, simulate_regions

Array = NDArray[Any]
Truth = dict[str, Array]
Key = tuple[int, int, int]  # region, oriented motif, start

LAMBDA = 0.7
TOLERANCES = (5e-3, 1.5e-3, 5e-4, 1e-4, 3e-5, 1e-5, 1e-6, 1e-7)
DEFAULT = 5e-4
_STEP_SIZE = 3.0


def named_motifs() -> tuple[xr.Dataset, xr.Dataset]:
    """One region, and oriented motifs called A, B, C and D."""
    motifs = simulate_motifs(4, width=20, core=(7, 12), palindromes=0, seed=5)
    regions, _ = simulate_regions(motifs, 1, 160, sites_per_region=5, noise=0.08, seed=5)
    return regions, prepare_motifs(
        motifs.assign(motif_name=("motif", list("ABCD"))), MotifOptions()
    )


@cache
def palindromes() -> tuple[xr.Dataset, xr.Dataset]:
    """Regions, and oriented motifs of which half are near-palindromes."""
    motifs = simulate_motifs(10, width=24, core=(8, 16), palindromes=0.5, seed=1)
    regions, _ = simulate_regions(motifs, 60, 400, sites_per_region=(3, 6), seed=1)
    return regions, prepare_motifs(motifs, MotifOptions())


def narrow_regions() -> tuple[xr.Dataset, xr.Dataset, Truth]:
    """Narrow regions with wide motifs, not oriented, and the planted sites."""
    motifs = simulate_motifs(16, width=40, core=(8, 14), palindromes=0, seed=3)
    regions, truth = simulate_regions(
        motifs, 1500, 200, sites_per_region=(2, 4), noise=0.15, seed=3
    )
    return regions, motifs, truth


def noisy_regions() -> tuple[xr.Dataset, xr.Dataset, Truth]:
    """Regions, motifs with almost empty flanks, not oriented, and the planted sites."""
    motifs = simulate_motifs(8, width=50, core=(8, 14), palindromes=0, seed=4)
    regions, truth = simulate_regions(motifs, 200, 300, noise=0.15, seed=4)
    return regions, motifs, truth


def with_flanks(motifs: xr.Dataset, share: float, normalize: str) -> xr.Dataset:
    """Oriented motifs of the same cores, with flanks that leave these a share of the norm."""
    plain = prepare_motifs(motifs, MotifOptions()).isel(motif=slice(0, None, 2))
    names = [str(name) for name in motifs.motif_name.values]
    cores = list(
        zip(plain.motif_start.values.tolist(), plain.motif_end.values.tolist(), strict=True)
    )
    cwm = motifs.motif_cwm.values.copy()
    noise = np.random.default_rng(0).normal(size=cwm.shape)
    for matrix, flanks, (start, end) in zip(cwm, noise, cores, strict=True):
        core = matrix[:, start:end].copy()
        flanks[:, start:end] = 0
        matrix[:] = flanks * np.linalg.norm(core) * np.sqrt(share**-2 - 1) / np.linalg.norm(flanks)
        matrix[:, start:end] = core
    options = MotifOptions(trim_coords=dict(zip(names, cores, strict=True)), normalize=normalize)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UnreachableMotifWarning)  # which is what is shown
        return prepare_motifs(create_motifs(names, cwm), options)


def found_sites(regions: xr.Dataset, motifs: xr.Dataset, truth: Truth) -> Array:
    """Whether each planted site is called, ``(site,)``, with its motif, strand and start."""
    hits = get_solver("coordinate-descent")().solve(regions, motifs).hits
    kept = hits.hit_similarity.values >= LAMBDA
    columns = (hits[f"hit_{name}"].values[kept].tolist() for name in ("region", "motif", "start"))
    called = set(zip(*columns, strict=True))
    oriented = 2 * truth["motif"] + (truth["strand"] == "-")
    sites = (array.tolist() for array in (truth["region"], oriented, truth["core_start"]))
    return np.array([site in called for site in zip(*sites, strict=True)])


# --- Solvers on the palindromes ------------------------------------------------------------------


class Run(NamedTuple):
    """What a solver gave."""

    coefficients: dict[Key, float]
    widths: dict[Key, int]
    gap: float  # the largest, per base
    milliseconds: float  # per region


def _run(solver: Any, *, repeats: int = 1) -> Run:
    regions, motifs = palindromes()
    seconds = []
    for _ in range(repeats):
        start = time.perf_counter()
        hits, qc = solver.solve(regions, motifs)
        seconds.append(time.perf_counter() - start)
    columns = [hits[f"hit_{name}"].values.tolist() for name in ("region", "motif", "start", "end")]
    keys = list(zip(*columns[:3], strict=True))
    return Run(
        coefficients=dict(zip(keys, hits.hit_coefficient.values.tolist(), strict=True)),
        widths={key: end - key[2] for key, end in zip(keys, columns[3], strict=True)},
        gap=max(float(qc.qc_dual_gap.max()), 1e-16),
        milliseconds=1000 * float(np.median(seconds)) / regions.sizes["region"],
    )


@cache
def exact_run() -> Run:
    """What coordinate descent gives."""
    solver = get_solver("coordinate-descent")()
    _run(solver)  # compiles
    return _run(solver, repeats=9)


@cache
def first_order_runs() -> list[Run]:
    """What proximal gradient gives at each of the tolerances."""
    solver = get_solver("prox-gradient")
    _run(solver(tolerance=1e-2, device="cpu"))  # loads torch
    return [_run(solver(tolerance=tolerance, device="cpu")) for tolerance in TOLERANCES]


def on_both_strands(run: Run) -> list[tuple[Key, Key]]:
    """Hits of a motif on + and on - that share more than half of their cores."""
    found = []
    for (region, motif, start), width in run.widths.items():
        near = range(start - width // 2 + 1, start + (width + 1) // 2)
        others = [(region, motif + 1, at) for at in near if motif % 2 == 0]
        found += [((region, motif, start), key) for key in others if key in run.coefficients]
    return found


def split_site() -> Key:
    """The + hit of a site on both strands at the default tolerance, but on one at the optimum."""
    exact, loose = exact_run(), first_order_runs()[TOLERANCES.index(DEFAULT)]
    sites = [
        (min(loose.coefficients[plus], loose.coefficients[minus]), plus)
        for plus, minus in on_both_strands(loose)
        if plus[2] == minus[2] and (plus in exact.coefficients) != (minus in exact.coefficients)
    ]
    return max(sites)[1]


def jaccard(run: Run, other: Run) -> float:
    """Hits in both over hits in either."""
    ours, theirs = run.coefficients.keys(), other.coefficients.keys()
    return len(ours & theirs) / len(ours | theirs)


# --- Iterations ----------------------------------------------------------------------------------


class Trace(NamedTuple):
    """What is known at each step, ``(step,)``, per base but for `shrink`."""

    gap: Array
    reference: Array
    above: Array  # objective above its minimum
    shrink: Array


def trace(index: int, *, width: int, steps: int) -> Trace:
    """Proximal gradient with momentum on one region, with the matrix written out."""
    regions, motifs = palindromes()
    regions = regions.isel(region=[index], position=slice(0, width))
    problem = region_problem(regions, 0, motifs)
    columns = _columns(problem)
    scores = problem.scores.T[problem.visible.T > 0]
    penalties = np.repeat(problem.lambdas, width)
    points = _iterate(columns, scores, penalties, steps)
    objective, gap, reference, shrink = np.array(
        [_look(point, columns, scores, penalties) for point in points]
    ).T
    exact = get_solver("coordinate-descent")().solve(regions, motifs).hits
    minimum = problem.objective(coefficients_of(exact, 0, motifs, width))
    return Trace(gap / width, reference / width, (objective - minimum) / width, shrink)


def _columns(problem: RegionProblem) -> Array:
    """The matrix `A` of the bases that are there, ``(position, column)``."""
    rows = []
    for position, base in np.argwhere(problem.visible.T):
        unit = np.zeros_like(problem.scores)
        unit[base, position] = 1
        rows.append(problem.correlate(unit).ravel())
    return np.array(rows)


def _iterate(columns: Array, scores: Array, penalties: Array, steps: int) -> Iterator[Array]:
    point = coefficients = np.zeros(penalties.size)
    for step in range(steps):
        slope = columns.T @ (scores - columns @ point) - penalties
        following = np.maximum(point + _STEP_SIZE * slope, 0)
        point = following + step / (step + 3) * (following - coefficients)
        coefficients = following
        yield coefficients


def _look(point: Array, columns: Array, scores: Array, penalties: Array) -> Sequence[float]:
    """Objective, duality gap, the reference's figure for it, and the factor `u`."""
    residual = scores - columns @ point
    shrink = 1 / max(1.0, (columns.T @ residual / penalties).max())
    penalty, squares, overlap = penalties @ point, residual @ residual, residual @ scores
    common = 0.5 * squares * (1 + shrink**2) + penalty
    return 0.5 * squares + penalty, common - shrink * overlap, common - overlap, shrink
