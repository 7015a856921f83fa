"""The packages of others: what to install where one is missing, and what may not run twice."""

import sys
import threading
import warnings
from importlib import import_module
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from finemo_zarr.errors import InputWarning, MissingDependencyError

LOCK = threading.RLock()
"""Held while memelite or tangermeme runs: both use all threads of numba, whose simplest way of
doing so (the only one on many machines) ends the process when it is entered from two threads."""

_OLDEST = {"tangermeme": (1, 6), "memelite": (0, 5)}
_told: set[str] = set()


def package(module: str, purpose: str) -> Any:
    """Import a module of tangermeme, memelite or torch.

    Parameters
    ----------
    module : str
        Dotted name.
    purpose : str
        What needs it, as the start of a sentence.

    Raises
    ------
    MissingDependencyError
        If it is not installed, or one whose results are known to be wrong.
    """
    _check_version(module.partition(".")[0], purpose)
    try:
        return import_module(module)
    except ImportError as error:
        wanted = "" if module.startswith("memelite") else "[torch]"
        raise MissingDependencyError(
            f"{purpose} needs {module}, which cannot be imported ({error}): "
            f"pip install 'finemo-zarr-tangermeme{wanted}'"
        ) from error


def _check_version(name: str, purpose: str) -> None:
    """Refuse releases with wrong results: an extra that was not asked for pins nothing."""
    try:
        found = version(name)
    except PackageNotFoundError:
        return
    oldest = _OLDEST.get(name, (0, 0))
    if tuple(int(part) for part in found.split(".")[:2] if part.isdigit()) < oldest:
        wanted = ".".join(map(str, oldest))
        raise MissingDependencyError(
            f"{purpose} needs {name} {wanted} or newer, since older ones give wrong results; "
            f"{found} is installed: pip install --upgrade '{name}>={wanted}'"
        )


def tell_once(what: str, message: str) -> None:
    """Say on a terminal, once per process, why nothing seems to happen."""
    if what not in _told and sys.stderr.isatty():
        sys.stderr.write(f"{message}\n")
    _told.add(what)


def warn_once(message: str) -> None:
    """Warn once per process: a solver sees many blocks of one run."""
    if message not in _told:
        _told.add(message)
        warnings.warn(message, InputWarning, stacklevel=4)


def forget() -> None:
    """Tell and warn again, as a new process would."""
    _told.clear()
