"""Hits anywhere, on strands and in regions that overlap, in memory."""

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from finemo_zarr.model import create_hits, create_qc
from finemo_zarr.motifs import MotifOptions, prepare_motifs
from finemo_zarr.store import HitsStore
from finemo_zarr.testing import simulate_motifs, simulate_regions

if TYPE_CHECKING:
    import xarray as xr

WIDTH = 60
N_REGIONS = 12


@pytest.fixture(scope="session")
def some_motifs() -> "xr.Dataset":
    """Oriented motifs, more than their regions are worth, of different cores."""
    raw = simulate_motifs(4, width=14, core=(5, 8), palindromes=0.5, seed=3)
    return prepare_motifs(raw, MotifOptions(normalize="core"))


@pytest.fixture(scope="session")
def some_regions(some_motifs: "xr.Dataset") -> "xr.Dataset":
    """Regions of which neighbours overlap, with bases that are none."""
    raw = simulate_motifs(4, width=14, core=(5, 8), palindromes=0.5, seed=3)
    regions = simulate_regions(raw, N_REGIONS, WIDTH, seed=4)[0]
    start = 100 + 25 * np.arange(N_REGIONS)
    regions["region_chrom"].values[:] = np.where(np.arange(N_REGIONS) < 7, "chr1", "chr2")
    regions["region_start"].values[:] = start
    regions["region_end"].values[:] = start + WIDTH
    regions["region_sequence"].values[0, :5] = 4
    return regions


def random_hits(
    motifs: "xr.Dataset", regions: "xr.Dataset", seed: int, *, count: int = 60
) -> HitsStore:
    """Hits at random places, in the order of stores; coordinates are those of `regions`."""
    rng = np.random.default_rng(seed)
    motif = rng.integers(0, motifs.sizes["motif"], count)
    region = np.sort(rng.integers(0, regions.sizes["region"], count))
    first, last = (motifs[f"motif_{side}"].values[motif] for side in ("start", "end"))
    start = rng.integers(0, WIDTH - (last - first) + 1)
    columns: dict[str, Any] = {
        "region": region,
        "motif": motif,
        "start": start,
        "end": start + last - first,
        "start_untrimmed": start - first,
        "end_untrimmed": start - first + motifs["motif_width"].values[motif],
        "coefficient": rng.uniform(0.1, 3, count),
        "similarity": rng.uniform(0.7, 1, count),
        "coefficient_global": rng.uniform(0.1, 3, count),
    }
    order = np.lexsort((motif, start, region))
    _, unique = np.unique(np.stack([region, motif, start])[:, order], axis=1, return_index=True)
    order = order[np.sort(unique)]
    scores = regions["region_contributions"].values.astype(np.float64)
    scores = np.where(regions["region_sequence"].values == 4, 0, scores)
    scale = np.sqrt((scores**2).mean(axis=1))
    places = regions.drop_vars(["region_sequence", "region_contributions"])
    places.attrs["region_width"] = WIDTH
    converged = np.arange(regions.sizes["region"]) != 3
    return HitsStore(
        places,
        motifs,
        create_qc({"scale": scale, "converged": converged}),
        create_hits({name: values[order] for name, values in columns.items()}),
    )


@pytest.fixture(scope="session")
def made(some_motifs: "xr.Dataset", some_regions: "xr.Dataset") -> Any:
    """Make hits from a seed."""
    return lambda seed, count=60: random_hits(some_motifs, some_regions, seed, count=count)


@pytest.fixture(scope="session")
def seqlets_of(some_motifs: "xr.Dataset") -> Any:
    """Make seqlets, some of them where hits are."""
    import xarray as xr

    forward = some_motifs.isel(motif=some_motifs["motif_strand"].values == "+")

    def make(seed: int, hits: HitsStore, window: int, count: int = 40) -> "xr.Dataset":
        rng = np.random.default_rng(seed)
        names = forward["motif_name_orig"].values
        width = int(forward["motif_width"][0])
        motif, example = rng.integers(0, len(names), count), rng.integers(0, N_REGIONS, count)
        start, reverse = rng.integers(0, window - width + 1, count), rng.random(count) < 0.5
        copied = rng.integers(0, hits.hits.sizes["hit"], count // 2)
        oriented = hits.hits["hit_motif"].values[copied]
        motif[: count // 2] = oriented // 2
        reverse[: count // 2] = oriented % 2 == 1
        example[: count // 2] = hits.hits["hit_region"].values[copied]
        shift = WIDTH // 2 - window // 2
        start[: count // 2] = hits.hits["hit_start_untrimmed"].values[copied] - shift
        return xr.Dataset(
            {
                "seqlet_motif": ("seqlet", names[motif]),
                "seqlet_example": ("seqlet", example),
                "seqlet_start": ("seqlet", start),
                "seqlet_end": ("seqlet", start + width),
                "seqlet_reverse": ("seqlet", reverse),
            },
            attrs={"window": window},
        )

    return make
