"""Regions of different widths and long regions: the hits must be those of each region alone."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, ClassVar

import numpy as np
import pytest
import xarray as xr
from hypothesis import Phase, assume, given, settings
from hypothesis import strategies as st

from finemo_zarr.errors import PluginError, SchemaError
from finemo_zarr.execution import solving
from finemo_zarr.execution.solving import solve_block
from finemo_zarr.model import create_hits, create_qc, create_regions, validate
from finemo_zarr.motifs import combine_motifs
from finemo_zarr.problem import coefficients_of, region_problem
from finemo_zarr.protocols import HitsAndQC, option
from finemo_zarr.sequence import NO_BASE
from finemo_zarr.solvers.coordinate_descent import CoordinateDescent
from finemo_zarr.testing import simulate_motifs, simulate_regions
from finemo_zarr.testing.contracts.solvers import prepared

EXACT = CoordinateDescent()
MOTIFS = combine_motifs(
    [
        simulate_motifs(3, 16, (4, 8), palindromes=0.6, seed=1),
        simulate_motifs(2, 12, (5, 7), n_negative=2, palindromes=0, seed=2),
    ]
)
LEAST = 1000  # bases: more than any tile that is asked for here, halos and all


@dataclass(frozen=True)
class Grouped:
    """Coordinate descent, by a stranger who never heard of widths."""

    name: ClassVar[str] = "grouped"
    summary: ClassVar[str] = "As coordinate-descent"
    tolerance: float = option("-c", "--convergence-tol", default=5e-4, help="As that.")

    def solve(self, regions: xr.Dataset, motifs: xr.Dataset) -> HitsAndQC:
        assert "region_width" not in regions
        hits, qc = CoordinateDescent(self.tolerance).solve(regions, motifs)
        count = regions.sizes["region"]
        return HitsAndQC(
            hits.assign(hit_note=("hit", hits["hit_motif"].values + 0.5)),
            qc.assign(qc_length=("region", np.full(count, regions.sizes["position"]))),
        )


def simulate(
    count: int, length: int, seed: int, mode: str = "pp", sites: int = 8, **settings: Any
) -> xr.Dataset:
    hypothetical = mode[1] == "h"
    return simulate_regions(
        MOTIFS, count, length, sites_per_region=(0, sites), hypothetical=hypothetical, seed=seed,
        **settings,
    )[0]  # fmt: skip


def ragged(regions: xr.Dataset, widths: Any) -> xr.Dataset:
    """The regions cut to widths, with nothing behind."""
    behind = np.arange(regions.sizes["position"]) >= np.asarray(widths)[:, None]
    codes, scores = (
        regions[name].values.copy() for name in ("region_sequence", "region_contributions")
    )
    codes[behind] = NO_BASE
    np.moveaxis(scores, -1, 1)[behind] = 0
    return create_regions(codes, scores, widths=widths)


def alone(regions: xr.Dataset, index: int) -> xr.Dataset:
    """A region cut to its width."""
    width = int(regions["region_width"][index]) if "region_width" in regions else None
    own = regions.drop_vars("region_width", errors="ignore")
    return own.isel(region=[index], position=slice(width))


def places(hits: xr.Dataset) -> list[tuple[int, ...]]:
    names = ("region", "motif", "start", "end", "start_untrimmed", "end_untrimmed")
    columns = (hits[f"hit_{name}"].values.tolist() for name in names)
    return list(zip(*columns, strict=True))


def assert_same(one: HitsAndQC, other: HitsAndQC, atol: float) -> None:
    """The same hits, but for those whose coefficient is within the tolerance of 0, and qc."""
    sides = []
    for hits, _ in (one, other):
        values = hits["hit_coefficient"].values
        sides.append(dict(zip(places(hits), values.tolist(), strict=True)))
    for key in sides[0].keys() | sides[1].keys():
        assert abs(sides[0].get(key, 0.0) - sides[1].get(key, 0.0)) <= atol, key
    np.testing.assert_allclose(one.qc["qc_scale"], other.qc["qc_scale"], rtol=1e-6)
    np.testing.assert_allclose(one.qc["qc_nll"], other.qc["qc_nll"], atol=atol)


def assert_honest(result: HitsAndQC, regions: xr.Dataset, motifs: xr.Dataset, gap: float) -> None:
    """Qc, by the definition of the problem, at the coefficients that are returned.

    The gap is that of a better dual point than the definition's, but it must be a bound as well.
    """
    validate(result.hits, "hits")
    validate(result.qc, "qc")
    length = regions.sizes["position"]
    keys = [result.hits[f"hit_{name}"].values for name in ("motif", "start", "region")]
    np.testing.assert_array_equal(np.lexsort(keys), np.arange(len(keys[0])))
    for index in range(regions.sizes["region"]):
        problem = region_problem(regions, index, motifs)
        width = problem.scores.shape[1]
        found = coefficients_of(result.hits, index, motifs, length)[:, :width]
        assert not found[~problem.allowed].any()
        best = EXACT.solve(alone(regions, index), motifs).hits
        optimum = problem.objective(coefficients_of(best, 0, motifs, width))
        excess = (problem.objective(found) - optimum) / width
        reported = float(result.qc["qc_dual_gap"].values[index])
        assert excess - 1e-9 <= reported <= gap
        assert reported <= problem.duality_gap(found) / width * (1 + 1e-6) + 1e-9
        squares = (problem.residual(found) ** 2).sum() / (2 * width)
        assert result.qc["qc_nll"].values[index] == pytest.approx(squares, rel=1e-4, abs=1e-9)


@pytest.fixture
def windows(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[tuple[int, ...]]]:
    """Regions, and positions, of every call of a solver for tiles."""
    seen: list[tuple[int, ...]] = []
    solve = solving._Tiled._solve_alike

    def noting(self: Any, some: Any, scales: Any) -> Any:
        seen.append((len(some), some[0].width))
        return solve(self, some, scales)

    monkeypatch.setattr(solving._Tiled, "_solve_alike", noting)
    return seen


# --- Widths --------------------------------------------------------------------------------------


@pytest.mark.parametrize("solver", [EXACT, Grouped()], ids=["native", "grouped"])
@pytest.mark.parametrize("mode", ["pp", "hh", "ph"])
def test_widths__hits_are_to_the_bit_those_of_regions_alone(solver: Any, mode: str) -> None:
    motifs = prepared(MOTIFS, mode=mode)
    widths = np.array([200, 90, 150, 90, 7, 200, 33, 90, 120, 64, 1, 90])
    regions = ragged(simulate(12, 200, 3, mode), widths)
    result = solve_block(solver, regions, motifs)
    for index in range(12):
        expected = EXACT.solve(alone(regions, index), motifs)
        own = result.hits.isel(hit=np.flatnonzero(result.hits["hit_region"] == index))
        assert [place[1:] for place in places(own)] == [
            place[1:] for place in places(expected.hits)
        ]
        for name in ("hit_coefficient", "hit_similarity", "hit_importance"):
            np.testing.assert_array_equal(own[name], expected.hits[name])
        for name, values in expected.qc.data_vars.items():
            assert result.qc[name].values[index] == pytest.approx(values.values[0], nan_ok=True)
    assert_honest(result, regions, motifs, 1e-9)


def test_widths__a_stranger_gets_the_regions_of_each_width_together() -> None:
    sizes = []

    @dataclass(frozen=True)
    class Watched(Grouped):
        def solve(self, regions: xr.Dataset, motifs: xr.Dataset) -> HitsAndQC:
            sizes.append((regions.sizes["region"], regions.sizes["position"]))
            return super().solve(regions, motifs)

    widths = np.array([60, 80, 60, 60, 80, 40])
    result = solve_block(Watched(), ragged(simulate(6, 80, 1), widths), prepared(MOTIFS))
    assert sizes == [(1, 40), (3, 60), (2, 80)]
    np.testing.assert_array_equal(result.qc["qc_length"], widths)
    np.testing.assert_array_equal(result.hits["hit_note"], result.hits["hit_motif"] + 0.5)


def test_widths__of_nothing_and_blocks_of_nothing_have_no_hits() -> None:
    regions, motifs = ragged(simulate(3, 50, 1), [0, 50, 0]), prepared(MOTIFS)
    for solver in (EXACT, Grouped()):
        for tile in (None, 10):
            result = solve_block(solver, regions, motifs, tile=tile)
            assert set(result.hits["hit_region"].values.tolist()) <= {1}
            np.testing.assert_array_equal(result.qc["qc_scale"].values[[0, 2]], 0)
            empty = solve_block(solver, regions.isel(region=slice(0)), motifs, tile=tile)
            assert (empty.hits.sizes["hit"], empty.qc.sizes["region"]) == (0, 0)


@pytest.mark.parametrize("width", [-1, 51])
def test_widths__that_cannot_be_are_refused(width: int) -> None:
    regions = simulate(2, 50, 1).assign(region_width=("region", [50, width]))
    with pytest.raises(SchemaError, match=f"region_width is {width} in region 1"):
        solve_block(EXACT, regions, prepared(MOTIFS))


# --- Tiles ---------------------------------------------------------------------------------------


@settings(deadline=None, max_examples=40)
@given(
    seed=st.integers(0, 10**6),
    tile=st.integers(1, 700),
    length=st.integers(LEAST, 3000),
    sites=st.sampled_from([0, 10, 400]),
    problem=st.fixed_dictionaries(
        {
            "mode": st.sampled_from(["pp", "hh"]),
            "placement": st.sampled_from(["core", "full"]),
            "lambda_default": st.sampled_from([0.1, 0.3, 0.7]),
            "sqrt_transform": st.booleans(),
        }
    ),
)
def test_tiles__change_no_hit(seed, tile, length, sites, problem) -> None:
    regions = simulate(2, length, seed, problem["mode"], sites, noise=0.2)
    motifs = prepared(MOTIFS, **problem)
    tiled = solve_block(EXACT, regions, motifs, tile=tile)
    assert_same(tiled, EXACT.solve(regions, motifs), atol=1e-5)
    assert_honest(tiled, regions, motifs, 1e-7)
    assert tiled.qc["qc_converged"].values.all()


@settings(deadline=None, max_examples=20)
@given(
    seed=st.integers(0, 10**6),
    widths=st.lists(st.integers(1, 3000), min_size=5, max_size=5),
    tile=st.integers(1, 700),
    mode=st.sampled_from(["pp", "hh"]),
)
def test_tiles__and_widths_go_together(seed, widths, tile, mode) -> None:
    regions, motifs = ragged(simulate(5, 3000, seed, mode, 60), widths), prepared(MOTIFS, mode=mode)
    whole = EXACT.solve(regions, motifs)
    for solver in (EXACT, Grouped()):
        tiled = solve_block(solver, regions, motifs, tile=tile)
        assert_same(tiled, whole, atol=1e-5)
        assert_honest(tiled, regions, motifs, 1e-9)


def chained(step: int, length: int, mode: str, seed: int = 5) -> tuple[xr.Dataset, xr.Dataset]:
    """One motif again and again at a spacing below its width, so that all columns are coupled."""
    raw = simulate_motifs(1, 12, (8, 8), palindromes=0, seed=seed)
    motifs = prepared(raw, mode=mode, lambda_default=0.02, normalize="core")
    start, end = int(motifs["motif_start"][0]), int(motifs["motif_end"][0])
    core = motifs["motif_weights"].values[0, :, start:end]
    rng = np.random.default_rng(seed)
    scores = 0.3 * rng.normal(size=(1, 4, length))
    for at in range(0, length - core.shape[1], step):
        scores[0, :, at : at + core.shape[1]] += rng.uniform(0.5, 2) * core
    codes = scores.argmax(axis=1).astype(np.uint8)
    if mode == "pp":
        scores = np.take_along_axis(scores, codes[:, None].astype(np.int64), axis=1)[:, 0]
    return create_regions(codes, scores), motifs


@pytest.mark.parametrize("mode", ["pp", "hh"])
@pytest.mark.parametrize("step", range(1, 9))
def test_tiles__of_a_region_coupled_from_end_to_end_change_no_hit(step: int, mode: str) -> None:
    regions, motifs = chained(step, 2500, mode)
    tiled = solve_block(EXACT, regions, motifs, tile=1)
    assert_honest(tiled, regions, motifs, 1e-6)  # with so low a lambda
    assert_same(tiled, EXACT.solve(regions, motifs), atol=1e-5)


@pytest.mark.parametrize("placement", ["core", "full"])
def test_tiles__that_disagree_are_merged(windows: Any, monkeypatch: Any, placement: str) -> None:
    # With next to no halo every hit near the end of a tile is another than in the next.
    regions = simulate(2, 1500, 3, sites=300, noise=0.3)
    motifs = prepared(MOTIFS, placement=placement, lambda_default=0.1)
    monkeypatch.setattr(solving, "_HALO", 2)
    tiled = solve_block(EXACT, regions, motifs, tile=1)
    assert len({width for _, width in windows}) > 2
    assert_same(tiled, EXACT.solve(regions, motifs), atol=1e-5)
    assert_honest(tiled, regions, motifs, 1e-9)


def test_tiles__between_which_nothing_agrees_end_as_the_whole(windows: Any, monkeypatch) -> None:
    monkeypatch.setattr(solving, "_find_cut", lambda *_: None)
    regions, motifs = simulate(2, 3000, 1, sites=50), prepared(MOTIFS)
    tiled = solve_block(EXACT, regions, motifs, tile=400)
    assert windows[-1] == (2, 3000)
    assert len(windows) == 2
    assert_same(tiled, EXACT.solve(regions, motifs), atol=1e-9)


def test_tiles__bound_what_a_solver_sees_and_are_solved_together(windows: Any) -> None:
    regions = ragged(simulate(3, 20_000, 1, sites=150), [20_000, 300, 15_000])
    motifs = prepared(MOTIFS)
    tiled = solve_block(EXACT, regions, motifs, tile=2000)
    ((count, width),) = windows
    assert 2000 < width < 2200
    assert count == 10 + 8
    assert_same(tiled, EXACT.solve(regions, motifs), atol=1e-5)


def test_tiles__are_solved_as_memory_allows(windows: Any, monkeypatch: Any) -> None:
    monkeypatch.setattr(solving, "_AT_ONCE", 5000)
    regions, motifs = simulate(1, 9000, 1, sites=50), prepared(MOTIFS)
    tiled = solve_block(EXACT, regions, motifs, tile=1000)
    assert max(count * width for count, width in windows) <= 5000
    assert_same(tiled, EXACT.solve(regions, motifs), atol=1e-5)


def test_tiles__no_shorter_region_is_cut(windows: Any) -> None:
    regions, motifs = simulate(2, 900, 1), prepared(MOTIFS)
    assert solve_block(EXACT, regions, motifs, tile=900).hits.equals(
        EXACT.solve(regions, motifs).hits
    )
    assert not windows


def test_tiles__of_a_region_of_zeros_have_no_hits() -> None:
    regions, motifs = simulate(2, 3000, 1, sites=40), prepared(MOTIFS)
    regions["region_contributions"].values[0] = 0
    tiled = solve_block(EXACT, regions, motifs, tile=400)
    assert set(tiled.hits["hit_region"].values.tolist()) == {1}
    assert tiled.qc["qc_dual_gap"].values[0] == 0


def test_tiles__keep_a_scale_that_is_given() -> None:
    regions = simulate(1, 3000, 1, sites=40).assign(region_scale=("region", [0.7]))
    motifs = prepared(MOTIFS)
    tiled = solve_block(EXACT, regions, motifs, tile=400)
    assert tiled.qc["qc_scale"].values[0] == pytest.approx(0.7)
    assert_same(tiled, EXACT.solve(regions, motifs), atol=1e-5)


def test_tiles__take_along_what_a_plugin_adds() -> None:
    regions, motifs = ragged(simulate(2, 3000, 1, sites=40), [200, 3000]), prepared(MOTIFS)
    tiled = solve_block(Grouped(), regions, motifs, tile=400)
    np.testing.assert_array_equal(tiled.hits["hit_note"], tiled.hits["hit_motif"] + 0.5)
    assert tiled.qc["qc_length"].values[0] == 200


def test_tiles__that_do_not_converge_are_not_said_to_have() -> None:
    regions, motifs = simulate(1, 3000, 1, sites=300, noise=0.3), prepared(MOTIFS)
    motifs = prepared(MOTIFS, lambda_default=0.1)
    tiled = solve_block(CoordinateDescent(1e-9, max_steps=1), regions, motifs, tile=400)
    assert not tiled.qc["qc_converged"].values.any()
    assert tiled.qc["qc_steps"].values.tolist() == [1]


def test_tiles__need_a_solver_that_takes_a_scale() -> None:
    @dataclass(frozen=True)
    class Deaf(Grouped):
        def solve(self, regions: xr.Dataset, motifs: xr.Dataset) -> HitsAndQC:
            return EXACT.solve(regions.drop_vars("region_scale", errors="ignore"), motifs)

    regions, motifs = simulate(1, 3000, 1), prepared(MOTIFS)
    with pytest.raises(PluginError, match="grouped does not use the scale"):
        solve_block(Deaf(), regions, motifs, tile=400)
    assert solve_block(Deaf(), regions, motifs).qc.sizes["region"] == 1


@dataclass(frozen=True)
class Scanner:
    """One hit wherever a base is far above the scale, without coefficients."""

    name: ClassVar[str] = "scanner"
    summary: ClassVar[str] = "Large scores"

    def solve(self, regions: xr.Dataset, motifs: xr.Dataset) -> HitsAndQC:
        scores, scale = regions["region_contributions"].values, regions["region_scale"].values
        region, start = np.nonzero(scores[:, :-8] > 2 * scale[:, None])
        place = dict.fromkeys(("end", "end_untrimmed"), start + 4)
        place |= dict.fromkeys(("start", "start_untrimmed"), start)
        hits = create_hits({"region": region, "motif": np.zeros_like(region), **place})
        return HitsAndQC(hits, create_qc({"scale": scale}))


def test_tiles__may_have_hits_without_coefficients() -> None:
    regions, motifs = simulate(1, 3000, 1, sites=40), prepared(MOTIFS)
    scale = EXACT.solve(regions, motifs).qc["qc_scale"].values.astype(np.float64)
    regions = regions.assign(region_scale=("region", scale))
    tiled = solve_block(Scanner(), regions, motifs, tile=400)
    assert places(tiled.hits) == places(Scanner().solve(regions, motifs).hits)
    assert tiled.hits.sizes["hit"] > 20
    assert np.isnan(tiled.qc["qc_dual_gap"].values).all()


# --- Prox-gradient -------------------------------------------------------------------------------


@settings(deadline=None, max_examples=6, phases=[Phase.generate])
@given(
    seed=st.integers(0, 10**6),
    tile=st.integers(1, 600),
    mode=st.sampled_from(["pp", "hh"]),
    placement=st.sampled_from(["core", "full"]),
    sites=st.sampled_from([10, 150]),
)
def test_prox_gradient__in_tiles_finds_the_same_as_far_as_its_tolerance_goes(
    seed, tile, mode, placement, sites
) -> None:
    pytest.importorskip("torch")
    from finemo_zarr.solvers.prox_gradient import ProxGradient

    solver = ProxGradient(tolerance=1e-6, device="cpu", step_size_max=1.0)
    widths = [1500, 900, 30]
    regions = ragged(simulate(3, 1500, seed, mode, sites), widths)
    motifs = prepared(MOTIFS, mode=mode, placement=placement)
    tiled = solve_block(solver, regions, motifs, tile=tile)
    whole = solve_block(solver, regions, motifs)
    assume(whole.qc["qc_converged"].values.all())
    assert tiled.qc["qc_converged"].values.all()
    assert_honest(tiled, regions, motifs, 1e-6)
    for index in range(3):
        problem = region_problem(regions, index, motifs)
        explained = [
            problem.forward(coefficients_of(each.hits, index, motifs, 1500)[:, : widths[index]])
            for each in (tiled, whole)
        ]
        # Both are within the root of twice the gap from the optimum.
        distance = np.sqrt(((explained[0] - explained[1]) ** 2).sum())
        assert distance <= 2 * np.sqrt(2 * 1e-6 * widths[index])


def test_prox_gradient__at_its_default_tolerance_meets_it_for_the_whole() -> None:
    pytest.importorskip("torch")
    from finemo_zarr.solvers.prox_gradient import ProxGradient

    solver = ProxGradient(device="cpu", step_size_max=2.0)
    regions, motifs = simulate(2, 4000, 5, sites=200), prepared(MOTIFS)
    tiled = solve_block(solver, regions, motifs, tile=600)
    assert_honest(tiled, regions, motifs, 5e-4)
    assert tiled.qc["qc_converged"].values.all()


def test_prox_gradient__refuses_widths_that_only_the_run_knows() -> None:
    pytest.importorskip("torch")
    from finemo_zarr.solvers.prox_gradient import ProxGradient

    regions, motifs = ragged(simulate(2, 60, 1), [60, 40]), prepared(MOTIFS)
    with pytest.raises(SchemaError, match="takes regions of one width"):
        ProxGradient().solve(regions, motifs)


# --- Cuts ----------------------------------------------------------------------------------------


def solution(start: int, stop: int, *hits: tuple[int, int, float], gap: float = 0.0) -> Any:
    """Of a window: hits of 8 bases as start, motif and coefficient, none of which scores much."""
    first, motif, value = np.array(hits, dtype=float).reshape(-1, 3).T
    columns = {
        "hit_start": first.astype(int), "hit_end": first.astype(int) + 8,
        "hit_motif": motif.astype(int), "hit_coefficient": value,
        "hit_importance_sq": np.zeros(first.size),
    }  # fmt: skip
    qc = {"qc_dual_gap": np.array([gap]), "qc_scale": np.array([1.0])}
    return solving._Solution(solving._Window(0, start, stop), columns, qc, None)


def find_cut(left: Any, right: Any) -> int | None:
    return solving._find_cut(left, right, 8, 64)


def test_cut__lies_in_the_middle_where_nothing_is() -> None:
    assert find_cut(solution(0, 228), solution(100, 328)) == 164


def test_cut__spans_no_hit_if_it_need_not() -> None:
    same = [(160, 0, 1.0), (167, 2, 1.0)]
    assert find_cut(solution(0, 228, *same), solution(100, 328, *same)) == 160


def test_cut__may_span_hits_that_are_the_same() -> None:
    same = [(start, 0, 1.0) for start in range(0, 320, 3)]
    left, right = (
        solution(a, b, *(hit for hit in same if a <= hit[0] <= b - 8))
        for a, b in ((0, 228), (100, 328))
    )
    assert find_cut(left, right) == 164


@pytest.mark.parametrize("other", [(164, 0, 1.1), (164, 2, 1.0), None])
def test_cut__keeps_away_from_hits_that_differ(other: Any) -> None:
    right = solution(100, 328, *([other] if other else []))
    assert find_cut(solution(0, 228, (164, 0, 1.0)), right) in {156, 172}


def test_cut__is_not_found_among_hits_that_all_differ() -> None:
    sides = (
        solution(a, b, *((start, 0, value) for start in range(a, b - 8, 3)))
        for a, b, value in ((0, 228, 1.0), (102, 328, 1.001))
    )
    assert find_cut(*sides) is None


def test_cut__takes_as_same_what_the_gap_cannot_tell_apart() -> None:
    left, right = (
        solution(a, b, *((start, 0, value) for start in range(a, b - 8, 3)), gap=1e-5)
        for a, b, value in ((0, 228, 1.0), (102, 328, 1.001))
    )
    assert find_cut(left, right) is not None


def test_windows__share_two_halos_and_cover_the_region() -> None:
    regions, motifs = simulate(1, 100, 1), prepared(MOTIFS)
    tiled = solving._Tiled(EXACT, regions, motifs, 600, 100)
    for length in (601, 700, 1000, 1001, 5000):
        found = tiled._windows(0, length)
        assert (found[0].start, found[-1].stop) == (0, length)
        assert {window.width for window in found} == {600}
        for one, other in pairwise(found):
            assert one.start < other.start <= one.stop - 200
        for one, other in zip(found, found[2:], strict=False):
            assert other.start - one.start >= 400  # so that cuts are in order
