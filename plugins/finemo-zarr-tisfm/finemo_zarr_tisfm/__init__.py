"""tiSFM for finemo-zarr: models from sequence to signal whose weights are motifs."""

from typing import TYPE_CHECKING

from finemo_zarr.hookspecs import hookimpl

if TYPE_CHECKING:
    from finemo_zarr.protocols import Command, Solver

__version__ = "0.1.0"


@hookimpl
def register_commands() -> "list[type[Command]]":
    """Return the commands of this plugin."""
    from finemo_zarr_tisfm.evaluate_command import EvaluateTisfm
    from finemo_zarr_tisfm.path_command import TisfmPath
    from finemo_zarr_tisfm.train_command import TrainTisfm

    return [TrainTisfm, EvaluateTisfm, TisfmPath]


@hookimpl
def register_solvers() -> "list[type[Solver]]":
    """Return the solver of this plugin."""
    from finemo_zarr_tisfm.solver import TisfmSolver

    return [TisfmSolver]
