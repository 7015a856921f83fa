"""A folder with the files that the pages of the documentation name."""

import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
from markdown_blocks import ROOT

from finemo_zarr.testing import (
    simulate_motifs,
    simulate_regions,
    write_bigwig,
    write_bpnet_h5,
    write_chrombpnet_h5,
    write_fasta,
    write_finemo_npz,
    write_meme,
    write_modisco_h5,
    write_modisco_npz,
    write_narrowpeak,
)

if TYPE_CHECKING:
    import xarray as xr

DROPPED = (12, 30)


@pytest.fixture(scope="session")
def documented_files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Simulated files, and the bundled example; not to be written to."""
    folder = tmp_path_factory.mktemp("documented")
    shutil.copytree(ROOT / "examples/data", folder / "examples/data")
    shutil.copy(ROOT / "examples/tisfm_inputs.py", folder / "examples")
    motifs = simulate_motifs(5, palindromes=0, seed=1)
    regions, _ = simulate_regions(motifs, 40, 1000, hypothetical=True, seed=1)
    sizes = write_fasta(regions, folder / "genome.fa")
    write_narrowpeak(regions, folder / "peaks.narrowPeak")
    write_bigwig(regions, folder / "scores.bw", sizes)
    for factor, name in enumerate(("k562", "gm12878", "hepg2"), 1):
        scaled = regions.assign(region_contributions=factor * regions["region_contributions"])
        write_bigwig(scaled, folder / f"{name}.bw", sizes)
    write_modisco_h5(motifs, folder / "modisco.h5")
    write_meme(
        motifs.assign(motif_name=("motif", [f"M{i}" for i in range(5)])), folder / "motifs.meme"
    )
    write_modisco_npz(regions, folder / "ohe.npz", folder / "shap.npz")
    write_finemo_npz(regions, folder / "regions.npz")
    _chrombpnet(folder, regions, sizes)
    _bpnet(folder, regions)
    return folder


def _chrombpnet(folder: Path, regions: "xr.Dataset", sizes: dict[str, int]) -> None:
    """What `chrombpnet contribs_bw` writes; two peaks are dropped."""
    out = folder / "contribs"
    out.mkdir()
    kept = regions.isel(region=np.setdiff1d(np.arange(regions.sizes["region"]), DROPPED))
    for name in ("k562", "fold_0", "fold_1"):
        write_chrombpnet_h5(kept, out / f"{name}.counts_scores.h5", dtype=np.float16)
    write_bigwig(kept, out / "k562.counts_scores.bw", sizes)
    write_narrowpeak(kept, out / "k562.interpreted_regions.bed")


def _bpnet(folder: Path, regions: "xr.Dataset") -> None:
    """What `bpnet-shap` writes: its peak file has two more columns, the window."""
    out = folder / "shap"
    out.mkdir()
    write_bpnet_h5(regions, out / "counts_scores.h5", dtype=np.float16)
    lines = (folder / "peaks.narrowPeak").read_text().splitlines()
    window = zip(regions["region_start"].values, regions["region_end"].values, strict=True)
    rows = (f"{line}\t{start}\t{end}\n" for line, (start, end) in zip(lines, window, strict=True))
    (out / "peaks_valid_scores.bed").write_text("".join(rows))


@pytest.fixture
def workplace(documented_files: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of them, to work in."""
    folder = tmp_path / "work"
    shutil.copytree(documented_files, folder)
    monkeypatch.chdir(folder)
    return folder
