"""Hits that are collapsed, joined and compared: arrays in memory, one core, no files."""

from functools import cache
from typing import Any

import numpy as np
import pytest
from benchmark_sizes import FULL

from finemo_zarr.intervals import Intervals
from finemo_zarr.model import create_hits
from finemo_zarr.postprocess import HitColumns, collapse, compare, intersect

N_HITS = 10_000_000 if FULL else 2_000
N_CHROMS, N_MOTIFS, WIDTH = 24, 40, 500
N_REGIONS = N_HITS // 10
"""Regions of 500 bp that each share half with the next: denser than hits are."""


@cache
def _hits(seed: int) -> dict[str, Any]:
    rng = np.random.default_rng(seed)
    region = np.sort(rng.integers(0, N_REGIONS, N_HITS))
    start = rng.integers(0, WIDTH - 25, N_HITS)
    end = start + rng.integers(6, 25, N_HITS)
    return {
        "region": region,
        "motif": rng.integers(0, 2 * N_MOTIFS, N_HITS),
        "start": start,
        "end": end,
        "start_untrimmed": start - 5,
        "end_untrimmed": start + 25,
        "similarity": rng.uniform(0.7, 1, N_HITS).astype(np.float32),
        "coefficient": rng.lognormal(2, 1, N_HITS),
    }


@cache
def _regions() -> Any:
    import xarray as xr

    number = np.arange(N_REGIONS)
    chroms = np.array([f"chr{k + 1}" for k in range(N_CHROMS)], dtype=np.dtypes.StringDType())
    return xr.Dataset(
        {
            "region_chrom": ("region", chroms[number * N_CHROMS // len(number)]),
            "region_start": ("region", number * (WIDTH // 2)),
            "region_id": ("region", number),
        }
    )


@cache
def _table(seed: int) -> Any:
    import polars as pl

    hits, regions = _hits(seed), _regions()
    chroms = pl.Series(regions["region_chrom"].values.tolist())
    offset = regions["region_start"].values[hits["region"]]
    names = pl.Series([f"pattern_{k}" for k in range(N_MOTIFS)])
    places = ("start", "end", "start_untrimmed", "end_untrimmed")
    return pl.DataFrame(
        {
            "chr": chroms.gather(hits["region"]),
            **{name: offset + hits[name] for name in places},
            "motif_name": names.gather(hits["motif"] // 2),
            "strand": pl.Series(["+", "-"]).gather(hits["motif"] % 2),
            "hit_coefficient": hits["coefficient"],
            "peak_name": "NA",
            "peak_id": hits["region"],
        }
    )


def _columns(seed: int) -> HitColumns:
    hits, regions = _hits(seed), _regions()
    region = hits["region"]
    group, offset = region * N_CHROMS // len(regions["region_id"]), region * (WIDTH // 2)

    def placed(start: str, end: str) -> Intervals:
        return Intervals(group, offset + hits[start], offset + hits[end])

    return HitColumns(
        tuple(f"chr{k + 1}\t\t" for k in range(N_CHROMS)),
        placed("start", "end"),
        placed("start_untrimmed", "end_untrimmed"),
        tuple(f"pattern_{k}" for k in range(N_MOTIFS)),
        hits["motif"] // 2,
        hits["motif"] % 2 == 1,
        region,
        hits["coefficient"],
        hits["similarity"].astype(np.float64),
    )


@pytest.mark.parametrize("method", ["pairwise", "greedy"])
def test_collapse(benchmark: Any, record: Any, method: Any) -> None:
    """A dataset with its regions."""
    hits, regions = create_hits(_hits(0)), _regions()
    collapse(hits.isel(hit=slice(10)), regions, method=method)  # compiles
    marked = benchmark.pedantic(
        collapse, (hits, regions), {"method": method}, rounds=3 if FULL else 1
    )
    assert 0 < marked["hit_is_primary"].values.sum() < N_HITS
    record("postprocess", f"collapse, {method}", N_REGIONS, hits=N_HITS)


@pytest.mark.parametrize("relaxed", [False, True])
def test_intersect(benchmark: Any, record: Any, relaxed: bool) -> None:
    """Two tables that share half of their rows."""
    one = _table(0)
    two = one[N_HITS // 2 :]
    joined = benchmark.pedantic(
        intersect, ([one, two],), {"relaxed": relaxed}, rounds=3 if FULL else 1
    )
    assert len(joined) >= len(two)
    record(
        "postprocess", f"intersect, {'relaxed' if relaxed else 'strict'}", N_REGIONS, hits=N_HITS
    )


def test_compare(benchmark: Any, record: Any) -> None:
    """Two sets that have nothing to do with one another."""
    one = _columns(0)
    comparison = benchmark.pedantic(compare, (one, _columns(1)), rounds=3 if FULL else 1)
    assert sum(comparison.counts.values()) == len(comparison) >= N_HITS
    record("postprocess", "compare", N_REGIONS, hits=2 * N_HITS)
