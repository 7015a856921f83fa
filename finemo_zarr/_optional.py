"""The one place that explains a missing optional package."""

from importlib import import_module
from types import ModuleType

from finemo_zarr.errors import MissingDependencyError


def import_optional(module: str, *, extra: str, purpose: str) -> ModuleType:
    """Import a module that belongs to an extra.

    Parameters
    ----------
    module : str
        Dotted name, for example ``"torch"``.
    extra : str
        The extra of `finemo-zarr` that installs it.
    purpose : str
        What needs it, as the start of a sentence.

    Raises
    ------
    MissingDependencyError
        If the package is not installed.
    """
    try:
        return import_module(module)
    except ImportError as error:
        package = module.partition(".")[0]
        raise MissingDependencyError(
            f"{purpose} needs the package {package!r}, which is not installed ({error}): "
            f"pip install 'finemo-zarr[{extra}]'"
        ) from error
