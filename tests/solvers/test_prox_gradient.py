"""The solver, on the CPU; with a CUDA device also there."""

import sys
import warnings
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np
import pytest

from finemo_zarr.errors import (
    MissingDependencyError,
    RunError,
    SchemaError,
    UnreachableMotifWarning,
)
from finemo_zarr.model import create_motifs, create_regions
from finemo_zarr.motifs import MotifOptions, combine_motifs, prepare_motifs
from finemo_zarr.problem import coefficients_of, region_problem
from finemo_zarr.sequence import NO_BASE
from finemo_zarr.solvers import _prox_gradient_batches as batches
from finemo_zarr.solvers._columns import equal_motifs
from finemo_zarr.solvers.coordinate_descent import CoordinateDescent
from finemo_zarr.solvers.prox_gradient import ProxGradient, _gpu
from finemo_zarr.testing import simulate_motifs, simulate_regions
from finemo_zarr.testing.contracts import LassoSolverContract

torch = pytest.importorskip("torch")

LENGTH = 80
TIGHT = 1e-6


class TestProxGradient(LassoSolverContract):
    """In single precision."""

    tolerance = TIGHT

    @pytest.fixture
    def solver(self):
        return ProxGradient(tolerance=TIGHT, device="cpu")

    @pytest.fixture
    def hasty_solver(self):
        return ProxGradient(tolerance=TIGHT, max_steps=1, device="cpu")


if torch.cuda.is_available():

    @pytest.mark.gpu
    class TestProxGradientOnGPU(LassoSolverContract):
        """The same."""

        tolerance = TIGHT

        @pytest.fixture
        def solver(self):
            return ProxGradient(tolerance=TIGHT, device="cuda")

        @pytest.fixture
        def hasty_solver(self):
            return ProxGradient(tolerance=TIGHT, max_steps=1, device="cuda")


@pytest.fixture(scope="module")
def raw_motifs():
    return simulate_motifs(3, 14, (5, 9), palindromes=0, seed=1)


@pytest.fixture(scope="module")
def motifs(raw_motifs):
    return prepare_motifs(raw_motifs, MotifOptions())


@pytest.fixture(scope="module")
def regions(raw_motifs):
    return simulate_regions(raw_motifs, 11, LENGTH, sites_per_region=(1, 3), seed=2)[0]


@pytest.fixture(scope="module")
def usual(regions, motifs):
    return ProxGradient(tolerance=TIGHT).solve(regions, motifs)


def gaps(result, regions, motifs):
    """Duality gaps per base, by the definition."""
    length = regions.sizes["position"]
    return [
        region_problem(regions, index, motifs).duality_gap(
            coefficients_of(result.hits, index, motifs, length)
        )
        / length
        for index in range(regions.sizes["region"])
    ]


def places(hits):
    names = ("hit_region", "hit_motif", "hit_start")
    return list(zip(*(hits[name].values.tolist() for name in names), strict=True))


def assert_same(one, other, rtol=1e-3):
    assert places(one.hits) == places(other.hits)
    np.testing.assert_allclose(one.hits.hit_coefficient, other.hits.hit_coefficient, rtol=rtol)


def test_prox_gradient__says_which_extra_installs_torch(monkeypatch, regions, motifs):
    monkeypatch.setitem(sys.modules, "torch", None)
    with pytest.raises(MissingDependencyError, match=r"prox-gradient needs .*finemo-zarr\[torch\]"):
        ProxGradient().solve(regions, motifs)


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("tolerance", 0.0, "tolerance is 0.0, expected a number above 0"),
        ("tolerance", float("nan"), "tolerance is nan"),
        ("max_steps", 0, "number of steps is 0"),
        ("step_size_max", -1.0, "step size max is -1.0"),
        ("step_size_min", 0.0, "step size min is 0.0"),
        ("step_size_min", 5.0, "5.0 at least and 3.0 at most"),
        ("step_adjust", 1.0, "step adjustment is 1.0"),
        ("batch_size", "many", "batch size is 'many', expected auto or"),
        ("batch_size", 0, "batch size is '0'"),
        ("device", "gpu", "device is 'gpu', expected auto, cpu, cuda"),
        ("device", "cuda:", "device is 'cuda:'"),
        ("gap", "exact", "gap is 'exact', expected correct or reference"),
    ],
)
def test_prox_gradient__refuses_options_out_of_range(field, value, message):
    with pytest.raises(SchemaError, match=message):
        ProxGradient(**{field: value})


def test_prox_gradient__refuses_a_device_that_is_not_there(regions, motifs):
    with pytest.raises(RunError, match="finds no device cuda:99"):
        ProxGradient(device="cuda:99").solve(regions, motifs)


@pytest.mark.parametrize("batch_size", [1, 3, 100])
def test_prox_gradient__does_not_depend_on_the_batch_size(regions, motifs, usual, batch_size):
    result = ProxGradient(tolerance=TIGHT, batch_size=batch_size).solve(regions, motifs)
    assert_same(result, usual)
    np.testing.assert_array_equal(result.qc.qc_converged, True)


def test_prox_gradient__agrees_with_coordinate_descent(regions, motifs, usual):
    exact = CoordinateDescent(tolerance=TIGHT).solve(regions, motifs)
    assert_same(usual, exact, rtol=0.02)


def test_prox_gradient__goes_beyond_single_precision_if_asked(regions, motifs):
    result = ProxGradient(tolerance=1e-10).solve(regions, motifs)
    assert max(gaps(result, regions, motifs)) <= 1e-10
    exact = CoordinateDescent(tolerance=1e-10).solve(regions, motifs)
    assert_same(result, exact, rtol=1e-4)


def test_prox_gradient__gives_the_same_from_several_threads(regions, motifs, usual):
    before = torch.get_num_threads()
    solver = ProxGradient(tolerance=TIGHT)
    with ThreadPoolExecutor(2) as pool:
        results = list(pool.map(lambda _: solver.solve(regions, motifs), range(4)))
    assert all(result.hits.equals(usual.hits) for result in results)
    assert torch.get_num_threads() == before


def test_prox_gradient__puts_back_what_it_switches():
    def switches():
        backends = torch.backends
        return backends.cudnn.allow_tf32, backends.cuda.matmul.allow_tf32

    before = switches()
    for tf32 in (False, True):
        with _gpu(tf32=tf32):
            assert switches() == (tf32, tf32)
    assert switches() == before


def test_prox_gradient__takes_smaller_steps_where_it_diverges(regions, motifs, usual):
    result = ProxGradient(tolerance=TIGHT, step_size_max=60.0).solve(regions, motifs)
    sizes = result.qc.qc_step_size.values
    assert sizes.min() < 60
    assert all(np.isclose(60 * 0.7 ** np.arange(20), size).any() for size in sizes)
    assert_same(result, usual, rtol=0.01)


def test_prox_gradient__gives_up_below_the_smallest_step(regions, motifs):
    solver = ProxGradient(tolerance=TIGHT, step_size_max=1e5, step_size_min=9e4)
    result = solver.solve(regions, motifs)
    failed = ~result.qc.qc_converged.values
    assert failed.any()
    assert not np.isin(result.hits.hit_region, np.flatnonzero(failed)).any()
    np.testing.assert_allclose(result.qc.qc_step_size.values[failed], 7e4)
    np.testing.assert_allclose(result.qc.qc_dual_gap, gaps(result, regions, motifs), rtol=1e-6)


def test_prox_gradient__stops_at_the_last_step_with_what_it_has(regions, motifs):
    result = ProxGradient(tolerance=TIGHT, max_steps=7).solve(regions, motifs)
    last = result.qc.qc_steps.values == 7
    assert last.sum() >= 10
    assert set(result.hits.hit_region.values.tolist()) >= set(np.flatnonzero(last).tolist())
    np.testing.assert_array_equal(result.qc.qc_converged, ~last)
    np.testing.assert_allclose(result.qc.qc_dual_gap, gaps(result, regions, motifs), rtol=1e-6)


def test_prox_gradient__stops_by_the_rule_of_the_reference(regions, motifs):
    loose = ProxGradient(gap="reference").solve(regions, motifs)
    correct = ProxGradient().solve(regions, motifs)
    true_gaps = gaps(loose, regions, motifs)
    np.testing.assert_allclose(loose.qc.qc_dual_gap, true_gaps, rtol=1e-6)
    assert max(true_gaps) > ProxGradient.tolerance
    assert loose.qc.qc_converged.values.all()
    assert max(gaps(correct, regions, motifs)) <= ProxGradient.tolerance


class _ShortOfMemory:
    """A step that fails when more than `slots` regions are in work, as torch does."""

    def __init__(self, step, slots, message="DefaultCPUAllocator: can't allocate memory"):
        self.step, self.slots, self.message, self.sizes = step, slots, message, []

    def __call__(self, point, *args, **kwargs):
        self.sizes.append(len(point))
        if len(point) > self.slots:
            raise RuntimeError(self.message)
        return self.step(point, *args, **kwargs)


@pytest.fixture
def short_of_memory(monkeypatch):
    def install(*args):
        made = []

        def solve(block, banks, settings, batch_size):
            made.append(_ShortOfMemory(settings.step, *args))
            return batches.solve_block(block, banks, settings._replace(step=made[0]), batch_size)

        monkeypatch.setattr("finemo_zarr.solvers.prox_gradient.solve_block", solve)
        return made

    return install


def test_prox_gradient__makes_the_batch_smaller_when_memory_is_short(
    short_of_memory, regions, motifs, usual
):
    made = short_of_memory(3)
    result = ProxGradient(tolerance=TIGHT, batch_size=11).solve(regions, motifs)
    assert_same(result, usual)
    assert made[0].sizes[:3] == [11, 5, 2]


def test_prox_gradient__keeps_what_was_solved_before_memory_was_short(
    monkeypatch, regions, motifs, usual
):
    finish, calls = batches._finish, []

    def failing(*args):
        calls.append(args)
        if len(calls) == 4:
            raise torch.OutOfMemoryError("CUDA out of memory")
        finish(*args)

    monkeypatch.setattr(batches, "_finish", failing)
    result = ProxGradient(tolerance=TIGHT, batch_size=4).solve(regions, motifs)
    assert_same(result, usual)


def test_prox_gradient__says_when_one_region_does_not_fit(short_of_memory, regions, motifs):
    short_of_memory(0)
    with pytest.raises(RunError, match="one region of 80 bp with 6 oriented motifs does not fit"):
        ProxGradient().solve(regions, motifs)


def test_prox_gradient__does_not_take_another_error_for_want_of_memory(
    short_of_memory, regions, motifs
):
    short_of_memory(0, "something else")
    with pytest.raises(RuntimeError, match="something else"):
        ProxGradient().solve(regions, motifs)


@pytest.mark.parametrize("free", [1.0, 1e12])
def test_prox_gradient__fits_the_batch_to_free_memory(monkeypatch, regions, motifs, usual, free):
    monkeypatch.setattr("finemo_zarr.solvers.prox_gradient._free_memory", lambda _: free)
    assert_same(ProxGradient(tolerance=TIGHT).solve(regions, motifs), usual)


def test_prox_gradient__calls_the_first_of_equal_motifs(raw_motifs, regions, motifs, usual):
    twin = raw_motifs.assign(motif_name=raw_motifs.motif_name + "_again")
    twice = prepare_motifs(combine_motifs([raw_motifs, twin]), MotifOptions())
    count = motifs.sizes["motif"]
    assert sorted(equal_motifs(twice)) == [(count + index, index) for index in range(count)]
    result = ProxGradient(tolerance=TIGHT).solve(regions, twice)
    assert_same(result, usual, rtol=0.01)
    assert max(gaps(result, regions, twice)) <= TIGHT


def test_prox_gradient__calls_the_strand_of_a_palindrome_that_can_be_placed():
    letters = np.array([2, 2, 0, 0, 3, 3, 1, 1])
    cwm = np.zeros((1, 4, 20))
    cwm[0, letters, np.arange(8)] = 1.0  # core at the start of the motif, so of + at the start
    oriented = prepare_motifs(create_motifs(["palindrome"], cwm), MotifOptions(placement="full"))
    codes = np.full((1, 30), 3, dtype=np.uint8)
    scores = np.zeros((1, 30))
    for start in (4, 20):  # only - fits at the second, both at neither
        codes[0, start : start + 8] = letters
        scores[0, start : start + 8] = 1.0
    hits = ProxGradient(tolerance=TIGHT).solve(create_regions(codes, scores), oriented).hits
    assert places(hits) == [(0, 0, 4), (0, 1, 20)]


@pytest.mark.parametrize(
    ("count", "length", "mode"), [(1, 50, "pp"), (250, 60, "hh"), (2, 3000, "ph"), (3, 90, "hp")]
)
def test_prox_gradient__solves_problems_of_any_shape(count, length, mode):
    raw = simulate_motifs(count, 12, (4, 8), seed=4)
    regions, _ = simulate_regions(raw, 4, length, hypothetical=mode[1] == "h", seed=4)
    scores, codes = regions.region_contributions.values, regions.region_sequence.values
    codes[1, 20:30] = NO_BASE
    scores[2] = 0
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UnreachableMotifWarning)
        motifs = prepare_motifs(raw, MotifOptions(mode=mode))
    result = ProxGradient(tolerance=1e-5).solve(regions, motifs)
    assert max(gaps(result, regions, motifs)) <= 1e-5
    assert result.qc.qc_converged.values.all()


def test_prox_gradient__takes_other_options_of_the_problem(raw_motifs, regions):
    options = MotifOptions(
        normalize="core", sqrt_transform=True, lambdas={str(raw_motifs.motif_name.values[0]): 0.4}
    )
    motifs = prepare_motifs(raw_motifs, options)
    result = ProxGradient(tolerance=TIGHT).solve(regions, motifs)
    assert max(gaps(result, regions, motifs)) <= TIGHT


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # torch's own, on importing its compiler
def test_prox_gradient__compiles_the_step(regions, motifs):
    some = regions.isel(region=slice(3))
    solver = ProxGradient(tolerance=TIGHT, batch_size="1")
    assert_same(replace(solver, compile=True).solve(some, motifs), solver.solve(some, motifs))


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
def test_prox_gradient__agrees_on_gpu_and_cpu(regions, motifs, usual):
    assert_same(ProxGradient(tolerance=TIGHT, device="cuda").solve(regions, motifs), usual)
