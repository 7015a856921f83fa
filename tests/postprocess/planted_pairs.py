"""Regions with pairs of motifs planted at a fixed spacing, and hits where sites are."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from finemo_zarr.execution import extract_regions
from finemo_zarr.model import create_hits, create_qc, create_regions
from finemo_zarr.motifs import MotifOptions, prepare_motifs
from finemo_zarr.postprocess._new_store import write_hits_store
from finemo_zarr.store import HitsStore
from finemo_zarr.testing import simulate_motifs

if TYPE_CHECKING:
    import xarray as xr

WIDTH = 200
SPACING = 7
PAIR = (0, 1, 1, 0)  # motif and strand of the left and of the right site


def planted(n_regions: int, *, share: float = 0.4, seed: int = 0) -> dict[str, np.ndarray]:
    """Sites of three motifs: one at random in each region, and in some the pair.

    Half of the pairs lie on the other strand, where the right site is the left one.
    """
    rng = np.random.default_rng(seed)
    motifs = oriented_motifs()
    starts, ends = motifs["motif_start"].values, motifs["motif_end"].values
    rows: list[tuple[int, int, int]] = []
    left, right = 2 * PAIR[0] + PAIR[1], 2 * PAIR[2] + PAIR[3]
    for region in range(n_regions):
        own = [(int(rng.integers(6)), int(rng.integers(10, 170))) for _ in range(2)]
        if rng.random() < share:
            at = int(rng.integers(30, 120))
            first, second = (left, right) if rng.random() < 0.5 else (right ^ 1, left ^ 1)
            own = [own[0]] if abs(own[0][1] - at) > 60 else []
            own += [(first, at), (second, at + int(ends[first] - starts[first]) + SPACING)]
        rows += [(region, oriented, at) for oriented, at in own]
    region, oriented, start = np.array(rows).T
    width = (ends - starts)[oriented]
    return {"region": region, "motif": oriented, "start": start, "end": start + width}


def oriented_motifs() -> "xr.Dataset":
    raw = simulate_motifs(3, width=20, core=(7, 11), palindromes=0.0, seed=4)
    return prepare_motifs(raw, MotifOptions())


def regions_of(sites: dict[str, np.ndarray], n_regions: int, *, seed: int = 1) -> "xr.Dataset":
    """Sequences with the best bases of the motifs at the sites, and hypothetical scores."""
    rng = np.random.default_rng(seed)
    motifs = oriented_motifs()
    codes = rng.integers(4, size=(n_regions, WIDTH)).astype(np.uint8)
    scores = rng.normal(0, 1e-4, (n_regions, 4, WIDTH)).astype(np.float32)
    starts = motifs["motif_start"].values
    for region, motif, start, end in zip(*sites.values(), strict=True):
        columns = slice(starts[motif], starts[motif] + end - start)
        codes[region, start:end] = motifs["motif_cwm"].values[motif, :, columns].argmax(axis=0)
        scores[region, :, start:end] = motifs["motif_hcwm"].values[motif, :, columns]
    index = np.arange(n_regions)
    coordinates = {
        "chrom": ["chr1"] * n_regions,
        "start": 500 * index,
        "end": 500 * index + WIDTH,
        "name": [f"peak{i}" for i in index],
        "id": index,
    }
    return create_regions(codes, scores, coordinates=coordinates)


def hits_of(
    sites: dict[str, np.ndarray], regions: "xr.Dataset", path: Path, **columns: Any
) -> Path:
    """Write a hits store with a hit at each site."""
    motifs = oriented_motifs()
    order = np.lexsort((sites["motif"], sites["start"], sites["region"]))
    found = {name: values[order] for name, values in sites.items()}
    found["start_untrimmed"] = found["start"] - motifs["motif_start"].values[found["motif"]]
    found["end_untrimmed"] = found["start_untrimmed"] + 20
    found |= {"coefficient": np.ones(len(order)), "similarity": np.full(len(order), 0.9)}
    found |= {name: np.asarray(values)[order] for name, values in columns.items()}
    kept = regions.drop_vars(["region_sequence", "region_contributions"])
    kept.attrs["region_width"] = WIDTH
    qc = create_qc({"scale": np.ones(regions.sizes["region"])})
    opened = HitsStore(kept, motifs, qc, create_hits(found))
    write_hits_store(path, opened, {"command": "test", "options": {}}, overwrite=False)
    return path


def shuffled(sites: dict[str, np.ndarray], seed: int = 2) -> dict[str, np.ndarray]:
    """The same sites in the same regions, elsewhere."""
    rng = np.random.default_rng(seed)
    width = sites["end"] - sites["start"]
    start = rng.integers(0, WIDTH - width + 1)
    return {**sites, "start": start, "end": start + width}


@dataclass(frozen=True)
class _Reader:
    name: ClassVar[str] = "planted"
    summary: ClassVar[str] = "Regions in memory."
    regions: Any = None

    def read(self) -> "xr.Dataset":
        return self.regions.chunk(region=64)


def write_regions(regions: "xr.Dataset", path: Path) -> Path:
    extract_regions(_Reader(regions), path)
    return path
