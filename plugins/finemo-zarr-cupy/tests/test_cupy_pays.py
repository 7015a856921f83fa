"""What ``--solver auto`` is told."""

import pytest
from finemo_zarr_cupy import solver as module
from finemo_zarr_cupy.solver import CuPySolver

from finemo_zarr.errors import RunError
from finemo_zarr.protocols import Job

LARGE = Job(n_regions=1_000_000, width=1000, n_motifs=80)


def test_pays__not_without_a_device(monkeypatch):
    def refuse(_):
        raise RunError("none")

    monkeypatch.setattr(module, "find_backend", refuse)
    assert CuPySolver.pays(LARGE) == (False, "no CUDA device")


@pytest.mark.parametrize(("n_regions", "would"), [(1_000_000, True), (100, False)])
def test_pays__for_large_jobs(monkeypatch, n_regions, would):
    monkeypatch.setattr(module, "find_backend", lambda _: None)
    job = Job(n_regions, LARGE.width, LARGE.n_motifs)
    assert CuPySolver.pays(job)[0] is would
