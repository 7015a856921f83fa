"""Residual and gap of a long region, against the definition."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from finemo_zarr.problem import RegionProblem, coefficients_of, region_problem
from finemo_zarr.solvers import _evaluate
from finemo_zarr.solvers._evaluate import Coefficients, evaluate
from finemo_zarr.solvers._hits import problem_scores
from finemo_zarr.solvers.coordinate_descent import CoordinateDescent
from finemo_zarr.testing import strategies
from finemo_zarr.testing.contracts.solvers import prepared


@st.composite
def problems(draw: st.DrawFn) -> tuple[Any, Any]:
    """A region and oriented motifs of any kind."""
    mode = draw(st.sampled_from(["pp", "ph", "hp", "hh"]))
    regions = draw(strategies.regions(n_regions=st.just(1), hypothetical=st.just(mode[1] == "h")))
    motifs = draw(strategies.motifs(complete=st.just(True)))
    return regions, prepared(
        motifs,
        mode=mode,
        placement=draw(st.sampled_from(["core", "full"])),
        lambda_default=draw(st.sampled_from([0.05, 0.3, 0.7])),
        sqrt_transform=draw(st.booleans()),
    )


def evaluated(problem: RegionProblem, data: tuple[Any, Any], values: Any, cuts: Any = ()) -> Any:
    regions, motifs = data
    scores = problem_scores(regions, motifs)[0]
    scaled = scores / problem.scale if problem.scale > 0 else np.zeros_like(scores)
    motif, start = np.nonzero(values)
    found = Coefficients(motif, start, values[motif, start])
    return evaluate(scaled, regions.region_sequence.values[0], motifs, found, cuts)


@settings(deadline=None, max_examples=60)
@given(problems(), st.integers(0, 9), st.sampled_from([0.0, 0.3]))
def test_evaluate__is_the_definition(data: tuple[Any, Any], seed: int, share: float) -> None:
    problem = region_problem(data[0], 0, data[1])
    rng = np.random.default_rng(seed)
    chosen = problem.allowed & (rng.random(problem.allowed.shape) < share)
    values = np.where(chosen, rng.exponential(size=chosen.shape), 0.0)
    squares, gap = evaluated(problem, data, values)
    assert squares == pytest.approx((problem.residual(values) ** 2).sum(), rel=1e-9, abs=1e-9)
    assert gap == pytest.approx(problem.duality_gap(values), rel=1e-9, abs=1e-9)


@settings(deadline=None, max_examples=60)
@given(problems(), st.lists(st.integers(0, 60), max_size=3), st.floats(0, 1.5))
def test_evaluate__by_parts_is_a_bound_too(
    data: tuple[Any, Any], cuts: list[int], factor: float
) -> None:
    problem = region_problem(data[0], 0, data[1])
    hits = CoordinateDescent().solve(*data).hits
    best = coefficients_of(hits, 0, data[1], data[0].sizes["position"])
    _, gap = evaluated(problem, data, factor * best, sorted(cuts))
    assert gap <= problem.duality_gap(factor * best) + 1e-9
    assert gap >= problem.objective(factor * best) - problem.objective(best) - 1e-9


def test_evaluate__does_not_depend_on_how_much_is_done_at_a_time(monkeypatch: Any) -> None:
    from finemo_zarr.testing import simulate_motifs, simulate_regions

    raw = simulate_motifs(4, 12, (4, 8), seed=1)
    data = simulate_regions(raw, 1, 300, seed=1)[0], prepared(raw, lambda_default=0.2)
    problem = region_problem(data[0], 0, data[1])
    best = 0.8 * coefficients_of(CoordinateDescent().solve(*data).hits, 0, data[1], 300)
    expected = evaluated(problem, data, best)
    monkeypatch.setattr(_evaluate, "_CELLS", 100)
    assert evaluated(problem, data, best) == pytest.approx(expected)
