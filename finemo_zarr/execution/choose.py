"""Which solver a job gets that names none."""

from collections.abc import Mapping

from finemo_zarr.protocols import Job, Solver

DEFAULT_SOLVER = "coordinate-descent"


def choose_solver(job: Job, installed: Mapping[str, type[Solver]]) -> tuple[type[Solver], str]:
    """Choose the solver for a job.

    A solver that needs more than a CPU says for itself whether it would pay, with a static method
    ``pays`` that takes a :class:`finemo_zarr.protocols.Job` and returns yes or no and why. The
    first that would is taken, else coordinate descent.

    Parameters
    ----------
    job : Job
        Size of the job.
    installed : mapping of str to solver class
        From :func:`finemo_zarr.registry.solvers`.

    Returns
    -------
    solver : solver class
        What was chosen.
    reason : str
        Why, in a few words.
    """
    refused = []
    for name, cls in installed.items():
        pays = getattr(cls, "pays", None)
        if pays is None:
            continue
        would, reason = pays(job)
        if would:
            return cls, reason
        refused.append(f"{name}: {reason}")
    return installed[DEFAULT_SOLVER], "; ".join(refused) or "no GPU solver is installed"
