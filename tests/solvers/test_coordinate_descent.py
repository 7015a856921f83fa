"""The default solver: the contract, ties, sizes, and that what it returns is the optimum."""

import tracemalloc
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from finemo_zarr.errors import SchemaError
from finemo_zarr.model import create_motifs, create_regions
from finemo_zarr.motifs import combine_motifs
from finemo_zarr.problem import coefficients_of, region_problem
from finemo_zarr.readers.finemo_npz import FinemoNpzReader
from finemo_zarr.readers.modisco_h5 import ModiscoH5Reader
from finemo_zarr.sequence import one_hot, project
from finemo_zarr.solvers.coordinate_descent import _ROOM, CoordinateDescent
from finemo_zarr.testing import simulate_motifs, simulate_regions, strategies
from finemo_zarr.testing.contracts import LassoSolverContract
from finemo_zarr.testing.contracts.solvers import calls, places, prepared

RECORDED = Path(__file__).parents[1] / "data/recorded"
MODES = ("pp", "ph", "hp", "hh")
SOLVER = CoordinateDescent()


class TestCoordinateDescent(LassoSolverContract):
    @pytest.fixture
    def solver(self) -> CoordinateDescent:
        return CoordinateDescent()

    @pytest.fixture
    def hasty_solver(self) -> CoordinateDescent:
        return CoordinateDescent(max_steps=1)


def assert_optimal(regions: Any, motifs: Any, gap: float = 1e-9) -> Any:
    """Solve, judge each region by the definition of the problem, and return the hits."""
    result = SOLVER.solve(regions, motifs)
    length = regions.sizes["position"]
    for index in range(regions.sizes["region"]):
        problem = region_problem(regions, index, motifs)
        found = coefficients_of(result.hits, index, motifs, length)
        assert not found[~problem.allowed].any()
        assert problem.duality_gap(found) / length < gap
        assert problem.gradient(found).min() > -1e-6
    assert result.qc.qc_converged.values.all()
    return result.hits


def motifs_of(*columns: str, names: Any = None, **options: Any) -> Any:
    """Oriented motifs with a weight of 1 for each letter of a word, 0 elsewhere."""
    width = max(map(len, columns))
    cwm = np.zeros((len(columns), 4, width))
    for index, word in enumerate(columns):
        cwm[index, ["ACGT".index(letter) for letter in word], np.arange(len(word))] = 1
    names = names or [f"motif_{index}" for index in range(len(columns))]
    widths = [len(word) for word in columns]
    made = create_motifs(names, cwm, widths=widths, matrices={"hcwm": cwm})
    return prepared(made, **options)


def region_with(*sites: tuple[int, str], length: int = 60, mode: str = "pp", noise: Any = 0) -> Any:
    """One region in which words stand at positions, with scores of 1 under them."""
    rng = np.random.default_rng(0)
    codes = rng.integers(0, 4, (1, length), dtype=np.uint8)
    scores = noise * rng.normal(size=(1, length))
    for start, word in sites:
        codes[0, start : start + len(word)] = ["ACGT".index(letter) for letter in word]
        scores[0, start : start + len(word)] += 1
    if mode[1] == "h":
        scores = scores[:, None] * one_hot(codes, np.float64)
    return create_regions(codes, scores)


@st.composite
def blocks(draw: st.DrawFn) -> tuple[Any, Any]:
    """Regions and oriented motifs of any kind."""
    mode = draw(st.sampled_from(MODES))
    regions = draw(
        strategies.regions(n_regions=st.integers(1, 3), hypothetical=st.just(mode[1] == "h"))
    )
    motifs = draw(strategies.motifs(complete=st.just(True)))
    oriented = prepared(
        motifs,
        mode=mode,
        placement=draw(st.sampled_from(["core", "full"])),
        normalize=draw(st.sampled_from(["core", "full"])),
        trim_threshold=draw(st.sampled_from([0.0, 0.3, 1.0])),
        lambda_default=draw(st.sampled_from([0.02, 0.3, 0.7])),
        sqrt_transform=draw(st.booleans()),
    )
    return regions, oriented


@settings(deadline=None, max_examples=60)
@given(blocks())
def test_solve__finds_the_optimum_of_any_problem(block: tuple[Any, Any]) -> None:
    assert_optimal(*block)


@settings(deadline=None, max_examples=30)
@given(blocks(), st.integers(0, 9))
def test_solve__cannot_be_bettered_by_any_step(block: tuple[Any, Any], seed: int) -> None:
    regions, motifs = block
    hits = SOLVER.solve(regions, motifs).hits
    rng = np.random.default_rng(seed)
    problem = region_problem(regions, 0, motifs)
    found = coefficients_of(hits, 0, motifs, regions.sizes["position"])
    best = problem.objective(found)
    for size in (1e-4, 0.1, 1.0):
        step = size * rng.normal(size=found.shape) * (rng.random(found.shape) < 0.2)
        tried = np.where(problem.allowed, np.maximum(found + step, 0), 0)
        assert problem.objective(tried) >= best - 1e-9
        shrunk = found * (1 - size)
        assert problem.objective(shrunk) >= best - 1e-9


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("placement", ["core", "full"])
def test_palindrome__is_called_on_the_forward_strand_only(mode: str, placement: str) -> None:
    motifs = motifs_of("GGAATTCC", mode=mode, placement=placement)
    regions = region_with((0, "GGAATTCC"), (20, "GGAATTCC"), (52, "GGAATTCC"), mode=mode)
    hits = assert_optimal(regions, motifs)
    assert hits.hit_motif.values.tolist() == [0, 0, 0]
    assert hits.hit_start.values.tolist() == [0, 20, 52]


def test_palindrome__off_centre_is_called_backward_only_where_forward_does_not_fit() -> None:
    # With placement full the longer flank decides on which strand it fits at an edge.
    cwm = np.zeros((1, 4, 12))
    cwm[0, [0, 1, 2, 3], [2, 3, 4, 5]] = 1
    motifs = prepared(create_motifs(["one"], cwm), placement="full")
    assert motifs.motif_start.values.tolist() == [2, 6]
    hits = assert_optimal(region_with((3, "ACGT"), (30, "ACGT"), (53, "ACGT")), motifs)
    found = list(zip(hits.hit_start.values.tolist(), hits.hit_motif.values.tolist(), strict=True))
    assert found == [(3, 0), (30, 0), (53, 1)]


def near_palindromes(perturbation: float) -> tuple[Any, Any]:
    """Motifs that differ by so much from their reverse complements, and regions with sites."""
    motifs = simulate_motifs(6, 20, (8, 12), palindromes=0, seed=8)
    for name in ("motif_cwm", "motif_hcwm", "motif_ppm"):
        motifs[name].values[:] = (motifs[name].values + motifs[name].values[:, ::-1, ::-1]) / 2
    cwm = motifs.motif_cwm.values
    noise = np.random.default_rng(1).normal(size=cwm.shape)
    cwm += perturbation * np.abs(cwm).max() * noise
    regions, _ = simulate_regions(motifs, 60, 400, seed=8)
    return regions, prepared(motifs)


def strand_pairs(regions: Any, motifs: Any) -> Any:
    """Sites called on both strands: the share of the coefficient that should be moved over."""
    hits = SOLVER.solve(regions, motifs).hits
    for index in range(regions.sizes["region"]):
        problem = region_problem(regions, index, motifs)
        found = coefficients_of(hits, index, motifs, regions.sizes["position"])
        gradient = problem.gradient(found)
        for motif, start in zip(*np.nonzero((found[::2] > 0) & (found[1::2] > 0)), strict=True):
            pair = slice(2 * motif, 2 * motif + 2)
            move = np.zeros_like(found)
            move[pair, start] = 1, -1
            slope = gradient[2 * motif, start] - gradient[2 * motif + 1, start]
            curvature = (problem.forward(move) ** 2).sum()
            plus, minus = found[pair, start]
            yield np.clip(-slope / curvature, -plus, minus) / (plus + minus)


def test_palindrome__up_to_rounding_is_called_on_the_forward_strand_only() -> None:
    hits = SOLVER.solve(*near_palindromes(1e-9)).hits
    assert hits.sizes["hit"] > 100
    assert not (hits.hit_motif.values % 2).any()


@pytest.mark.parametrize("perturbation", [1e-6, 1e-4, 1e-2, 0.1])
def test_near_palindrome__is_split_between_strands_only_as_the_optimum_is(
    perturbation: float,
) -> None:
    pairs = list(strand_pairs(*near_palindromes(perturbation)))
    assert len(pairs) < 20
    assert max(map(abs, pairs), default=0) < 0.01


@pytest.mark.parametrize("lambda_default", [0.005, 0.02, 0.1, 0.3])
def test_low_lambdas__are_solved_too(lambda_default: float) -> None:
    # Random scores that many short motifs can explain: every column competes with its neighbours.
    rng = np.random.default_rng(3)
    codes = rng.integers(0, 4, (30, 50), dtype=np.uint8)
    regions = create_regions(codes, rng.normal(size=codes.shape))
    motifs = create_motifs([f"m{k}" for k in range(4)], rng.normal(size=(4, 4, 2)))
    oriented = prepared(motifs, trim_threshold=0.0, lambda_default=lambda_default)
    assert_optimal(regions, oriented, gap=1e-7)


@pytest.mark.parametrize("mode", ["pp", "hh"])
def test_twins__are_called_by_the_first(mode: str) -> None:
    motifs = motifs_of("ACCTGA", "TTGCA", "ACCTGA", mode=mode)
    hits = assert_optimal(region_with((10, "ACCTGA"), (30, "ACCTGA"), mode=mode), motifs)
    assert hits.hit_motif.values.tolist() == [0, 0]


def test_twins__on_opposite_strands_are_called_forward() -> None:
    motifs = motifs_of("ACCTGA", "TCAGGT")  # each the reverse complement of the other
    hits = assert_optimal(region_with((10, "ACCTGA"), (30, "TCAGGT")), motifs)
    assert hits.hit_motif.values.tolist() == [2, 0] or hits.hit_motif.values.tolist() == [0, 2]
    assert hits.hit_motif.values.tolist() == [0, 2]


def test_twins__with_different_lambdas_are_told_apart() -> None:
    motifs = motifs_of("ACCTGA", "ACCTGA", lambdas={"motif_1": 0.5})
    hits = assert_optimal(region_with((10, "ACCTGA")), motifs)
    assert hits.hit_motif.values.tolist() == [2]


def test_twins__of_different_width_are_called_by_the_first_that_fits() -> None:
    cwm = np.zeros((2, 4, 10))
    for index, first in enumerate((4, 0)):  # the same core behind a flank of 4, and of none
        cwm[index, [0, 1, 1, 3, 2, 0], first + np.arange(6)] = 1
    made = create_motifs(["a", "b"], cwm, widths=[10, 6])
    regions = region_with((0, "ACCTGA"), (30, "ACCTGA"))
    for placement, expected in (("core", [0, 0]), ("full", [2, 0])):
        hits = assert_optimal(regions, prepared(made, placement=placement))
        assert hits.hit_motif.values.tolist() == expected


def test_twins__with_a_rival_between_them_are_called_by_the_first() -> None:
    # With placement full twins of other flanks stand both in the working set.
    for seed in range(60):
        rng = np.random.default_rng(seed)
        letters, weights = [0, 1, 1, 3, 2, 0, 0, 1], rng.uniform(0.5, 1.5, 8)
        cwm = np.zeros((3, 4, 12))
        cwm[0, letters, 4 + np.arange(8)] = weights
        cwm[1, letters, np.arange(8)] = rng.uniform(0.5, 1.5, 8)
        cwm[2, letters, np.arange(8)] = weights
        made = create_motifs(["first", "rival", "twin"], cwm, widths=[12, 8, 8])
        codes = rng.integers(0, 4, (1, 60), dtype=np.uint8)
        scores = 0.15 * rng.normal(size=(1, 60))
        codes[0, 20:28] = letters
        scores[0, 20:28] += 1 + 0.3 * rng.normal(size=8)
        motifs = prepared(made, placement="full", lambda_default=0.3)
        hits = assert_optimal(create_regions(codes, scores), motifs)
        called = hits.hit_motif.values[hits.hit_start.values == 20].tolist()
        assert 4 not in called


def test_placement__full_has_no_hits_whose_flanks_stand_out() -> None:
    motifs = simulate_motifs(3, 30, (6, 10), seed=3)
    regions, _ = simulate_regions(motifs, 20, 60, sites_per_region=(1, 3), seed=3)
    for placement in ("core", "full"):
        hits = assert_optimal(regions, prepared(motifs, placement=placement))
        inside = (hits.hit_start_untrimmed.values >= 0) & (hits.hit_end_untrimmed.values <= 60)
        assert inside.all() == (placement == "full")


@pytest.mark.parametrize("mode", ["pp", "hh"])
def test_working_set__grows_beyond_its_first_room(mode: str) -> None:
    # Every fourth base of the long region carries a site: thousands of columns compete.
    unit, length = "ACGG", 20_000
    codes = np.tile(["ACGT".index(letter) for letter in unit], (2, length // len(unit)))
    codes = codes.astype(np.uint8)
    codes[1] = np.random.default_rng(0).integers(0, 4, length)
    scores = np.where(np.arange(length) % 4 < 3, 1.0, 0.2) * np.ones((2, 1))
    if mode == "hh":
        scores = scores[:, None] * one_hot(codes, np.float64)
    motifs = motifs_of("ACGGACG", "GGACGGAC", mode=mode, lambda_default=0.3)
    hits = assert_optimal(create_regions(codes, scores), motifs)
    assert (hits.hit_region.values == 0).sum() > _ROOM
    assert set(hits.hit_region.values.tolist()) == {0, 1}


def test_hits__of_a_crowded_block_all_have_room() -> None:
    # More hits than a block of this size is first given room for, in several regions.
    codes = np.tile(np.array([0, 1, 2, 3], dtype=np.uint8), (6, 300))
    scores = np.random.default_rng(1).exponential(size=codes.shape)
    hits = assert_optimal(create_regions(codes, scores), motifs_of("AC", "GT", lambda_default=0.05))
    assert np.bincount(hits.hit_region.values).min() > 200


@pytest.mark.parametrize("mode", ["pp", "hh"])
@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_scores__may_be_of_any_float_type(mode: str, dtype: Any) -> None:
    motifs = simulate_motifs(4, 16, (5, 9), seed=6)
    regions, _ = simulate_regions(motifs, 5, 90, hypothetical=mode[1] == "h", seed=6)
    scores = regions.region_contributions.values.astype(dtype)
    cast = create_regions(regions.region_sequence.values, scores)
    assert assert_optimal(cast, prepared(motifs, mode=mode)).sizes["hit"]


@pytest.mark.parametrize("length", [50, 333, 2114, 20_000])
def test_regions__may_be_of_any_length(length: int) -> None:
    motifs = simulate_motifs(5, 20, (6, 12), seed=9)
    many = max(2, length // 100)
    regions, truth = simulate_regions(motifs, 2, length, sites_per_region=many, seed=9)
    oriented = prepared(motifs)
    hits = assert_optimal(regions, oriented)
    found = {(region, motif // 2, start) for region, motif, start, _, _ in places(hits)}
    names = ("region", "motif", "core_start")
    planted = set(zip(*(truth[name].tolist() for name in names), strict=True))
    assert len(found & planted) > 0.7 * len(planted)


def test_motifs__may_be_many() -> None:
    motifs = simulate_motifs(500, 20, (6, 14), seed=10)
    regions, truth = simulate_regions(motifs, 4, 500, seed=10)
    hits = assert_optimal(regions, prepared(motifs))
    assert hits.sizes["hit"] >= 0.7 * len(truth["region"])


@pytest.mark.parametrize("count", [1, 7, 8, 9, 16, 17])
def test_motifs__may_be_of_any_number_and_width(count: int) -> None:
    parts = [simulate_motifs(1, 6 + 3 * k, (1 + k, 4 + 2 * k), seed=k) for k in range(count)]
    for k, part in enumerate(parts):
        part["motif_name"] = ("motif", np.array([f"m{k}"], dtype=np.dtypes.StringDType()))
    motifs = combine_motifs(parts)
    for mode in ("pp", "hh"):
        regions, _ = simulate_regions(motifs, 3, 120, hypothetical=mode == "hh", seed=count)
        assert assert_optimal(regions, prepared(motifs, mode=mode)).sizes["hit"]


@pytest.mark.parametrize("placement", ["core", "full"])
def test_motifs__may_be_longer_than_the_region(placement: str) -> None:
    motifs = combine_motifs(
        [
            create_motifs(["long"], np.ones((1, 4, 80))),
            create_motifs(["short"], 1.0 * np.eye(4)[None]),
        ]
    )
    hits = assert_optimal(
        region_with((7, "ACGT"), length=40), prepared(motifs, placement=placement)
    )
    assert set(hits.hit_motif.values.tolist()) == {2}
    only_long = prepared(motifs, include=("long",), placement=placement)
    assert assert_optimal(region_with((7, "ACGT"), length=40), only_long).sizes["hit"] == 0


def test_motifs__of_one_column_are_solved_too() -> None:
    regions = region_with((5, "A"), (6, "A"), (30, "A"), length=40, noise=0.1)
    assert assert_optimal(regions, motifs_of("A", "AC", lambda_default=0.1)).sizes["hit"]


def test_missing_bases__are_passed_over() -> None:
    motifs = simulate_motifs(4, 16, (5, 9), seed=6)
    regions, _ = simulate_regions(motifs, 6, 120, seed=6)
    rng = np.random.default_rng(0)
    regions.region_sequence.values[rng.random((6, 120)) < 0.05] = 4
    assert assert_optimal(regions, prepared(motifs)).sizes["hit"]


def test_modes__on_projected_scores_ignore_the_other_bases() -> None:
    motifs = simulate_motifs(4, 16, (5, 9), seed=6)
    regions, _ = simulate_regions(motifs, 4, 120, hypothetical=True, seed=6)
    codes = regions.region_sequence.values
    projected = create_regions(codes, project(regions.region_contributions.values, codes))
    oriented = prepared(motifs, mode="hp")
    one, other = (SOLVER.solve(data, oriented).hits for data in (regions, projected))
    assert places(one) == places(other)


def test_scores__that_are_not_finite_are_refused() -> None:
    regions = region_with((5, "ACGT"))
    regions.region_contributions.values[0, 3] = np.nan
    with pytest.raises(SchemaError, match="1 regions hold scores that are not finite"):
        SOLVER.solve(regions, motifs_of("ACGT"))


@pytest.mark.parametrize("options", [{"tolerance": 0.0}, {"tolerance": -1.0}, {"max_steps": 0}])
def test_options__are_checked(options: dict[str, Any]) -> None:
    with pytest.raises(SchemaError, match="expected"):
        CoordinateDescent(**options)


def test_max_steps__bounds_the_sweeps_that_qc_reports() -> None:
    motifs = simulate_motifs(6, 20, (6, 12), palindromes=1.0, seed=8)
    regions, _ = simulate_regions(motifs, 10, 150, seed=8)
    oriented = prepared(motifs, lambda_default=0.05)
    assert SOLVER.solve(regions, oriented).qc.qc_steps.values.max() > 3
    hasty = CoordinateDescent(max_steps=3).solve(regions, oriented)
    assert hasty.qc.qc_steps.values.max() == 3


@pytest.mark.parametrize("mode", ["pp", "hh"])
def test_memory__of_a_thread_stays_small(mode: str) -> None:
    raw = simulate_motifs(1000, 30, (6, 20), seed=2)
    motifs = prepared(raw, mode=mode)
    assert motifs.sizes["motif"] == 2000
    regions, _ = simulate_regions(raw, 4, 1000, hypothetical=mode == "hh", seed=2)
    SOLVER.solve(regions.isel(region=slice(0, 1)), motifs)  # compile
    tracemalloc.start()
    try:
        SOLVER.solve(regions, motifs)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert 1e6 < peak < 50e6


@pytest.mark.parametrize("mode", ["pp", "hh"])
def test_recorded__hits_are_those_of_the_reference(mode: str) -> None:
    table = RECORDED / f"hits_{mode}.tsv"
    if not table.exists():
        pytest.skip(f"{table.name} has not been recorded")
    import polars as pl

    regions = FinemoNpzReader(npz=(RECORDED / "regions.npz",)).read().compute()
    motifs = prepared(ModiscoH5Reader().read(RECORDED / "modisco.h5"), mode=mode, placement="full")
    hits = calls(CoordinateDescent(tolerance=1e-7).solve(regions, motifs), motifs)
    first = regions.region_start.values
    found = {
        (
            int(regions.region_id.values[region]),
            str(motifs.motif_name.values[motif]),
            str(motifs.motif_strand.values[motif]),
            int(start + first[region]),
        ): index
        for index, (region, motif, start, _, _) in enumerate(places(hits))
    }
    rows = list(pl.read_csv(table, separator="\t").iter_rows(named=True))
    keys = [(row["peak_id"], row["motif_name"], row["strand"], row["start"]) for row in rows]
    assert set(found) == set(keys)
    order = [found[key] for key in keys]
    expected, ours = (
        np.array([row["hit_coefficient"] for row in rows]),
        hits.hit_coefficient.values[order],
    )
    large = expected > 1
    np.testing.assert_allclose(ours[large], expected[large], rtol=0.05)
    for name in ("hit_similarity", "hit_importance", "hit_importance_sq"):
        np.testing.assert_allclose(
            hits[name].values[order], [row[name] for row in rows], rtol=1e-3, atol=1e-6
        )
    starts = [row["start_untrimmed"] - first[row["peak_id"]] for row in rows]
    assert hits.hit_start_untrimmed.values[order].tolist() == starts
