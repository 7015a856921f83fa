"""Hit scoring against the seqlets of TF-MoDISco-lite, for finemo-zarr."""

from typing import TYPE_CHECKING

from finemo_zarr.hookspecs import hookimpl

if TYPE_CHECKING:
    from finemo_zarr.protocols import Solver

__version__ = "0.1.0"


@hookimpl
def register_solvers() -> "list[type[Solver]]":
    """Return the solver of this plugin."""
    from finemo_zarr_modisco.solver import ModiscoScoringSolver

    return [ModiscoScoringSolver]
