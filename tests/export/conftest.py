"""Hits stores of all kinds: with q-values, with tracks, without coordinates, without hits."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple

import numpy as np
import polars as pl
import pytest

from finemo_zarr.execution import CallOptions, call_hits, extract_regions
from finemo_zarr.export import write_tables
from finemo_zarr.model import create_hits, create_qc, create_regions
from finemo_zarr.protocols import HitsAndQC

if TYPE_CHECKING:
    import xarray as xr


@dataclass(frozen=True)
class RandomSolver:
    """Some hits in every region, anywhere."""

    name: ClassVar[str] = "random"
    summary: ClassVar[str] = "Random hits."
    per_region: int = 4

    def solve(self, regions: "xr.Dataset", motifs: "xr.Dataset") -> HitsAndQC:
        count, width = regions.sizes["region"], regions.sizes["position"]
        codes = regions["region_sequence"].values
        rng = np.random.default_rng(codes.sum(axis=1))  # the same whatever the blocks
        n_hits = count * self.per_region
        motif = rng.integers(0, motifs.sizes["motif"], n_hits)
        first, last = (motifs[f"motif_{side}"].values[motif] for side in ("start", "end"))
        start = rng.integers(0, width - (last - first) + 1)
        region = np.repeat(np.arange(count), self.per_region)
        order = np.lexsort((motif, start, region))
        columns = {
            "region": region,
            "motif": motif,
            "start": start,
            "end": start + last - first,
            "start_untrimmed": start - first,
            "end_untrimmed": start - first + motifs["motif_width"].values[motif],
            "coefficient": rng.uniform(0, 5, n_hits),
            "coefficient_global": rng.uniform(0, 5, n_hits),
            "similarity": rng.uniform(0.7, 1, n_hits),
            "importance": rng.uniform(0, 9, n_hits),
        }
        hits = create_hits({name: values[order] for name, values in columns.items()})
        return HitsAndQC(hits, create_qc({"scale": np.ones(count)}))


class Made(NamedTuple):
    """A hits store, the regions store it was called in, and its table."""

    hits: Path
    regions: Path
    table: pl.DataFrame


@pytest.fixture(scope="session")
def made_before() -> dict[str, Made]:
    """Stores of earlier tests, which are only read."""
    return {}


@pytest.fixture
def make(tmp_path_factory, made_before, reader, regions, motifs) -> Callable[..., Made]:
    """Make a hits store: `kind` is "plain", "tracks", "unplaced" or "empty"."""

    def build(kind: str = "plain", given: Any = None) -> Made:
        if given is None and kind in made_before:
            return made_before[kind]
        folder = tmp_path_factory.mktemp(kind)
        data = regions if given is None else given
        if kind == "tracks":
            data = _with_tracks(data)
        elif kind == "unplaced":
            data = create_regions(data["region_sequence"].data, data["region_contributions"].data)
        extract_regions(reader(data), folder / "regions.zarr")
        solver = RandomSolver(per_region=0 if kind == "empty" else 4)
        call_hits(
            folder / "regions.zarr",
            motifs,
            folder / "hits.zarr",
            solver=solver,
            options=CallOptions(jobs=1),
        )
        _add_columns(folder / "hits.zarr")
        write_tables(folder / "hits.zarr", folder)
        table = _read_table(folder / "hits.tsv")
        built = Made(folder / "hits.zarr", folder / "regions.zarr", table)
        if given is None:
            made_before[kind] = built
        return built

    return build


def _add_columns(path: Path) -> None:
    """Add the variables that later steps add: a q-value, and whether a hit is primary."""
    import zarr

    hits = zarr.open_group(path / "hits", mode="r+", use_consolidated=False)
    count = hits["hit_region"].shape[0]
    rng = np.random.default_rng(0)
    qvalues, primary = rng.uniform(0, 0.2, count).astype(np.float32), rng.random(count) < 0.5
    hits.create_array("hit_qvalue", data=qvalues, dimension_names=["hit"])
    hits.create_array("hit_is_primary", data=primary, dimension_names=["hit"])


@pytest.fixture
def read_table() -> Callable[[Path], pl.DataFrame]:
    """Read a table of hits."""
    return _read_table


def _read_table(path: Path) -> pl.DataFrame:
    text = dict.fromkeys(["chr", "peak_name", "track"], pl.String)
    return pl.read_csv(path, separator="\t", schema_overrides=text)


def _with_tracks(regions: "xr.Dataset") -> "xr.Dataset":
    scores = regions["region_contributions"].values
    names = ("chrom", "start", "end", "name", "id")
    return create_regions(
        regions["region_sequence"].data,
        np.stack([scores, 2 * scores]),
        coordinates={name: regions[f"region_{name}"].values for name in names},
        chrom_order=regions.attrs["chrom_order"],
        tracks=["K562", "liver, 12 w"],
    )


@pytest.fixture
def made(make) -> Made:
    """Hits with coordinates, q-values and the mark of primary hits."""
    return make()
