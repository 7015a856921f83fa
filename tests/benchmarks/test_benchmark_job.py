"""The whole job, as commands in processes of their own: time and peak memory, and how both grow."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from benchmark_sizes import FULL

WIDTH = 1000 if FULL else 200
SIZES = (
    [(1_000, 40), (10_000, 40), (100_000, 40), (1_000, 10), (1_000, 100), (1_000, 1_000)]
    if FULL
    else [(40, 4)]
)
_CHILD = """
import json, re, resource, sys
from pathlib import Path
from finemo_zarr.cli import main
try:
    main(sys.argv[2:])
except SystemExit as end:
    code = end.code
status = Path("/proc/self/status")
if status.exists():  # the other figure counts what the parent had when it forked
    peak = int(re.search(r"VmHWM:\\s+(\\d+) kB", status.read_text())[1]) * 1024
else:
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    peak *= 1 if sys.platform == "darwin" else 1024
Path(sys.argv[1]).write_text(json.dumps({"code": code, "peak": peak}))
sys.exit(code)
"""


def run(report: Path, *command: Any) -> dict[str, float]:
    """Run a command of the package; seconds and peak memory in MB."""
    begin = time.perf_counter()
    arguments = [sys.executable, "-c", _CHILD, report, *command]
    subprocess.run([str(part) for part in arguments], check=True, capture_output=True)
    seconds = time.perf_counter() - begin
    return {"s": seconds, "MB": json.loads(report.read_text())["peak"] / 1e6}


@pytest.mark.parametrize(("n_regions", "n_motifs"), SIZES)
def test_job(
    benchmark: Any,
    make_files: Callable[..., Path],
    record: Callable[..., None],
    tmp_path: Path,
    n_regions: int,
    n_motifs: int,
) -> None:
    """Extract from a bigWig, call hits, write all tables."""
    folder = make_files(n_regions, length=WIDTH, n_motifs=n_motifs)
    store, out, report = tmp_path / "regions.zarr", tmp_path / "hits", tmp_path / "report"
    extract = ["extract-regions-bw", "-f", folder / "genome.fa", "-b", folder / "scores.bw"]
    extract += ["-p", folder / "peaks.narrowPeak", "-w", WIDTH, "-o", store, "--overwrite"]
    call = ["call-hits", "-r", store, "-m", folder / "modisco.h5", "-o", out, "--overwrite"]
    parts: dict[str, list[dict[str, float]]] = {"extract": [], "call": []}

    def job() -> None:
        parts["extract"].append(run(report, *extract))
        parts["call"].append(run(report, *call))

    benchmark.pedantic(job, rounds=3 if FULL and n_regions < 50_000 else 1)
    assert (out / "hits.tsv").stat().st_size > 1000
    figures = {
        f"{part}_{unit}": round(sorted(one[unit] for one in runs)[len(runs) // 2], 2)
        for part, runs in parts.items()
        for unit in ("s", "MB")
    }
    assert max(figures["extract_MB"], figures["call_MB"]) < 2000
    record(
        "job", f"{n_regions:,} regions, {n_motifs:,} motifs, {os.cpu_count()} cores", n_regions,
        **figures,
    )  # fmt: skip
