"""Memory: how a block is cut, and that arrays never mix with those of NumPy on the way."""

from contextlib import nullcontext

import numpy as np
import pytest
from finemo_zarr_cupy import block as block_module
from finemo_zarr_cupy import scan, solver
from finemo_zarr_cupy.batch import refresh
from finemo_zarr_cupy.block import Block
from finemo_zarr_cupy.device import Backend
from finemo_zarr_cupy.settle import settle_arrays
from finemo_zarr_cupy.solver import CuPySolver

from finemo_zarr import prepare_motifs
from finemo_zarr.errors import RunError, SchemaError
from finemo_zarr.motifs import MotifOptions
from finemo_zarr.testing import simulate_motifs, simulate_regions


@pytest.fixture(params=["pp", "hh"])
def data(request):
    raw = simulate_motifs(6, 16, (5, 12), seed=1)
    regions, _ = simulate_regions(
        raw, 20, 120, sites_per_region=2, hypothetical=request.param == "hh", seed=2
    )
    return regions, prepare_motifs(raw, MotifOptions(mode=request.param))


class OnDevice(np.ndarray):
    """Arrays that refuse to meet those of the host, as CuPy's do."""

    def __array_ufunc__(self, ufunc, method, *inputs, out=None, **options):
        only_own(inputs)
        plain = [as_host(value) for value in inputs]
        if out is not None:
            options["out"] = tuple(as_host(value) for value in out)
        result = as_own(getattr(ufunc, method)(*plain, **options))
        return result if out is None else out[0]

    def __array_function__(self, function, types, inputs, options):
        only_own(inputs)
        return as_own(function(*as_host(inputs), **as_host(options)))

    def __getitem__(self, index):
        only_own(index)
        return as_own(self.view(np.ndarray)[as_host(index)])

    def __setitem__(self, index, value):
        only_own((index, value))
        self.view(np.ndarray)[as_host(index)] = as_host(value)

    def get(self):
        return self.view(np.ndarray).copy()


def only_own(values):
    for value in values if isinstance(values, (tuple, list)) else [values]:
        if isinstance(value, (tuple, list)):
            only_own(value)
        elif isinstance(value, np.ndarray) and value.ndim and not isinstance(value, OnDevice):
            raise TypeError("an array of the host among those of the device")


def as_host(value):
    if isinstance(value, (tuple, list)):
        return type(value)(as_host(item) for item in value)
    if isinstance(value, dict):
        return {key: as_host(item) for key, item in value.items()}
    return value.view(np.ndarray) if isinstance(value, OnDevice) else value


def as_own(value):
    if isinstance(value, tuple):
        return tuple(as_own(item) for item in value)
    return value.view(OnDevice) if isinstance(value, np.ndarray) else value


class Device:
    """An array module like CuPy; only `asarray` takes arrays of the host."""

    maximum = np.maximum

    def __getattr__(self, name):
        known = getattr(np, name)
        if not callable(known) or isinstance(known, (type, np.ufunc)):
            return known

        def call(*given, **options):
            if name != "asarray":
                only_own(given)
            return as_own(known(*as_host(given), **as_host(options)))

        return call


class FullBackend(Backend):
    """A backend with an array module like CuPy, and memory for so many regions."""

    def active(self):
        return nullcontext()

    def to_host(self, array):
        return array.get()

    def free_bytes(self):
        return 2**30

    def release(self):
        self.xp.released = True


def test_block__never_mixes_arrays_of_device_and_host(data, monkeypatch):
    monkeypatch.setattr(block_module, "settle_warps", settle_arrays)
    monkeypatch.setattr(solver, "find_backend", lambda _: FullBackend(Device(), 0))
    found = CuPySolver().solve(*data)
    expected = Block(Backend(np), *data).solve(20, 1000)[0]
    assert found.hits.sizes["hit"] > 20
    np.testing.assert_array_equal(found.hits.hit_start, expected["start"])


def short_of_memory(monkeypatch, most):
    sizes = []
    load = block_module.load

    def load_few(xp, codes, *given):
        sizes.append(len(codes))
        if len(codes) > most:
            raise MemoryError
        return load(xp, codes, *given)

    monkeypatch.setattr(block_module, "load", load_few)
    return sizes


def test_block__takes_fewer_regions_when_memory_runs_out(data, monkeypatch):
    expected = CuPySolver(device="cpu").solve(*data)
    sizes = short_of_memory(monkeypatch, 4)
    found = CuPySolver(device="cpu").solve(*data)
    assert sizes == [20, 10, 5, 3, 3, 3, 3, 3, 3, 2]
    np.testing.assert_array_equal(found.hits.hit_start, expected.hits.hit_start)
    np.testing.assert_array_equal(found.hits.hit_region, expected.hits.hit_region)


def test_block__says_when_not_even_one_region_fits(data, monkeypatch):
    short_of_memory(monkeypatch, 0)
    with pytest.raises(RunError, match="single region does not fit"):
        CuPySolver(device="cpu").solve(*data)


@pytest.mark.parametrize("cells", [1, 300, 10_000])
def test_candidates__do_not_depend_on_how_much_is_done_at_a_time(data, cells):
    block = Block(Backend(np), *data)
    regions, motifs = data
    batch = block_module.load(
        np,
        regions.region_sequence.values,
        regions.region_contributions.values,
        motifs.attrs,
        block.bank.widest,
        0,
    )
    refresh(np, batch, block.bank.widest)
    one, other = (scan.candidates(np, block.bank, batch, some) for some in (cells, 2**20))
    np.testing.assert_array_equal(np.sort(one), np.sort(other))
    assert one.size > 20


def test_block__refuses_scores_that_are_not_finite(data):
    regions, motifs = data
    regions.region_contributions.values[13, ..., 5] = np.nan
    with pytest.raises(SchemaError, match=r"1 regions hold scores .* first region 13"):
        CuPySolver(device="cpu", batch_regions=4).solve(regions, motifs)
