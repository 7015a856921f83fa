import sys
from types import SimpleNamespace

import numpy as np
import pytest
from finemo_zarr_cupy.device import Backend, NoDeviceWarning, find_backend
from finemo_zarr_cupy.solver import CuPySolver

from finemo_zarr.errors import MissingDependencyError, RunError, SchemaError


@pytest.fixture(autouse=True)
def _ask_anew():
    find_backend.cache_clear()
    yield
    find_backend.cache_clear()


class CUDARuntimeError(RuntimeError):
    pass


def fake_cupy(monkeypatch, count):
    def get_device_count():
        if count is None:
            raise CUDARuntimeError("driver too old")
        return count

    runtime = SimpleNamespace(getDeviceCount=get_device_count, CUDARuntimeError=CUDARuntimeError)
    cupy = SimpleNamespace(cuda=SimpleNamespace(runtime=runtime))
    monkeypatch.setitem(sys.modules, "cupy", cupy)
    return cupy


def test_find_backend__takes_the_device_that_is_asked_for(monkeypatch):
    cupy = fake_cupy(monkeypatch, 2)
    for device, number in (("auto", 0), ("cuda", 0), ("cuda:1", 1)):
        assert find_backend(device) == Backend(cupy, number)
    assert find_backend("cpu") == Backend(np)


def test_find_backend__warns_when_auto_finds_no_device(monkeypatch):
    fake_cupy(monkeypatch, None)
    with pytest.warns(NoDeviceWarning, match="driver too old.*coordinate-descent"):
        assert find_backend("auto") == Backend(np)


def test_find_backend__says_which_devices_there_are(monkeypatch):
    fake_cupy(monkeypatch, 2)
    with pytest.raises(RunError, match="no device cuda:2; CuPy finds 2"):
        find_backend("cuda:2")


def test_find_backend__refuses_reduced_precision(monkeypatch):
    fake_cupy(monkeypatch, 1)
    monkeypatch.setenv("CUPY_TF32", "1")
    with pytest.raises(RunError, match="CUPY_TF32"):
        find_backend("cuda")


def test_find_backend__says_how_to_install_cupy(monkeypatch):
    monkeypatch.setitem(sys.modules, "cupy", None)
    with pytest.raises(MissingDependencyError, match=r"finemo-zarr-cupy\[cuda12\]"):
        find_backend("cuda")


@pytest.mark.parametrize("options", [
    {"device": "gpu"}, {"device": "cuda:"}, {"tolerance": 0}, {"max_steps": 0},
    {"batch_regions": 0},
])  # fmt: skip
def test_solver__refuses_options_that_make_no_sense(options):
    with pytest.raises(SchemaError):
        CuPySolver(**options)
