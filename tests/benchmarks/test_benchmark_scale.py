"""Runs too large for memory, and clusters: what a region costs must not grow with their number."""

import os
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, ClassVar

import dask
import dask.array as da
import numpy as np
import pytest
import xarray as xr
from benchmark_sizes import FULL
from test_benchmark_job import run

from finemo_zarr import CallOptions, call_hits, extract_regions
from finemo_zarr.execution import load_motifs
from finemo_zarr.model import create_regions
from finemo_zarr.motifs import MotifOptions, prepare_motifs
from finemo_zarr.testing import simulate_motifs, simulate_regions, write_modisco_h5

SIZES = (10_000, 100_000, 1_000_000) if FULL else (64, 128)
CLUSTER_REGIONS = 100_000 if FULL else 64
BLOCK = 4096 if FULL else 32
WIDTH = 1000 if FULL else 200
N_MOTIFS = 40 if FULL else 4
_PER_CHROM = 50_000


@cache
def _motifs() -> Any:
    return simulate_motifs(N_MOTIFS, 30, (6, 20), palindromes=0.1, seed=1)


@dataclass(frozen=True)
class SimulatedReader:
    """Regions that are simulated block by block, when they are asked for."""

    name: ClassVar[str] = "simulated"
    summary: ClassVar[str] = "Simulated regions."
    n_regions: int = 0

    def read(self) -> xr.Dataset:
        """Return a regions dataset, lazy along `region`."""
        starts = range(0, self.n_regions, BLOCK)
        sizes = [min(BLOCK, self.n_regions - start) for start in starts]
        blocks = [dask.delayed(_simulate, pure=True)(size, seed) for seed, size in enumerate(sizes)]
        number = np.arange(self.n_regions)
        return create_regions(
            _stack([block[0] for block in blocks], sizes, np.uint8),
            _stack([block[1] for block in blocks], sizes, np.float32),
            coordinates={
                "chrom": [f"chr{chrom}" for chrom in 1 + number // _PER_CHROM],
                "start": WIDTH * (number % _PER_CHROM),
                "end": WIDTH * (number % _PER_CHROM) + WIDTH,
                "name": [f"peak{index}" for index in number],
                "id": number,
            },
        )


def _simulate(count: int, seed: int) -> tuple[Any, Any]:
    regions, _ = simulate_regions(_motifs(), count, WIDTH, sites_per_region=(3, 6), seed=seed)
    return regions["region_sequence"].values, regions["region_contributions"].values


def _stack(blocks: list[Any], sizes: list[int], dtype: Any) -> Any:
    return da.concatenate(
        [
            da.from_delayed(block, (size, WIDTH), dtype=dtype)
            for block, size in zip(blocks, sizes, strict=True)
        ]
    )


@pytest.fixture(scope="module")
def make_store(tmp_path_factory: pytest.TempPathFactory) -> Callable[[int], Path]:
    """Write a regions store of a size."""

    @cache
    def make(n_regions: int) -> Path:
        path = tmp_path_factory.mktemp("scale") / "regions.zarr"
        extract_regions(SimulatedReader(n_regions), path)
        return path

    return make


@pytest.mark.parametrize("n_regions", SIZES)
def test_growth(
    benchmark: Any,
    make_store: Callable[[int], Path],
    record: Callable[..., None],
    tmp_path: Path,
    n_regions: int,
) -> None:
    """`call-hits` with all tables, as a command: time and peak memory."""
    motifs = tmp_path / "modisco.h5"
    write_modisco_h5(_motifs(), motifs)
    store, out = make_store(n_regions), tmp_path / "hits"
    figures: dict[str, float] = {}

    def job() -> None:
        command = ["call-hits", "-r", store, "-m", motifs, "-o", out, "--overwrite"]
        figures.update(run(tmp_path / "report", *command))

    benchmark.pedantic(job, rounds=1)
    with (out / "hits.tsv").open("rb") as table:
        n_hits = sum(1 for _ in table) - 1
    assert n_hits > n_regions
    assert figures["MB"] < 2000
    record(
        "scale", f"call-hits, {n_regions:,} regions", n_regions,
        s=round(figures["s"], 1), MB=round(figures["MB"]), hits=f"{n_hits:,}",
    )  # fmt: skip


@pytest.mark.parametrize("n_processes", [1, 2])
def test_cluster(
    benchmark: Any,
    make_store: Callable[[int], Path],
    record: Callable[..., None],
    tmp_path: Path,
    n_processes: int,
) -> None:
    """`call_hits` on a dask cluster of processes with one thread each."""
    from distributed import Client, LocalCluster

    store = make_store(CLUSTER_REGIONS)
    write_modisco_h5(_motifs(), tmp_path / "modisco.h5")
    motifs = prepare_motifs(load_motifs([tmp_path / "modisco.h5"]), MotifOptions())
    with (
        LocalCluster(
            n_workers=n_processes, threads_per_worker=1, dashboard_address=":0"
        ) as cluster,
        Client(cluster) as client,
    ):
        options = CallOptions(block=BLOCK)
        warm = SIZES[0]
        call_hits(make_store(warm), motifs, tmp_path / "warm.zarr", options=options, client=client)

        def job() -> None:
            call_hits(
                store, motifs, tmp_path / "h.zarr", options=options, client=client, overwrite=True
            )

        benchmark.pedantic(job, rounds=3 if FULL else 1)
    record(
        "cluster",
        f"{n_processes} worker processes, {os.cpu_count()} cores",
        CLUSTER_REGIONS,
    )
