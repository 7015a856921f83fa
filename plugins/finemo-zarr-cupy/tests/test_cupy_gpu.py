"""What needs a device: the public contract with CuPy, and the large job against the CPU."""

import numpy as np
import pytest
from finemo_zarr_cupy.device import find_backend
from finemo_zarr_cupy.solver import CuPySolver

from finemo_zarr import get_solver, prepare_motifs
from finemo_zarr.errors import FinemoError
from finemo_zarr.motifs import MotifOptions
from finemo_zarr.testing import simulate_motifs, simulate_regions
from finemo_zarr.testing.contracts import LassoSolverContract

pytestmark = pytest.mark.gpu

try:
    find_backend("cuda")
except FinemoError as error:
    pytest.skip(f"no CUDA device: {error}", allow_module_level=True)


class TestOnGPU(LassoSolverContract):
    tolerance = 1e-9

    @pytest.fixture
    def solver(self):
        return CuPySolver(device="cuda", tolerance=self.tolerance)

    @pytest.fixture
    def hasty_solver(self):
        return CuPySolver(device="cuda", tolerance=self.tolerance, max_steps=1)


@pytest.mark.parametrize("mode", ["pp", "hh"])
@pytest.mark.parametrize("lambda_default", [0.7, 0.2])
def test_solver__agrees_with_the_cpu_on_many_regions(mode, lambda_default):
    raw = simulate_motifs(40, seed=1)
    regions, _ = simulate_regions(raw, 2000, 500, hypothetical=mode == "hh", seed=2)
    motifs = prepare_motifs(raw, MotifOptions(mode=mode, lambda_default=lambda_default))
    expected = get_solver("coordinate-descent")().solve(regions, motifs)
    found = CuPySolver(device="cuda").solve(regions, motifs)
    for name in ("hit_region", "hit_motif", "hit_start"):
        np.testing.assert_array_equal(found.hits[name], expected.hits[name])
    np.testing.assert_allclose(
        found.hits.hit_coefficient, expected.hits.hit_coefficient, rtol=1e-5, atol=1e-7
    )


def test_backend__works_in_a_stream_of_the_thread():
    backend = find_backend("cuda")
    with backend.active():
        one = backend.xp.cuda.get_current_stream()
        assert backend.to_host(backend.xp.arange(3)).tolist() == [0, 1, 2]
    with backend.active():
        assert backend.xp.cuda.get_current_stream() == one
    assert backend.xp.cuda.get_current_stream() != one
    assert backend.free_bytes() > 0
