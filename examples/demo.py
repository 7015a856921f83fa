"""The main job on the bundled example: regions, hits, how many of them are right, and a report.

    python examples/demo.py --out demo

Runs the three commands that a user would run, prints them, and compares the hits with the sites
that were planted in the example.
"""

import argparse
import subprocess
import sys
from pathlib import Path

import numpy as np
import polars as pl

DATA = Path(__file__).parent / "data"


def main() -> None:
    """Run the demo."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--out", type=Path, default=Path("demo"), help="Folder for the results.")
    out = parser.parse_args().out
    out.mkdir(parents=True, exist_ok=True)
    regions, hits = out / "regions.zarr", out / "hits"
    _run(
        *("extract-regions-bw", "--peaks", DATA / "peaks.narrowPeak", "--fa", DATA / "genome.fa"),
        *("--bigwigs", DATA / "contributions.bw", "--region-width", "500"),
        *("--out-path", regions, "--overwrite"),
    )
    _run(
        *("call-hits", "--regions", regions, "--modisco-h5", DATA / "modisco.h5"),
        *("--motif-names", DATA / "motif_names.tsv", "--out-dir", hits, "--overwrite"),
    )
    table = pl.read_csv(hits / "hits_unique.tsv", separator="\t")
    truth = pl.read_csv(DATA / "truth.tsv", separator="\t")
    _print_comparison(table, truth)
    _run(
        *("report", "--hits", hits, "--modisco-h5", DATA / "modisco.h5"),
        *("--out-dir", out / "report", "--overwrite"),
    )
    print(f"""
Where to look next
  {out}/report/report.html   open it in a browser: motifs, logos, examples, what to look at
  {hits}/hits.tsv         one line per hit, with its scores
  {hits}/hits.bed         the same for a genome browser
  {hits}/hits.zarr        everything, for xarray: finemo_zarr.open_hits("{hits}/hits.zarr")
  finemo-zarr info {regions}
  docs/tutorial.md           what was done here, step by step
""")


def _run(*arguments: object) -> None:
    words = [str(argument) for argument in arguments]
    print(f"\n$ finemo-zarr {' '.join(words)}", flush=True)
    subprocess.run([sys.executable, "-m", "finemo_zarr", *words], check=True)


def _print_comparison(hits: pl.DataFrame, truth: pl.DataFrame) -> None:
    pairs = match(hits, truth)
    right = np.zeros(hits.height, dtype=bool)
    found = np.zeros(truth.height, dtype=bool)
    right[pairs[:, 0]] = True
    found[pairs[:, 1]] = True
    by_motif = (
        pl.DataFrame({"motif": truth["motif"], "found": found})
        .group_by("motif")
        .agg(planted=pl.len(), found=pl.col("found").sum())
    )
    called = (
        pl.DataFrame({"motif": family(hits), "right": right})
        .group_by("motif")
        .agg(called=pl.len(), right=pl.col("right").sum())
    )
    print("\nmotif          planted    found   called    right")
    for row in by_motif.join(called, on="motif", how="full", coalesce=True).sort("motif").rows():
        print(f"{row[0]:<12}" + "".join(f"{value or 0:>9,}" for value in row[1:]))
    print(
        f"\nrecall    {found.mean():.3f}   of {truth.height:,} planted sites, {found.sum():,} found"
    )
    print(f"precision {right.mean():.3f}   of {hits.height:,} hits, {right.sum():,} right")
    print("(right: the right factor, and core and site share at least half of the shorter)")
    again = right.sum() - found.sum()
    print(
        f"{again:,} of the right hits are the second on a site, most of NRF1: nearly a palindrome"
    )


def family(hits: pl.DataFrame) -> pl.Series:
    """The factor of each hit: the motif's name without the number of a second motif for it."""
    return hits["motif_name"].str.replace(r"_\d+$", "")


def match(hits: pl.DataFrame, truth: pl.DataFrame) -> np.ndarray:
    """Pairs ``(n, 2)`` of rows of hits and truth that are the same site."""
    left = hits.select("chr", "start", "end", motif=family(hits)).with_row_index("hit")
    right = truth.select("chr", "motif", "start", "end").with_row_index("site")
    both = left.join(right, on=["chr", "motif"], suffix="_site")
    shared = pl.min_horizontal("end", "end_site") - pl.max_horizontal("start", "start_site")
    shorter = pl.min_horizontal(
        pl.col("end") - pl.col("start"), pl.col("end_site") - pl.col("start_site")
    )
    return both.filter(2 * shared >= shorter).select("hit", "site").to_numpy()


if __name__ == "__main__":
    main()
