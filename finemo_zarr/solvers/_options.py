"""The options that solvers share, each declared once, so that `call-hits` can offer them as one."""

from typing import Any

from finemo_zarr.errors import SchemaError
from finemo_zarr.protocols import option


def tolerance_option() -> Any:
    """Declare ``-c/--convergence-tol``."""
    return option(
        "-c",
        "--convergence-tol",
        default=5e-4,
        help="Largest duality gap per base of a region that counts as converged.",
    )


def max_steps_option() -> Any:
    """Declare ``-S/--max-steps``."""
    return option(
        "-S",
        "--max-steps",
        default=10_000,
        help="Steps allowed per region (for coordinate-descent, sweeps over its working set).",
    )


def check_stopping(tolerance: float, max_steps: int) -> None:
    """Refuse options that would never let a solver stop, or not let it begin.

    Raises
    ------
    SchemaError
        If so.
    """
    if not tolerance > 0:
        raise SchemaError(f"the tolerance is {tolerance}, expected a number above 0")
    if max_steps < 1:
        raise SchemaError(f"the number of steps is {max_steps}, expected at least 1")
