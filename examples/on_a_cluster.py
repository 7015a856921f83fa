"""Hits on a dask cluster that loses a worker on the way: they are the same.

    python examples/on_a_cluster.py --out cluster

Starts a cluster of two processes on this machine, calls the hits of the bundled example on it, and
kills one of the processes in the middle. Then compares the tables with those that one thread gives.
A real cluster differs in one line: how the client is made (docs/how-to/clusters.md).
"""

import argparse
import os
import signal
import threading
import time
from pathlib import Path

from distributed import Client, LocalCluster

import finemo_zarr
from finemo_zarr.execution import load_motifs

DATA = Path(__file__).parent / "data"
BLOCK = 8  # regions: small, so that there is a middle in which to lose a worker


def main() -> None:
    """Run the example."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--out", type=Path, default=Path("cluster"), help="Folder for the results.")
    out = parser.parse_args().out
    reader = finemo_zarr.get_reader("bw")(
        fasta=DATA / "genome.fa",
        bigwigs=(DATA / "contributions.bw",),
        peaks=DATA / "peaks.narrowPeak",
        region_width=500,
    )
    regions = out / "regions.zarr"
    finemo_zarr.extract_regions(reader, regions, overwrite=True)
    motifs = finemo_zarr.prepare_motifs(
        load_motifs([DATA / "modisco.h5"]), finemo_zarr.MotifOptions()
    )

    with (
        LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=":0") as cluster,
        Client(cluster) as client,
    ):
        threading.Thread(target=lose_a_worker, args=(client, out), daemon=True).start()
        options = finemo_zarr.CallOptions(block=BLOCK)
        finemo_zarr.call_hits(
            regions, motifs, out / "cluster.zarr", options=options, client=client, overwrite=True
        )
    alone = finemo_zarr.CallOptions(scheduler="sync")
    finemo_zarr.call_hits(regions, motifs, out / "alone.zarr", options=alone, overwrite=True)

    tables = []
    for name in ("cluster", "alone"):
        finemo_zarr.write_tables(out / f"{name}.zarr", out / name)
        tables.append((out / name / "hits.tsv").read_bytes())
    assert tables[0] == tables[1], "the hits differ"
    n_hits = tables[0].count(b"\n") - 1
    print(f"{n_hits:,} hits, the same from the cluster and from one thread")


def lose_a_worker(client: Client, out: Path) -> None:
    """Kill a process of the cluster once some blocks are done."""
    parts = out / ".cluster.zarr.partial" / "run" / "parts"
    while len(list(parts.glob("*.npz"))) < 3:
        time.sleep(0.005)
    pid = next(iter(client.run(os.getpid).values()))
    os.kill(pid, signal.SIGKILL)
    print(f"killed worker process {pid} after {len(list(parts.glob('*.npz')))} blocks")


if __name__ == "__main__":
    main()
