"""The names that the package has at its top."""

from pkgutil import iter_modules

import finemo_zarr


def test_names__are_there() -> None:
    assert all(hasattr(finemo_zarr, name) for name in finemo_zarr.__all__)


def test_names__are_none_of_a_module() -> None:
    """Importing a module would put it in the place of the function, in some runs only."""
    modules = {module.name for module in iter_modules(finemo_zarr.__path__)}
    assert not modules & set(finemo_zarr.__all__)
