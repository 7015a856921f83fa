"""Make the recorded cases of tests/data/recorded.

Simulates regions and motifs, writes them as files of the reference implementation, lets it call
hits, and keeps inputs and results:

    python tests/data/make_recorded.py --finemo /path/to/finemo

Made with finemo 0.41 (torch 2.13, CPU), which is not needed to run the tests.
"""

import argparse
import subprocess
import tempfile
from pathlib import Path

import polars as pl

from finemo_zarr.testing import simulate_motifs, simulate_regions
from finemo_zarr.testing.files import write_finemo_npz, write_modisco_h5

HERE = Path(__file__).parent / "recorded"
KEPT = [
    "peak_id", "motif_name", "strand", "start", "end", "start_untrimmed", "hit_coefficient",
    "hit_coefficient_global", "hit_similarity", "hit_importance", "hit_importance_sq",
]  # fmt: skip


def main() -> None:
    """Make the cases."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--finemo", type=Path, required=True, help="The reference's command.")
    arguments = parser.parse_args()
    HERE.mkdir(exist_ok=True)
    motifs = simulate_motifs(8, 24, (5, 16), n_negative=1, palindromes=0.3, seed=11)
    regions, _ = simulate_regions(
        motifs, 16, 300, sites_per_region=(3, 6), hypothetical=True, noise=0.08, seed=11
    )
    write_modisco_h5(motifs, HERE / "modisco.h5")
    write_finemo_npz(regions, HERE / "regions.npz")
    for mode in ("pp", "hh"):
        with tempfile.TemporaryDirectory() as out:
            command = [arguments.finemo, "call-hits", "-M", mode, "-r", HERE / "regions.npz"]
            command += ["-m", HERE / "modisco.h5", "-o", out, "-c", "1e-7", "-S", "200000"]
            subprocess.run([str(part) for part in command], check=True)
            hits = pl.read_csv(Path(out) / "hits.tsv", separator="\t").select(KEPT)
        hits.sort("peak_id", "start", "motif_name", "strand").write_csv(
            HERE / f"hits_{mode}.tsv", separator="\t"
        )


if __name__ == "__main__":
    main()
