"""The public contract, with NumPy; test_cupy_gpu.py has it with CuPy."""

import pytest
from finemo_zarr_cupy.solver import CuPySolver

from finemo_zarr.testing.contracts import LassoSolverContract


class TestOnCPU(LassoSolverContract):
    device = "cpu"
    tolerance = 1e-9

    @pytest.fixture
    def solver(self):
        return CuPySolver(device=self.device, tolerance=self.tolerance)

    @pytest.fixture
    def hasty_solver(self):
        return CuPySolver(device=self.device, tolerance=self.tolerance, max_steps=1)


class TestInSmallBatches(TestOnCPU):
    @pytest.fixture
    def solver(self):
        return CuPySolver(device="cpu", tolerance=self.tolerance, batch_regions=5)
