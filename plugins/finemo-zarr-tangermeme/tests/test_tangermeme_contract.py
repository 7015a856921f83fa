"""The public contract of solvers."""

import pytest
from finemo_zarr_tangermeme.fimo_attribution import FimoAttribution
from finemo_zarr_tangermeme.seqlet_tomtom import SeqletTomtom

from finemo_zarr.testing.contracts import SolverContract

pytest.importorskip("tangermeme")


@pytest.mark.filterwarnings("ignore:TOMTOM p-values are rough")
class TestSeqletTomtom(SolverContract):
    @pytest.fixture
    def solver(self):
        return SeqletTomtom()


@pytest.mark.filterwarnings("ignore:.*too narrow")
class TestFimoAttribution(SolverContract):
    @pytest.fixture
    def solver(self):
        return FimoAttribution(scan_pvalue=1e-3)
