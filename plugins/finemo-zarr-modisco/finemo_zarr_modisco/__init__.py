"""Hit scoring against the seqlets of TF-MoDISco-lite, for finemo-zarr."""

from typing import TYPE_CHECKING

from finemo_zarr.hookspecs import hookimpl

if TYPE_CHECKING:
    from finemo_zarr.protocols import Command, Solver

__version__ = "0.1.0"


@hookimpl
def register_solvers() -> "list[type[Solver]]":
    """Return the solver of this plugin."""
    from finemo_zarr_modisco.solver import ModiscoScoringSolver

    return [ModiscoScoringSolver]


@hookimpl
def register_commands() -> "list[type[Command]]":
    """Return the command of this plugin."""
    from finemo_zarr_modisco.command import ExportTfmBed

    return [ExportTfmBed]
