"""A TF-MoDISco-lite file of simulated seqlets, and a solver that compares with it."""

import pytest
from click.testing import CliRunner
from finemo_zarr_modisco.solver import ModiscoScoringSolver
from modisco_files import write_result

from finemo_zarr.cli.app import app
from finemo_zarr.testing import simulate_regions
from finemo_zarr.testing.contracts.solvers import plain_motifs


@pytest.fixture(scope="session")
def result_file(tmp_path_factory):
    """The file of motifs that the contract knows."""
    regions, truth = simulate_regions(
        plain_motifs(), 150, 200, sites_per_region=(1, 4), hypothetical=True, seed=11
    )
    path = tmp_path_factory.mktemp("modisco") / "modisco.h5"
    return write_result(path, plain_motifs(), regions, truth)


@pytest.fixture(scope="session")
def scoring(result_file):
    """The solver, quick enough for tests."""
    return ModiscoScoringSolver(scoring_h5=result_file, leiden_seeds=2)


@pytest.fixture
def run():
    """Run a command, which must succeed, and return what it says."""

    def invoke(*words):
        done = CliRunner().invoke(app, [str(word) for word in words])
        assert done.exit_code == 0, done.output
        return done.output

    return invoke
