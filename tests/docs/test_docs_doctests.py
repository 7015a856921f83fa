"""Examples in docstrings run."""

import doctest
import pkgutil
from importlib import import_module

import pytest

import finemo_zarr

MODULES = [
    module.name
    for module in pkgutil.walk_packages(finemo_zarr.__path__, "finemo_zarr.")
    if not module.name.endswith("__main__")
]


@pytest.mark.parametrize("name", MODULES)
def test_examples__run(name):
    failed, _ = doctest.testmod(import_module(name), optionflags=doctest.ELLIPSIS)
    assert failed == 0
