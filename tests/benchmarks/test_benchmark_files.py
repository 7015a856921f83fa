"""Extraction by each reader, reading a store, writing tables."""

from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from benchmark_sizes import FULL

from finemo_zarr.execution import call_hits, extract_regions, load_motifs, plan_blocks
from finemo_zarr.export import write_tables
from finemo_zarr.readers.bpnet_h5 import BPNetH5Reader
from finemo_zarr.readers.bw import BigWigReader
from finemo_zarr.readers.chrombpnet_h5 import ChromBPNetH5Reader
from finemo_zarr.readers.finemo_npz import FinemoNpzReader
from finemo_zarr.readers.modisco_fmt import ModiscoFmtReader
from finemo_zarr.store import open_regions, read_block
from finemo_zarr.testing.contracts.solvers import prepared

N_STORED = 2_000 if FULL else 30
N_BIGWIG = 20_000 if FULL else 30
WIDTH = 1000 if FULL else 200


def _stored_reader(name: str, folder: Path) -> Any:
    peaks: dict[str, Any] = {"peaks": folder / "peaks.narrowPeak", "region_width": WIDTH}
    if name == "chrombpnet-h5":
        return ChromBPNetH5Reader(h5s=(folder / "chrombpnet.h5",), **peaks)
    if name == "bpnet-h5":
        return BPNetH5Reader(h5s=(folder / "bpnet.h5",), **peaks)
    if name == "modisco-fmt":
        return ModiscoFmtReader(folder / "ohe.npz", (folder / "attr.npz",), **peaks)
    return FinemoNpzReader(npz=(folder / "regions.npz",), region_width=WIDTH)


def _bigwig_reader(folder: Path) -> BigWigReader:
    return BigWigReader(
        fasta=folder / "genome.fa",
        bigwigs=(folder / "scores.bw",),
        peaks=folder / "peaks.narrowPeak",
        region_width=WIDTH,
    )


def _fresh(folder: Path) -> Iterator[Path]:
    return (folder / f"{number}.zarr" for number in count())


@pytest.mark.parametrize("name", ["chrombpnet-h5", "bpnet-h5", "modisco-fmt", "finemo-npz", "bw"])
def test_extract(
    benchmark: Any,
    make_files: Callable[..., Path],
    record: Callable[..., None],
    tmp_path: Path,
    name: str,
) -> None:
    """Files to a store, all cores."""
    stored = name != "bw"
    n_regions = N_STORED if stored else N_BIGWIG
    folder = make_files(n_regions, length=WIDTH, every=stored, n_motifs=40 if FULL else 4)
    reader = _stored_reader(name, folder) if stored else _bigwig_reader(folder)
    outputs = _fresh(tmp_path)
    benchmark.pedantic(
        lambda out: extract_regions(reader, out),
        setup=lambda: ((next(outputs),), {}),
        rounds=5 if FULL else 1,
    )
    assert open_regions(tmp_path / "0.zarr").sizes["region"] == n_regions
    record("files", f"extract {name}", n_regions)


@pytest.fixture(scope="module")
def extracted(
    make_files: Callable[..., Path], tmp_path_factory: pytest.TempPathFactory
) -> tuple[Path, Path]:
    """A regions store, and its hits."""
    folder = make_files(N_BIGWIG, length=WIDTH, n_motifs=40 if FULL else 4)
    made = tmp_path_factory.mktemp("stores")
    extract_regions(_bigwig_reader(folder), made / "regions.zarr")
    motifs = prepared(load_motifs([folder / "modisco.h5"]))
    call_hits(made / "regions.zarr", motifs, made / "hits.zarr")
    return made / "regions.zarr", made / "hits.zarr"


def test_read_store(
    benchmark: Any, extracted: tuple[Path, Path], record: Callable[..., None]
) -> None:
    """All blocks, one after the other, one core."""
    opened = open_regions(extracted[0])
    chunk = opened["region_contributions"].chunksizes["region"][0]
    blocks = plan_blocks(opened.sizes["region"], chunk)

    def read() -> int:
        return sum(read_block(extracted[0], block.regions).sizes["region"] for block in blocks)

    assert benchmark(read) == N_BIGWIG
    record("files", "read the store", N_BIGWIG)


def test_write_tables(
    benchmark: Any, extracted: tuple[Path, Path], record: Callable[..., None], tmp_path: Path
) -> None:
    """A hits store to all tables."""
    benchmark.pedantic(write_tables, (extracted[1], tmp_path / "tables"), rounds=5 if FULL else 1)
    assert (tmp_path / "tables/hits.tsv").exists()
    record("files", "write all tables", N_BIGWIG)
