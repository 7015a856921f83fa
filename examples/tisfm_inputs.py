"""Make the small inputs of docs/tutorials/tisfm.md: peaks, a genome, bigWigs and motifs.

    python examples/tisfm_inputs.py --out tisfm

All is simulated: sequences are random, and motifs with the consensus of well-known factors are
planted in them. Some of these raise or lower the signal of some cell types, one counts only where
its partner is, and the others do nothing. ``effects.tsv`` has what a motif does to each cell type,
``sites_TYPE.tsv`` the planted sites of the motifs that do something to it. Takes two seconds.
"""

import argparse
from pathlib import Path

import numpy as np
import polars as pl

from finemo_zarr import create_motifs, create_regions
from finemo_zarr.testing import write_bigwig, write_fasta, write_meme, write_narrowpeak

MOTIFS = {
    "SPI1": "AAGAGGAAGTG",
    "IRF8": "GAAACTGAAACT",
    "EBF1": "ATTCCCTGGGGA",
    "PAX5": "GTCACGCATGAC",
    "TCF7": "CCTTTGATGT",
    "GATA3": "TCAGATAAGA",
    "RUNX1": "TGTGGTTTGT",
    "TBX21": "TTCACACCTAG",
    "CEBPA": "ATTGCACAACA",
    "CTCF": "CCACCAGGGGGCGC",
    "NRF1": "CTGCGCATGCGC",
    "REST": "TTCAGCACCATGG",
    "HNF1A": "GGTTAATGATTAA",
    "POU5F1": "TATGCAAATGA",
    "MEF2A": "CTAAAAATAGC",
    "SRF": "CCTTTTATGGC",
}
EFFECTS = {
    "B": {"EBF1": 2.0, "PAX5": 1.5, "SPI1": 1.0, "TCF7": -1.0},
    "T": {"TCF7": 2.0, "GATA3": 1.5, "RUNX1": 1.0},
    "NK": {"TBX21": 2.0, "RUNX1": 1.5, "PAX5": -1.0},
    "Myeloid": {"SPI1": 1.5, "CEBPA": 2.0, "IRF8": 2.5},
}
PAIR = ("IRF8", "SPI1")  # the first counts only where the second is, too
OFTEN, SELDOM = 0.45, 0.2  # shares of the regions that have a motif: one of the pair, or another
CERTAIN = 0.97  # chance of the consensus base
NOISE = 0.5  # standard deviation of the signal's noise
WIDTH, SLOT = 200, 20  # bp of a region, and of the slots that hold a site each
CHROMS = ("chr1", "chr2", "chr3", "chr4", "chr5", "chr6")


def main() -> None:
    """Write the files."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--out", type=Path, default=Path("tisfm"), help="Folder to write.")
    parser.add_argument("--regions", type=int, default=1500, help="Number of peaks.")
    parser.add_argument("--seed", type=int, default=0, help="Seed of the simulation.")
    options = parser.parse_args()
    rng = np.random.default_rng(options.seed)
    options.out.mkdir(parents=True, exist_ok=True)
    codes = rng.integers(4, size=(options.regions, WIDTH)).astype(np.uint8)
    sites = plant(rng, codes)
    effects = np.array([[own.get(name, 0.0) for own in EFFECTS.values()] for name in MOTIFS])
    signal = simulate_signal(rng, sites, effects, len(codes))
    places = write_inputs(options.out, codes, signal)
    write_truth(options.out, sites, effects, places)
    print(f"{options.out}: {len(codes):,} peaks, {len(EFFECTS)} bigWigs, {len(MOTIFS)} motifs")


def matrices() -> dict[str, np.ndarray]:
    """Base probabilities ``(4, position)`` of each motif."""
    found = {}
    for name, consensus in MOTIFS.items():
        ppm = np.full((4, len(consensus)), (1 - CERTAIN) / 3)
        ppm[["ACGT".index(base) for base in consensus], np.arange(len(consensus))] = CERTAIN
        found[name] = ppm
    return found


def plant(rng: np.random.Generator, codes: np.ndarray) -> pl.DataFrame:
    """Write sites into base codes, in place; returns region, motif, start, end, strand."""
    often = [OFTEN if name in PAIR else SELDOM for name in MOTIFS]
    ppms, rows = list(matrices().values()), []
    for region, row in enumerate(codes):
        chosen = np.flatnonzero(rng.random(len(often)) < often)
        slots = rng.permutation(WIDTH // SLOT)
        for motif, slot in zip(chosen.tolist(), slots.tolist(), strict=False):
            ppm = ppms[motif]
            width = ppm.shape[1]
            bases = (rng.random(width) > np.cumsum(ppm, axis=0)[:3]).sum(axis=0)
            strand = "+-"[rng.integers(2)]
            start = slot * SLOT + int(rng.integers(SLOT - width + 1))
            row[start : start + width] = bases if strand == "+" else 3 - bases[::-1]
            rows.append((region, motif, start, start + width, strand))
    return pl.DataFrame(rows, schema=["region", "motif", "start", "end", "strand"], orient="row")


def simulate_signal(
    rng: np.random.Generator, sites: pl.DataFrame, effects: np.ndarray, count: int
) -> np.ndarray:
    """Signal ``(region, track)``: the sum of the effects of what is there, and noise."""
    there = np.zeros((count, len(MOTIFS)))
    there[sites["region"], sites["motif"]] = 1
    names = list(MOTIFS)
    there[:, names.index(PAIR[0])] *= there[:, names.index(PAIR[1])]
    return there @ effects + rng.normal(scale=NOISE, size=(count, effects.shape[1]))


def write_inputs(out: Path, codes: np.ndarray, signal: np.ndarray) -> pl.DataFrame:
    """Write motifs, peaks, genome and bigWigs; returns where the regions are."""
    count, at = len(codes), np.arange(len(codes))
    start = 1000 + at // len(CHROMS) * 500
    places = {
        "chrom": [CHROMS[index % len(CHROMS)] for index in at],
        "start": start,
        "end": start + WIDTH,
        "name": [f"peak{index}" for index in at],
        "id": at,
    }
    coverage = np.expm1(signal - signal.min() + 1)  # training takes log(1 + mean) of it
    for track, values in zip(EFFECTS, coverage.T, strict=True):
        scores = np.broadcast_to(values[:, None], (count, WIDTH)).astype(np.float32)
        regions = create_regions(codes, scores, coordinates=places)
        sizes = write_fasta(regions, out / "genome.fa")
        write_bigwig(regions, out / f"{track}.bw", sizes)
    write_narrowpeak(regions, out / "peaks.narrowPeak")
    widest = max(map(len, MOTIFS.values()))
    ppms = list(matrices().values())
    padded = np.stack([np.pad(ppm, ((0, 0), (0, widest - ppm.shape[1]))) for ppm in ppms])
    widths = [ppm.shape[1] for ppm in ppms]
    motifs = create_motifs(list(MOTIFS), padded, widths=widths, matrices={"ppm": padded})
    write_meme(motifs, out / "motifs.meme")
    return pl.DataFrame({"region": at, "chrom": places["chrom"], "first": start})


def write_truth(out: Path, sites: pl.DataFrame, effects: np.ndarray, places: pl.DataFrame) -> None:
    """Write the effects, and for each track the sites of its motifs, on the chromosomes."""
    names = pl.Series("motif", list(MOTIFS))
    table = sites.with_columns(motif=names.gather(sites["motif"])).join(places, on="region")
    table = table.with_columns(pl.col("start", "end") + pl.col("first"))
    for track, own in EFFECTS.items():
        rows = table.filter(pl.col("motif").is_in(list(own)))
        chosen = rows.select("chrom", "start", "end", "motif", "strand")
        chosen.write_csv(out / f"sites_{track}.tsv", separator="\t")
    columns = dict(zip(EFFECTS, effects.T, strict=True))
    pl.DataFrame({"motif": list(MOTIFS)} | columns).write_csv(out / "effects.tsv", separator="\t")


if __name__ == "__main__":
    main()
