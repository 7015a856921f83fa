"""The contracts must notice what is wrong; that good plugins pass is tested with the plugins."""

from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np
import pytest
import xarray as xr

from finemo_zarr.model import create_hits, create_qc
from finemo_zarr.protocols import HitsAndQC, option
from finemo_zarr.solvers.coordinate_descent import CoordinateDescent
from finemo_zarr.testing import simulate_regions
from finemo_zarr.testing.contracts import LassoSolverContract, MotifReaderContract, ReaderContract
from finemo_zarr.testing.contracts._plugin import PluginContract
from finemo_zarr.testing.contracts.solvers import Case, plain_motifs, prepared

CONTRACT = LassoSolverContract()


@pytest.fixture
def solver_case():
    regions, truth = simulate_regions(plain_motifs(), 24, 200, sites_per_region=(1, 4), seed=7)
    return Case(regions, prepared(plain_motifs()), truth)


@pytest.fixture
def good(solver_case):
    return CoordinateDescent().solve(*solver_case[:2])


@dataclass(frozen=True)
class Faulty:
    """A solver that does something to the right answer."""

    name: ClassVar[str] = "faulty"
    summary: ClassVar[str] = "wrong on purpose"
    ragged: ClassVar[bool] = True
    fault: str = option("--fault", help="Which.", default="")

    def solve(self, regions, motifs):
        if self.fault == "writes to its input":
            regions["region_contributions"].values[:] *= 2
        if self.fault == "has a scale of its own":
            regions = regions.drop_vars("region_scale", errors="ignore")
        if self.fault == "multiplies the scale" and "region_scale" in regions:
            regions = regions.assign(region_scale=2 * regions["region_scale"])
        if self.fault == "looks behind regions":
            regions = regions.drop_vars("region_width", errors="ignore")
        hits, qc = CoordinateDescent().solve(regions, motifs)
        if self.fault == "forward strand only":
            hits = hits.isel(hit=np.flatnonzero(hits.hit_motif.values % 2 == 0))
        if self.fault == "looks at the block":
            hits = hits.isel(hit=slice(0, max(regions.sizes["region"] - 3, 0)))
        if self.fault == "in units of the scores":
            hits = hits.isel(hit=np.flatnonzero(hits.hit_coefficient_global.values > 1e-6))
        return HitsAndQC(hits, qc)


FAULTS = {
    "writes to its input": "test_solve__leaves_its_input_alone",
    "forward strand only": "test_solve__mirrors_hits_of_the_other_strand",
    "multiplies the scale": "test_solve__takes_the_scale_that_is_given",
    "looks behind regions": "test_solve__ignores_what_lies_behind_a_region",
}


@pytest.mark.parametrize(("fault", "test"), FAULTS.items(), ids=FAULTS)
def test_solver_contract__notices_a_solver_that(solver_case, fault, test):
    arguments = {"solver": Faulty(fault), "solver_case": solver_case}
    if "mirrors" in test or "takes" in test:
        arguments["solver_result"] = Faulty(fault).solve(*solver_case[:2])
    with pytest.raises((AssertionError, ValueError)):
        getattr(CONTRACT, test)(**arguments)


def test_solver_contract__notices_dependence_on_blocks(solver_case):
    solver = Faulty("looks at the block")
    result = solver.solve(*solver_case[:2])
    with pytest.raises(AssertionError):
        CONTRACT.test_solve__does_not_depend_on_blocks(solver, solver_case, result, [5])


def test_solver_contract__notices_dependence_on_units(solver_case):
    solver = Faulty("in units of the scores")
    result = solver.solve(*solver_case[:2])
    with pytest.raises(AssertionError):
        CONTRACT.test_solve__does_not_depend_on_the_unit_of_scores(
            solver, solver_case, result, 1e-6
        )


def test_lasso_contract__notices_a_solver_with_a_scale_of_its_own(good, solver_case):
    test = "test_solve__solves_the_problem_of_the_scale_that_is_given"
    getattr(CONTRACT, test)(CoordinateDescent(), solver_case, good, 0.5)
    with pytest.raises(AssertionError):
        getattr(CONTRACT, test)(Faulty("has a scale of its own"), solver_case, good, 0.5)


def test_solver_contract__asks_only_ragged_solvers_for_widths(solver_case):
    test = CONTRACT.test_solve__ignores_what_lies_behind_a_region
    test(CoordinateDescent(), solver_case)
    with pytest.raises(pytest.skip.Exception):
        test(object(), solver_case)


def test_solver_contract__notices_hits_out_of_order(good):
    shuffled = HitsAndQC(good.hits.isel(hit=slice(None, None, -1)), good.qc)
    CONTRACT.test_solve__orders_hits(good)
    with pytest.raises(AssertionError):
        CONTRACT.test_solve__orders_hits(shuffled)


def test_solver_contract__notices_missing_scores(good, solver_case):
    lacking = HitsAndQC(good.hits.drop_vars("hit_importance"), good.qc)
    with pytest.raises((AssertionError, ValueError)):
        CONTRACT.test_solve__gives_hits_and_qc(lacking, solver_case)


def test_solver_contract__notices_hits_outside(good, solver_case):
    outside = good.hits.assign(hit_end=good.hits.hit_end + 200)
    with pytest.raises(AssertionError):
        CONTRACT.test_solve__places_hits_inside_regions(HitsAndQC(outside, good.qc), solver_case)


@pytest.mark.parametrize(
    "test",
    ["test_solve__closes_the_duality_gap", "test_solve__reports_scale_and_fit"],
)
def test_lasso_contract__notices_coefficients_that_are_not_the_solution(good, solver_case, test):
    getattr(CONTRACT, test)(good, solver_case)
    off = good.hits.assign(hit_coefficient=good.hits.hit_coefficient * 1.2)
    with pytest.raises(AssertionError):
        getattr(CONTRACT, test)(HitsAndQC(off, good.qc), solver_case)


def test_lasso_contract__notices_a_gap_that_is_not_the_true_one(good, solver_case):
    off = HitsAndQC(good.hits, good.qc.assign(qc_dual_gap=good.qc.qc_dual_gap + 1e-3))
    with pytest.raises(AssertionError):
        CONTRACT.test_solve__reports_the_true_gap(off, solver_case)


@pytest.mark.parametrize(
    "name", ["hit_similarity", "hit_importance", "hit_importance_sq", "hit_coefficient_global"]
)
def test_lasso_contract__notices_scores_by_another_definition(good, solver_case, name):
    CONTRACT.test_solve__scores_hits_by_their_definitions(good, solver_case)
    off = HitsAndQC(good.hits.assign({name: good.hits[name] * 1.01}), good.qc)
    with pytest.raises(AssertionError):
        CONTRACT.test_solve__scores_hits_by_their_definitions(off, solver_case)


def test_lasso_contract__notices_missed_sites(good, solver_case):
    half = HitsAndQC(good.hits.isel(hit=slice(None, None, 2)), good.qc)
    with pytest.raises(AssertionError):
        CONTRACT.test_solve__finds_what_was_planted(half, solver_case)


def test_lasso_contract__notices_false_claims_of_convergence(solver_case):
    @dataclass(frozen=True)
    class Boastful(CoordinateDescent):
        def solve(self, regions, motifs):
            hits, qc = super().solve(regions, motifs)
            return HitsAndQC(hits, qc.assign(qc_converged=qc.qc_dual_gap >= 0))

    CONTRACT.test_solve__says_when_it_did_not_converge(CoordinateDescent(max_steps=1), solver_case)
    with pytest.raises(AssertionError):
        CONTRACT.test_solve__says_when_it_did_not_converge(Boastful(max_steps=1), solver_case)


def test_lasso_contract__notices_a_palindrome_on_the_wrong_strand():
    @dataclass(frozen=True)
    class Backward(CoordinateDescent):
        def solve(self, regions, motifs):
            hits, qc = super().solve(regions, motifs)
            return HitsAndQC(hits.assign(hit_motif=hits.hit_motif ^ 1), qc)

    CONTRACT.test_solve__calls_a_palindrome_once_and_forward(CoordinateDescent(), "pp")
    with pytest.raises(AssertionError):
        CONTRACT.test_solve__calls_a_palindrome_once_and_forward(Backward(), "pp")


def test_same_calls__compares_scores_where_both_are_missing():
    columns = dict.fromkeys(("region", "motif", "start", "start_untrimmed"), np.zeros(1))
    columns |= dict.fromkeys(("end", "end_untrimmed"), np.ones(1))
    hits = create_hits(columns)
    CONTRACT.same_calls(hits, hits)
    with pytest.raises(AssertionError):
        CONTRACT.same_calls(hits, create_hits(columns | {"coefficient": np.ones(1)}))
    assert create_qc({"scale": [1.0]}).sizes["region"] == 1


@dataclass(frozen=True)
class Memory:
    """A reader of regions that are given to it."""

    name: ClassVar[str] = "memory"
    summary: ClassVar[str] = "what it is given"
    chunk: int = option("--chunk", help="Regions per chunk.", default=2)

    def read(self):
        regions, _ = simulate_regions(plain_motifs(), 5, 60, sites_per_region=1)
        if self.chunk == 0:
            return regions
        lazy = regions.chunk({"region": self.chunk})
        return lazy if self.chunk > 1 else lazy.chunk({"position": 10})


class TestContractOnAGoodReader(ReaderContract):
    @pytest.fixture
    def reader(self):
        return Memory()

    @pytest.fixture
    def expected_regions(self):
        return Memory(chunk=0).read()


@pytest.mark.parametrize("chunk", [0, 1])
def test_reader_contract__notices_what_is_not_lazy_or_cuts_regions(chunk):
    ReaderContract().test_read__is_lazy_along_region(Memory().read())
    with pytest.raises(AssertionError):
        ReaderContract().test_read__is_lazy_along_region(Memory(chunk=chunk).read())


def test_reader_contract__notices_computing():
    class Eager:
        def read(self):
            return Memory().read().compute()

    with pytest.raises(AssertionError, match="computes dask arrays"):
        ReaderContract().test_read__computes_nothing(Eager())


def test_reader_contract__notices_other_scores():
    right = Memory(chunk=0).read()
    off = right.assign(region_contributions=right.region_contributions * 1.001)
    ReaderContract().test_read__gives_what_is_expected(right, right)
    with pytest.raises(AssertionError):
        ReaderContract().test_read__gives_what_is_expected(off, right)


@dataclass(frozen=True)
class Bad:
    name: ClassVar[str] = "Bad Name"
    summary: ClassVar[str] = "two\nlines"
    first: int = option("-f", help="No long flag.", default=1)
    second: int = option("-f", "--second", help="The same flag.", default=1)
    third: int = 1


@pytest.mark.parametrize(
    "test",
    [
        "test_name__is_a_word_for_the_command_line",
        "test_summary__is_one_line",
        "test_fields__are_all_options_with_help",
        "test_flags__are_valid_and_unique",
    ],
)
def test_plugin_contract__notices(test):
    getattr(PluginContract(), test)(Memory())
    with pytest.raises(AssertionError):
        getattr(PluginContract(), test)(Bad())


def test_plugin_contract__notices_classes_that_can_be_changed():
    @dataclass
    class Loose:
        factor: int = 1

    with pytest.raises(pytest.fail.Exception):
        PluginContract().test_plugin__is_a_frozen_dataclass(Loose())


def test_motif_reader_contract__notices_readers_that_take_anything(tmp_path):
    class Greedy:
        def can_read(self, path):
            return True

        def read(self, path):
            return xr.Dataset()

    contract = MotifReaderContract()
    with pytest.raises(AssertionError):
        contract.test_can_read__says_no_to_foreign_files(Greedy(), tmp_path, b"")
    with pytest.raises(AssertionError):
        contract.test_can_read__says_no_to_what_is_not_a_file(Greedy(), tmp_path)
    with pytest.raises(pytest.fail.Exception):
        contract.test_read__refuses_foreign_files_by_name(Greedy(), tmp_path, b"")


def test_motif_reader_contract__notices_rubbish_beyond_the_width():
    motifs = plain_motifs()
    contract = MotifReaderContract()
    contract.test_read__gives_usable_matrices(motifs)
    with pytest.raises(AssertionError):
        contract.test_read__gives_usable_matrices(motifs.assign(motif_width=motifs.motif_width - 1))


def test_fixtures__say_what_is_missing():
    assert replace(Memory(), chunk=3).chunk == 3
    for contract, name in ((ReaderContract, "reader"), (MotifReaderContract, "motif_file")):
        assert name in vars(contract)
