"""Draw composites.png: what find-composites shows of two motifs planted at fixed spacings.

python docs/figures/make_composites_picture.py [--out FOLDER]
"""

import argparse
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, ClassVar

import numpy as np

import finemo_zarr as fz
from finemo_zarr.execution import extract_regions
from finemo_zarr.model import create_regions
from finemo_zarr.plot.composites import spacing_lines
from finemo_zarr.postprocess.composites import find_composites
from finemo_zarr.testing import simulate_motifs

NAMES = ("GATA1", "TAL1")
SPACINGS = {8: 0.12, 19: 0.05}  # bases between the cores, and the share of regions with them
REGIONS, WIDTH = 1500, 400


@dataclass(frozen=True)
class InMemory:
    """Regions that are there already."""

    name: ClassVar[str] = "memory"
    summary: ClassVar[str] = "Regions in memory."
    regions: Any = None

    def read(self) -> Any:
        """Return them in chunks."""
        return self.regions.chunk(region=128)


def simulate(motifs: Any) -> Any:
    """Regions with three single sites each, and in some a pair on either strand."""
    rng = np.random.default_rng(0)
    codes = rng.integers(4, size=(REGIONS, WIDTH)).astype(np.uint8)
    scores = rng.normal(0, 2e-3, (REGIONS, WIDTH)).astype(np.float32)
    start, end = motifs["motif_start"].values, motifs["motif_end"].values
    cwm = motifs["motif_cwm"].values

    def plant(region: int, oriented: int, at: int) -> int:
        core = cwm[oriented, :, start[oriented] : end[oriented]]
        stop = at + core.shape[1]
        codes[region, at:stop] = core.argmax(axis=0)
        scores[region, at:stop] = core.max(axis=0)
        return stop

    for region in range(REGIONS):
        for at in range(10, 260, 60):
            plant(region, int(rng.integers(4)), at + int(rng.integers(40)))
        draw = rng.random()
        for spacing, share in SPACINGS.items():
            if 0 <= draw < share:
                left, right = (0, 3) if rng.random() < 0.5 else (2, 1)
                plant(region, right, plant(region, left, 320) + spacing)
            draw -= share
    return create_regions(codes, scores)


def main() -> None:
    """Write the picture."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=Path(__file__).parent, metavar="FOLDER")
    out = parser.parse_args().out
    raw = simulate_motifs(2, width=12, core=(8, 9), palindromes=0.0, seed=2)
    renames = dict(zip(raw["motif_name"].values.tolist(), NAMES, strict=True))
    motifs = fz.prepare_motifs(raw, fz.MotifOptions(renames=renames))
    with TemporaryDirectory() as folder:
        regions, hits = Path(folder) / "regions.zarr", Path(folder) / "hits.zarr"
        extract_regions(InMemory(simulate(motifs)), regions)
        fz.call_hits(regions, motifs, hits)
        found = find_composites(hits, motifs=False)
    for row in found.rows:
        print(row["name"], row["count"], f"{row['expected']:.1f}")
    curves = found.curves
    both = (curves["motif_left"] != curves["motif_right"]).values
    spacing_lines(curves.isel(arrangement=both)).savefig(out / "composites.png", dpi=80)


if __name__ == "__main__":
    main()
