"""The contract of a solver, whatever its method."""

import pickle
import warnings
from functools import lru_cache
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pytest

from finemo_zarr.errors import FinemoError, UnreachableMotifWarning
from finemo_zarr.model import create_regions, validate
from finemo_zarr.motifs import MotifOptions, combine_motifs, prepare_motifs
from finemo_zarr.problem import region_problem
from finemo_zarr.protocols import HitsAndQC, Solver
from finemo_zarr.sequence import NO_BASE, reverse_complement
from finemo_zarr.testing.contracts._plugin import PluginContract
from finemo_zarr.testing.simulate import Truth, simulate_motifs, simulate_regions
from finemo_zarr.variables import VARIABLES

if TYPE_CHECKING:
    import xarray as xr

WIDTH = 200
_REGIONS = 24
_REQUIRED = {spec.name for spec in VARIABLES["hits"].values() if spec.required}
_SCORES = [spec.name for spec in VARIABLES["hits"].values() if spec.kind == "float"]
_PLACES = ("hit_region", "hit_motif", "hit_start", "hit_end", "hit_start_untrimmed")


class Case(NamedTuple):
    """A block of regions, oriented motifs, and where sites were planted."""

    regions: "xr.Dataset"
    motifs: "xr.Dataset"
    truth: Truth


@lru_cache
def plain_motifs() -> "xr.Dataset":
    """Motifs of two widths and of both signs, none of them palindromic."""
    wide = simulate_motifs(4, 20, (6, 12), palindromes=0, seed=1)
    narrow = simulate_motifs(2, 14, (8, 10), n_negative=2, palindromes=0, seed=2)
    return combine_motifs([wide, narrow])


def prepared(motifs: "xr.Dataset", **options: Any) -> "xr.Dataset":
    """Oriented motifs, without a word on those that cannot be reached."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UnreachableMotifWarning)
        return prepare_motifs(motifs, MotifOptions(**options))


def _simulated(*, hypothetical: bool) -> tuple["xr.Dataset", Truth]:
    return simulate_regions(
        plain_motifs(), _REGIONS, WIDTH, sites_per_region=(1, 4), hypothetical=hypothetical, seed=7
    )


@lru_cache
def _case(mode: Any) -> Case:
    regions, truth = _simulated(hypothetical=mode[1] == "h")
    return Case(regions, prepared(plain_motifs(), mode=mode), truth)


def with_scores(regions: "xr.Dataset", scores: Any, codes: Any | None = None) -> "xr.Dataset":
    """Regions without coordinates: other scores, and other base codes if given."""
    return create_regions(
        regions["region_sequence"].to_numpy() if codes is None else codes, np.asarray(scores)
    )


def scores_of(regions: "xr.Dataset") -> Any:
    """Scores in memory."""
    return regions["region_contributions"].to_numpy()


def _scales(case: Case) -> Any:
    """Scales ``(region,)`` by the definition of the problem."""
    count = case.regions.sizes["region"]
    return np.array(
        [region_problem(case.regions, index, case.motifs).scale for index in range(count)]
    )


def _padded(regions: "xr.Dataset", widths: Any) -> "xr.Dataset":
    """Regions cut to widths, with nothing behind."""
    padded = regions.copy(deep=True)
    behind = np.arange(regions.sizes["position"]) >= widths[:, None]
    padded["region_sequence"].to_numpy()[behind] = NO_BASE
    scores = padded["region_contributions"].to_numpy()
    scores[behind if scores.ndim == 2 else np.repeat(behind[:, None], 4, axis=1)] = 0
    return padded.assign(region_width=("region", widths))


def calls(result: HitsAndQC, motifs: "xr.Dataset") -> "xr.Dataset":
    """The hits that a run keeps: similarity at least lambda, or unknown."""
    similarity = result.hits["hit_similarity"].to_numpy()
    lambdas = motifs["motif_lambda"].to_numpy()[result.hits["hit_motif"].to_numpy()]
    return result.hits.isel(hit=np.flatnonzero(~(similarity < lambdas)))


def places(hits: "xr.Dataset") -> list[tuple[int, ...]]:
    """Region, motif, start, end and untrimmed start of each hit."""
    return list(zip(*(hits[name].to_numpy().tolist() for name in _PLACES), strict=True))


class SolverContract(PluginContract):
    """Subclass it and give the fixture `solver`, with a tight tolerance if it has one.

    Attributes
    ----------
    modes : tuple of str
        Modes that the solver knows, of ``pp`` and ``hh``.
    relative_tolerance : float
        How well scores of the same hit must agree between calls that should give the same.
    """

    modes: tuple[str, ...] = ("pp", "hh")
    relative_tolerance: float = 1e-4

    @pytest.fixture
    def solver(self) -> Solver:
        """The solver."""
        raise NotImplementedError("give a fixture `solver` that returns an instance")

    @pytest.fixture
    def contract_plugin(self, solver: Solver) -> Any:
        """What :class:`PluginContract` looks at."""
        return solver

    @pytest.fixture(params=["pp", "hh"])
    def solver_mode(self, request: pytest.FixtureRequest) -> str:
        """Motif and scores: both projected, or both hypothetical."""
        if request.param not in self.modes:
            pytest.skip(f"the solver does not know mode {request.param}")
        return str(request.param)

    @pytest.fixture
    def solver_case(self, solver_mode: str) -> Case:
        """Simulated regions of the mode's kind, and motifs."""
        regions, motifs, truth = _case(solver_mode)
        return Case(regions.copy(deep=True), motifs.copy(deep=True), truth)

    @pytest.fixture
    def solver_result(self, solver: Solver, solver_case: Case) -> HitsAndQC:
        """What the solver says of them."""
        return solver.solve(solver_case.regions, solver_case.motifs)

    def same_calls(self, one: "xr.Dataset", other: "xr.Dataset") -> None:
        """Fail unless two sets of hits have the same places and, within tolerance, scores."""
        assert places(one) == places(other)
        for name in _SCORES:
            if name in one or name in other:
                np.testing.assert_allclose(
                    one[name].to_numpy(),
                    other[name].to_numpy(),
                    rtol=self.relative_tolerance,
                    err_msg=name,
                )

    def test_solver__follows_the_protocol(self, solver: Solver) -> None:
        """It has all that a solver has."""
        assert isinstance(solver, Solver)

    def test_solve__gives_hits_and_qc(self, solver_result: HitsAndQC, solver_case: Case) -> None:
        """Both follow the specification; a score that the solver does not have is NaN."""
        validate(solver_result.hits, "hits")
        validate(solver_result.qc, "qc")
        assert set(solver_result.hits.variables) >= _REQUIRED
        assert solver_result.qc.sizes["region"] == solver_case.regions.sizes["region"]
        assert solver_result.hits.sizes["hit"] > 0

    def test_solve__orders_hits(self, solver_result: HitsAndQC) -> None:
        """By region, start, motif."""
        keys = [
            solver_result.hits[name].to_numpy() for name in ("hit_motif", "hit_start", "hit_region")
        ]
        np.testing.assert_array_equal(np.lexsort(keys), np.arange(len(keys[0])))

    def test_solve__places_hits_inside_regions(
        self, solver_result: HitsAndQC, solver_case: Case
    ) -> None:
        """Cores lie inside; indices point to what is there; the core is in the untrimmed motif."""
        hits = {name: values.to_numpy() for name, values in solver_result.hits.data_vars.items()}
        start, end = hits["hit_start"], hits["hit_end"]
        assert (start >= 0).all()
        assert (start < end).all()
        assert (end <= solver_case.regions.sizes["position"]).all()
        assert (hits["hit_start_untrimmed"] <= start).all()
        assert (hits["hit_end_untrimmed"] >= end).all()
        for name, dataset in (("region", solver_case.regions), ("motif", solver_case.motifs)):
            index = hits[f"hit_{name}"]
            assert ((index >= 0) & (index < dataset.sizes[name])).all()

    def test_solve__gives_the_same_twice(
        self, solver: Solver, solver_result: HitsAndQC, solver_case: Case
    ) -> None:
        """To the last bit."""
        again = solver.solve(solver_case.regions, solver_case.motifs)
        assert again.hits.equals(solver_result.hits)
        assert again.qc.equals(solver_result.qc)

    def test_solve__gives_the_same_after_pickling(
        self, solver: Solver, solver_result: HitsAndQC, solver_case: Case
    ) -> None:
        """Blocks are solved in other processes."""
        sent = pickle.loads(pickle.dumps(solver))  # noqa: S301
        assert sent.solve(solver_case.regions, solver_case.motifs).hits.equals(solver_result.hits)

    def test_solve__leaves_its_input_alone(self, solver: Solver, solver_case: Case) -> None:
        """Nothing is written to, even where that would not be seen."""
        before = [dataset.copy(deep=True) for dataset in solver_case[:2]]
        for dataset in solver_case[:2]:
            for variable in dataset.variables.values():
                variable.values.setflags(write=False)
        solver.solve(solver_case.regions, solver_case.motifs)
        for dataset, copy in zip(solver_case[:2], before, strict=True):
            assert dataset.identical(copy)

    def test_solve__takes_an_empty_block(self, solver: Solver, solver_case: Case) -> None:
        """No regions, no hits."""
        result = solver.solve(solver_case.regions.isel(region=slice(0, 0)), solver_case.motifs)
        validate(result.hits, "hits")
        assert result.hits.sizes["hit"] == 0
        assert result.qc.sizes["region"] == 0

    def test_solve__finds_nothing_in_zeros(self, solver: Solver, solver_case: Case) -> None:
        """A region without scores has no hits and is no reason to fail, nor do others suffer."""
        scores = scores_of(solver_case.regions)
        scores[1] = 0
        result = solver.solve(solver_case.regions, solver_case.motifs)
        assert 1 not in result.hits["hit_region"].to_numpy()
        assert set(result.hits["hit_region"].to_numpy().tolist()) >= {0, 2}
        assert bool(result.qc["qc_converged"].to_numpy()[1])

    def test_solve__finds_nothing_without_bases(
        self, solver: Solver, solver_case: Case, solver_mode: str
    ) -> None:
        """Projected scores where there is no base count for nothing."""
        codes = solver_case.regions["region_sequence"].to_numpy()
        codes[1] = NO_BASE
        if solver_mode[1] == "h":
            scores_of(solver_case.regions)[1] = 0
        result = solver.solve(solver_case.regions, solver_case.motifs)
        assert 1 not in result.hits["hit_region"].to_numpy()

    def test_solve__takes_regions_shorter_than_motifs(
        self, solver: Solver, solver_case: Case
    ) -> None:
        """A motif whose core does not fit is not placed."""
        for width in (8, 1):
            short = solver_case.regions.isel(position=slice(60, 60 + width))
            result = solver.solve(short, solver_case.motifs)
            assert result.qc.sizes["region"] == _REGIONS
            assert (result.hits["hit_end"].to_numpy() <= width).all()

    @pytest.mark.parametrize("dtype", [np.float16, np.float64])
    def test_solve__takes_scores_of_any_float_type(
        self, solver: Solver, solver_case: Case, solver_result: HitsAndQC, dtype: Any
    ) -> None:
        """The same sites are found, as far as the type can tell."""
        motifs = solver_case.motifs
        cast = with_scores(solver_case.regions, scores_of(solver_case.regions).astype(dtype))
        found = {place[:3] for place in places(calls(solver.solve(cast, motifs), motifs))}
        usual = {place[:3] for place in places(calls(solver_result, motifs))}
        assert len(found & usual) >= 0.95 * len(found | usual)

    @pytest.mark.parametrize("cuts", [[1], [5, 6, 17], list(range(1, _REGIONS))])
    def test_solve__does_not_depend_on_blocks(
        self, solver: Solver, solver_case: Case, solver_result: HitsAndQC, cuts: list[int]
    ) -> None:
        """Cut anywhere, the hits are the same; each block counts its regions from 0."""
        import xarray as xr

        motifs = solver_case.motifs
        parts = []
        for first, last in zip([0, *cuts], [*cuts, _REGIONS], strict=True):
            hits = solver.solve(solver_case.regions.isel(region=slice(first, last)), motifs).hits
            parts.append(hits.assign(hit_region=hits["hit_region"] + first))
        joined = HitsAndQC(xr.concat(parts, dim="hit"), solver_result.qc)
        self.same_calls(calls(joined, motifs), calls(solver_result, motifs))

    def test_solve__takes_the_scale_that_is_given(
        self, solver: Solver, solver_case: Case, solver_result: HitsAndQC
    ) -> None:
        """Given the scale that the region has, the hits are the same."""
        regions, motifs, _ = solver_case
        scales = _scales(solver_case)
        result = solver.solve(regions.assign(region_scale=("region", scales)), motifs)
        self.same_calls(calls(result, motifs), calls(solver_result, motifs))
        np.testing.assert_allclose(result.qc["qc_scale"].to_numpy(), scales, rtol=1e-4)

    def test_solve__ignores_what_lies_behind_a_region(
        self, solver: Solver, solver_case: Case
    ) -> None:
        """A solver that says ``ragged`` solves each region as if it stood alone, cut to its width.

        Others need not know of ``region_width``: they are given regions of one width.
        """
        if not getattr(solver, "ragged", False):
            pytest.skip("the solver does not say that it is `ragged`")
        regions, motifs, _ = solver_case
        widths = np.linspace(WIDTH, 5, _REGIONS).astype(np.int64)
        padded = _padded(regions, widths)
        for order in (slice(None), slice(None, None, -1)):  # wide ones first, and last
            result = solver.solve(padded.isel(region=order), motifs)
            for index, width in enumerate(widths[order].tolist()):
                own = regions.isel(region=order).isel(region=[index], position=slice(width))
                alone = solver.solve(own, motifs)
                hits = result.hits.isel(hit=np.flatnonzero(result.hits["hit_region"] == index))
                self.same_calls(hits.assign(hit_region=hits["hit_region"] - index), alone.hits)
                for name, values in alone.qc.data_vars.items():
                    np.testing.assert_allclose(
                        result.qc[name].to_numpy()[index : index + 1],
                        values.to_numpy(),
                        rtol=1e-5,
                        atol=1e-12,
                        err_msg=str(name),
                    )

    def test_solve__mirrors_hits_of_the_other_strand(
        self, solver: Solver, solver_case: Case, solver_result: HitsAndQC
    ) -> None:
        """Reverse-complemented regions have the same hits, on the other strand."""
        motifs = solver_case.motifs
        scores = scores_of(solver_case.regions)
        flipped = scores[..., ::-1] if scores.ndim == 2 else scores[:, ::-1, ::-1]
        codes = reverse_complement(solver_case.regions["region_sequence"].to_numpy())
        mirrored = solver.solve(with_scores(solver_case.regions, flipped, codes), motifs)
        expected = {
            (region, motif ^ 1, WIDTH - end, WIDTH - start)
            for region, motif, start, end, _ in places(calls(solver_result, motifs))
        }
        assert {place[:4] for place in places(calls(mirrored, motifs))} == expected

    def test_solve__projects_hypothetical_scores_itself(self, solver: Solver) -> None:
        """Mode pp needs of hypothetical scores only those of the observed bases."""
        if "pp" not in self.modes:
            pytest.skip("the solver does not know mode pp")
        projected, motifs, _ = _case("pp")
        full, _ = _simulated(hypothetical=True)
        one, other = (calls(solver.solve(data, motifs), motifs) for data in (projected, full))
        self.same_calls(one, other)

    def test_solve__refuses_a_mode_without_its_scores(self, solver: Solver) -> None:
        """Mode hh on projected scores is an error with a message, not a wrong result."""
        if "hh" not in self.modes:
            pytest.skip("the solver does not know mode hh")
        with pytest.raises(FinemoError, match="hypothetical"):
            solver.solve(_case("pp").regions, _case("hh").motifs)
