"""Sizes and inputs of the benchmarks: small as tests, real when ``FINEMO_BENCH=full``."""

from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from benchmark_sizes import FULL

from finemo_zarr.testing import (
    simulate_blocks,
    simulate_motifs,
    simulate_regions,
    write_bigwig,
    write_bpnet_h5,
    write_chrombpnet_h5,
    write_fasta,
    write_finemo_npz,
    write_modisco_h5,
    write_modisco_npz,
    write_narrowpeak,
)
from finemo_zarr.testing.contracts.solvers import prepared


@cache
def _motifs(count: int, width: int, palindromes: float) -> Any:
    return simulate_motifs(count, width, (6, min(20, width)), palindromes=palindromes, seed=1)


@cache
def _problem(
    n_regions: int, length: int, n_motifs: int, width: int, mode: str, sites: int, lam: float
) -> Any:
    motifs = _motifs(n_motifs, width, 0.1)
    regions, _ = simulate_regions(
        motifs, n_regions, length, sites_per_region=(sites // 2, sites), seed=2,
        hypothetical=mode[1] == "h",
    )  # fmt: skip
    return regions, prepared(motifs, mode=mode, lambda_default=lam)


@pytest.fixture(scope="session")
def make_problem() -> Callable[..., Any]:
    """Regions and oriented motifs; the setting of performance.md unless told otherwise."""

    def make(
        *,
        n_regions: int = 400 if FULL else 6,
        length: int = 1000 if FULL else 300,
        n_motifs: int = 40 if FULL else 6,
        width: int = 30,
        mode: str = "pp",
        sites: int = 6,
        lam: float = 0.7,
    ) -> Any:
        return _problem(n_regions, length, n_motifs, width, mode, sites, lam)

    return make


@pytest.fixture(scope="session")
def make_files(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Path]:
    """Write a folder of input files: genome, bigWig, peaks and motifs, or all formats."""

    @cache
    def make(n_regions: int, n_motifs: int = 40, length: int = 1000, every: bool = False) -> Path:
        folder = tmp_path_factory.mktemp("inputs")
        motifs = _motifs(n_motifs, 30, 0.1)
        write_modisco_h5(motifs, folder / "modisco.h5")

        def blocks() -> Any:
            simulated = simulate_blocks(motifs, n_regions, length, seed=2, hypothetical=every)
            return (block for block, _ in simulated)

        write_bigwig(blocks(), folder / "scores.bw", write_fasta(blocks(), folder / "genome.fa"))
        write_narrowpeak(blocks(), folder / "peaks.narrowPeak")
        if every:
            _write_stored(blocks, folder)
        return folder

    return make


def _write_stored(blocks: Callable[[], Any], folder: Path) -> None:
    import xarray as xr

    write_chrombpnet_h5(blocks(), folder / "chrombpnet.h5")
    write_bpnet_h5(blocks(), folder / "bpnet.h5")
    whole = xr.concat(list(blocks()), dim="region")
    write_modisco_npz(whole, folder / "ohe.npz", folder / "attr.npz")
    write_finemo_npz(whole, folder / "regions.npz")


@pytest.fixture
def record(benchmark: Any) -> Callable[..., None]:
    """Say for the tables of docs/benchmarks.md what is timed, and for how many regions."""

    def say(table: str, case: str, n_regions: int, **more: Any) -> None:
        benchmark.extra_info.update(table=table, case=case, n_regions=n_regions, more=more)

    return say
