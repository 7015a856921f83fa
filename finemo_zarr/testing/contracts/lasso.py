"""The contract of a solver of the non-negative convolutional lasso."""

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from finemo_zarr.model import create_motifs
from finemo_zarr.problem import RegionProblem, coefficients_of, region_problem
from finemo_zarr.protocols import HitsAndQC, Solver
from finemo_zarr.testing.contracts.solvers import (
    WIDTH,
    Case,
    SolverContract,
    calls,
    places,
    plain_motifs,
    prepared,
    scores_of,
    with_scores,
)
from finemo_zarr.testing.simulate import simulate_regions

if TYPE_CHECKING:
    import xarray as xr


def _problems(case: Case) -> list[RegionProblem]:
    count = case.regions.sizes["region"]
    return [region_problem(case.regions, index, case.motifs) for index in range(count)]


def _gaps(case: Case, result: HitsAndQC) -> Any:
    """Duality gaps per base at the coefficients that were returned."""
    return np.array(
        [
            problem.duality_gap(coefficients_of(result.hits, index, case.motifs, WIDTH)) / WIDTH
            for index, problem in enumerate(_problems(case))
        ]
    )


class LassoSolverContract(SolverContract):
    """Subclass it and give the fixture `solver`, best also `hasty_solver`.

    Solvers are judged by :mod:`finemo_zarr.problem` at the coefficients they return.

    Attributes
    ----------
    tolerance : float
        The duality gap per base to which the solver of the fixture solves.
    """

    tolerance: float = 5e-4

    @pytest.fixture
    def hasty_solver(self) -> Solver | None:
        """A solver set up so that it has to give up before the tolerance is met."""
        return None

    def test_solve__closes_the_duality_gap(
        self, solver_result: HitsAndQC, solver_case: Case
    ) -> None:
        """In each region, by the definition of the problem."""
        assert _gaps(solver_case, solver_result).max() <= self.tolerance
        assert solver_result.qc["qc_converged"].to_numpy().all()

    def test_solve__reports_the_true_gap(self, solver_result: HitsAndQC, solver_case: Case) -> None:
        """What qc says is what the coefficients have."""
        reported = solver_result.qc["qc_dual_gap"].to_numpy()
        np.testing.assert_allclose(
            reported, _gaps(solver_case, solver_result), atol=0.1 * self.tolerance
        )

    def test_solve__reports_scale_and_fit(
        self, solver_result: HitsAndQC, solver_case: Case
    ) -> None:
        """The region's scale, and half the mean squared residual."""
        problems = _problems(solver_case)
        fits = [
            (
                p.residual(coefficients_of(solver_result.hits, i, solver_case.motifs, WIDTH)) ** 2
            ).sum()
            for i, p in enumerate(problems)
        ]
        scale, nll = (solver_result.qc[name].to_numpy() for name in ("qc_scale", "qc_nll"))
        np.testing.assert_allclose(scale, [p.scale for p in problems], rtol=1e-4)
        np.testing.assert_allclose(nll, np.array(fits) / (2 * WIDTH), rtol=1e-3)

    def test_solve__returns_positive_coefficients(self, solver_result: HitsAndQC) -> None:
        """Zeros are not hits."""
        assert (solver_result.hits["hit_coefficient"].to_numpy() > 0).all()

    def test_solve__scores_hits_by_their_definitions(
        self, solver_result: HitsAndQC, solver_case: Case
    ) -> None:
        """Similarity, importances and the global coefficient."""
        problems = _problems(solver_case)
        hits = {name: values.to_numpy() for name, values in solver_result.hits.data_vars.items()}
        expected = np.array(
            [
                _scores(problems[region], motif, start)
                for region, motif, start, _, _ in places(solver_result.hits)
            ]
        )
        scale = solver_result.qc["qc_scale"].to_numpy()[hits["hit_region"]]
        widths = (solver_case.motifs["motif_end"] - solver_case.motifs["motif_start"]).to_numpy()
        assert np.array_equal(hits["hit_end"] - hits["hit_start"], widths[hits["hit_motif"]])
        for column, name in enumerate(("hit_similarity", "hit_importance", "hit_importance_sq")):
            np.testing.assert_allclose(
                hits[name], expected[:, column], rtol=1e-3, atol=1e-6, err_msg=name
            )
        np.testing.assert_allclose(
            hits["hit_coefficient_global"], hits["hit_coefficient"] * scale**2, rtol=1e-4
        )

    def test_solve__finds_nothing_above_lambda_max(self, solver: Solver, solver_case: Case) -> None:
        """And something just below it."""
        mode = str(solver_case.motifs.attrs["mode"])
        largest = max(problem.lambda_max() for problem in _problems(solver_case))
        for factor, found in ((1.001, False), (0.98, True)):
            motifs = prepared(plain_motifs(), mode=mode, lambda_default=factor * largest)
            hits = solver.solve(solver_case.regions, motifs).hits
            assert bool(hits.sizes["hit"]) is found

    @pytest.mark.parametrize("factor", [1e-6, 1e6])
    def test_solve__does_not_depend_on_the_unit_of_scores(
        self, solver: Solver, solver_case: Case, solver_result: HitsAndQC, factor: float
    ) -> None:
        """Scaling all scores changes no hit and no coefficient."""
        scaled = with_scores(
            solver_case.regions, scores_of(solver_case.regions) * np.float32(factor)
        )
        one, other = (
            calls(answer, solver_case.motifs)
            for answer in (solver_result, solver.solve(scaled, solver_case.motifs))
        )
        assert places(one) == places(other)
        np.testing.assert_allclose(
            one["hit_coefficient"].to_numpy(), other["hit_coefficient"].to_numpy(), rtol=1e-3
        )

    @pytest.mark.parametrize("factor", [0.5, 2.0])
    def test_solve__solves_the_problem_of_the_scale_that_is_given(
        self, solver: Solver, solver_case: Case, solver_result: HitsAndQC, factor: float
    ) -> None:
        """That of a part of a region is the scale of the whole, whatever its own scores are."""
        scales = np.array([problem.scale for problem in _problems(solver_case)]) * factor
        scales[1] = 0
        regions = solver_case.regions.assign(region_scale=("region", scales))
        case = solver_case._replace(regions=regions)
        result = solver.solve(*case[:2])
        assert _gaps(case, result).max() <= self.tolerance
        np.testing.assert_allclose(result.qc["qc_scale"].to_numpy(), scales, rtol=1e-4)
        sides = [
            dict(zip(places(hits), hits["hit_coefficient"].to_numpy().tolist(), strict=True))
            for hits in (solver_result.hits, result.hits)
        ]
        both = sides[0].keys() & sides[1].keys()
        usual, found = (sum(side[place] for place in both) for side in sides)
        assert (found > usual) is (factor < 1)
        assert 1 not in result.hits["hit_region"].to_numpy()

    def test_solve__finds_what_was_planted(
        self, solver_result: HitsAndQC, solver_case: Case
    ) -> None:
        """Nearly all sites, and little else."""
        truth = solver_case.truth
        oriented = 2 * truth["motif"] + (truth["strand"] == "-")
        columns = (truth["region"], oriented, truth["start"])
        planted = set(zip(*(column.tolist() for column in columns), strict=True))
        found = {
            (place[0], place[1], place[4])
            for place in places(calls(solver_result, solver_case.motifs))
        }
        assert len(found & planted) >= 0.95 * len(planted)
        assert len(found & planted) >= 0.9 * len(found)

    def test_solve__places_the_whole_motif_if_asked(
        self, solver: Solver, solver_case: Case
    ) -> None:
        """Placement ``full`` keeps untrimmed motifs inside the region."""
        mode = str(solver_case.motifs.attrs["mode"])
        motifs = prepared(plain_motifs(), mode=mode, placement="full")
        hits = solver.solve(solver_case.regions, motifs).hits
        assert (hits["hit_start_untrimmed"].to_numpy() >= 0).all()
        assert (hits["hit_end_untrimmed"].to_numpy() <= WIDTH).all()

    def test_solve__calls_a_palindrome_once_and_forward(
        self, solver: Solver, solver_mode: str
    ) -> None:
        """Of two identical columns the ``+`` strand is called, with the whole coefficient."""
        motifs = _palindrome()
        regions, truth = simulate_regions(
            motifs,
            8,
            WIDTH,
            sites_per_region=2,
            hypothetical=solver_mode[1] == "h",
            noise=0.01,
            seed=3,
        )
        oriented = prepared(motifs, mode=solver_mode)
        hits = calls(solver.solve(regions, oriented), oriented)
        assert set(hits["hit_motif"].to_numpy().tolist()) == {0}
        planted = set(zip(truth["region"].tolist(), truth["core_start"].tolist(), strict=True))
        found = [(region, start) for region, _, start, _, _ in places(hits)]
        assert len(set(found)) == len(found)
        assert len(set(found) & planted) >= 0.9 * len(planted)

    def test_solve__says_when_it_did_not_converge(
        self, hasty_solver: Solver | None, solver_case: Case
    ) -> None:
        """It neither fails nor claims to have converged, and what it has is given."""
        if hasty_solver is None:
            pytest.skip("the fixture `hasty_solver` is not given")
        mode = str(solver_case.motifs.attrs["mode"])  # a low penalty makes many columns compete
        hard = solver_case._replace(motifs=prepared(plain_motifs(), mode=mode, lambda_default=0.02))
        result = hasty_solver.solve(*hard[:2])
        claimed = result.qc["qc_converged"].to_numpy()
        assert not claimed.all()
        assert (_gaps(hard, result)[claimed] <= self.tolerance).all()
        assert np.isfinite(result.hits["hit_coefficient"].to_numpy()).all()


def _scores(problem: RegionProblem, motif: int, start: int) -> tuple[float, float, float]:
    """Similarity, importance and squared importance of one hit."""
    core = problem.cores[motif]
    under = problem.scores[:, start : start + core.shape[1]]
    energy = (under**2).sum()
    return (
        float((under * core).sum() / np.sqrt(energy)),
        float(problem.scale * np.abs(under).sum()),
        float(problem.scale**2 * energy),
    )


def _palindrome() -> "xr.Dataset":
    """One motif that is its own reverse complement: GGAATTCC."""
    letters = np.array([2, 2, 0, 0, 3, 3, 1, 1])
    ppm = np.full((1, 4, letters.size), 0.02)
    ppm[0, letters, np.arange(letters.size)] = 0.94
    hcwm = np.where(ppm > 0.5, 0.3, -0.1)
    return create_motifs(["palindrome"], ppm * hcwm, matrices={"hcwm": hcwm, "ppm": ppm})
