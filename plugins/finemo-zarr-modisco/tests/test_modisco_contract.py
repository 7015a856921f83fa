"""The public contract, on contributions alone (pp) and with hypothetical scores (hh)."""

from dataclasses import replace

import pytest

from finemo_zarr.testing.contracts import SolverContract


class TestReferenceKernel(SolverContract):
    @pytest.fixture
    def solver(self, scoring):
        return scoring


class TestCalibratedKernel(SolverContract):
    @pytest.fixture
    def solver(self, scoring):
        return replace(scoring, density_kernel="calibrated", min_ic=0.2)
