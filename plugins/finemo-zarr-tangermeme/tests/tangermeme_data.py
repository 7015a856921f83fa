"""Small data of the tests, and stores of it."""

import warnings
from dataclasses import dataclass
from typing import Any

import numpy as np

from finemo_zarr import MotifOptions, create_motifs, create_regions, extract_regions, prepare_motifs
from finemo_zarr.errors import UnreachableMotifWarning
from finemo_zarr.sequence import encode, one_hot
from finemo_zarr.testing import simulate_motifs, simulate_regions


@dataclass(frozen=True)
class _Given:
    name = "given"
    summary = "Regions in memory."
    regions: Any

    def read(self):
        return self.regions


def stored(regions, path):
    """Write regions as a store."""
    extract_regions(_Given(regions.chunk(region=50)), path, jobs=1)
    return path


def simulated(*, n_regions=12, width=300, n_negative=2, seed=3):
    """Motifs, not oriented, of both signs, and regions with their sites."""
    motifs = simulate_motifs(8, 24, (8, 12), n_negative=n_negative, palindromes=0, seed=seed)
    regions, _ = simulate_regions(motifs, n_regions, width, sites_per_region=3, seed=seed)
    return regions, motifs


def oriented(motifs, **options):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UnreachableMotifWarning)
        return prepare_motifs(motifs, MotifOptions(**options))


def of_arrays(ohe, scores):
    """Regions of one-hot sequences, which may lack bases, and hypothetical scores."""
    codes = np.where(ohe.sum(axis=1) > 0, ohe.argmax(axis=1), 4).astype(np.uint8)
    return create_regions(codes, scores.astype(np.float32))


def motifs_of(sites):
    """Motifs of given sites, nearly certain of each base."""
    width = max(map(len, sites))
    ppm = np.zeros((len(sites), 4, width))
    for index, site in enumerate(sites):
        ppm[index, :, : len(site)] = 0.97 * one_hot(encode(site), np.float64) + 0.01 * 0.75
    log_odds = np.where(ppm > 0, np.log2(np.maximum(ppm, 1e-9) / 0.25), 0)
    return create_motifs(
        [f"motif_{site}" for site in sites],
        ppm * log_odds,
        widths=[len(site) for site in sites],
        matrices={"hcwm": log_odds, "ppm": ppm},
    )


def write_sites(path, sites):
    """Write a MEME file of motifs that are nearly certain of each base."""
    lines = ["MEME version 4", "", "ALPHABET= ACGT", ""]
    for name, site in sites.items():
        lines += [f"MOTIF {name}", f"letter-probability matrix: alength= 4 w= {len(site)}"]
        lines += [" ".join("0.97" if own == base else "0.01" for own in "ACGT") for base in site]
        lines.append("")
    path.write_text("\n".join(lines) + "\n")
