"""Time everything and write the tables of docs/benchmarks.md.

python tests/benchmarks/report.py            # real sizes, on a quiet machine
python tests/benchmarks/report.py --quick --out /tmp/benchmarks.md   # sizes of the tests
"""

import argparse
import json
import os
import platform
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
PAGE = HERE.parents[1] / "docs/benchmarks.md"
PACKAGES = ("finemo-zarr", "numpy", "numba", "zarr", "xarray", "dask", "pyBigWig", "h5py", "polars")
TABLES = ("ratio", "solver", "files", "job", "scale", "cluster", "postprocess")
COMPARED = ("ratio", "cluster")
"""Tables whose rows do the same work: how many times as fast is said."""

Record = dict[str, Any]


def main() -> None:
    """Run the benchmarks and rewrite the page between its markers."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--quick", action="store_true", help="Small sizes: no figure means much.")
    parser.add_argument("--out", type=Path, default=PAGE, help="Page to write.")
    parser.add_argument("-k", dest="only", default="", help="Choose benchmarks, as pytest does.")
    arguments = parser.parse_args()
    before = os.getloadavg()[0]
    records = run(quick=arguments.quick, only=arguments.only)
    page = (arguments.out if arguments.out.exists() else PAGE).read_text("utf-8")
    sections = {"machine": machine(before, quick=arguments.quick)}
    measured = {record["table"] for record in records}
    chosen = [name for name in TABLES if not arguments.only or name in measured]
    sections |= {name: "\n".join(table(name, records)) for name in chosen}
    for name, text in sections.items():
        page = fill(page, name, text)
    arguments.out.write_text(page, "utf-8")
    print(f"wrote {arguments.out}")


def run(*, quick: bool, only: str) -> list[Record]:
    """Results of pytest-benchmark that say where they belong."""
    # One BLAS thread per block: threads of its own would wait for one another on a busy machine,
    # and slow down the loop that we are compared with.
    single = dict.fromkeys(("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"), "1")
    with tempfile.TemporaryDirectory() as folder:
        results = Path(folder) / "results.json"
        command = [sys.executable, "-m", "pytest", str(HERE), "-q", "-p", "no:xdist"]
        command += ["--benchmark-enable", "--benchmark-quiet", f"--benchmark-json={results}"]
        command += ["-k", only] if only else []
        environment = os.environ | single | {"FINEMO_BENCH": "quick" if quick else "full"}
        subprocess.run(command, env=environment, check=True)
        measured = json.loads(results.read_text("utf-8"))["benchmarks"]
    return [
        {**one["extra_info"], "stats": one["stats"]} for one in measured if one.get("extra_info")
    ]


def machine(load: float, *, quick: bool) -> str:
    """What the figures were measured on."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1e9
    lines = [
        f"- Measured {datetime.now(UTC):%Y-%m-%d} with `make bench`, load before it {load:.1f}",
        f"- {cpu_model()}, {os.cpu_count()} cores, {memory:.0f} GB, {platform.platform()}",
        f"- Python {platform.python_version()}, "
        + ", ".join(f"{package} {version(package)}" for package in PACKAGES),
    ]
    if quick:
        lines.append("- **Small sizes (`--quick`): the figures say only that everything runs.**")
    return "\n".join(lines)


def cpu_model() -> str:
    """Name of the processor."""
    info = Path("/proc/cpuinfo")
    found = re.search(r"model name\s*: (.*)", info.read_text()) if info.exists() else None
    return found.group(1) if found else platform.processor() or platform.machine()


def table(name: str, records: Iterable[Record]) -> Iterable[str]:
    """Lines of one table."""
    own = [record for record in records if record["table"] == name]
    if not own:
        return ["*(not measured)*"]
    extra = list(dict.fromkeys(key for record in own for key in record["more"]))
    rows = [row(record, extra) for record in own]
    if name in COMPARED:
        slowest = max(map(per_region, own))
        extra.append("times as fast")
        rows = [
            [*cells, _times(slowest / per_region(record))]
            for cells, record in zip(rows, own, strict=True)
        ]
    head = [
        "",
        "regions",
        "ms per region",
        "spread",
        "runs",
        *(key.replace("_", " ") for key in extra),
    ]
    return [line(head), line(["---"] + ["---:"] * (len(head) - 1)), *map(line, rows)]


def _times(ratio: float) -> str:
    return f"{ratio:,.0f}" if ratio >= 10 else f"{ratio:.2f}"


def row(record: Record, extra: Sequence[str]) -> list[str]:
    """Cells: what, how many regions, median time, quartiles, runs, and what else was noted."""
    stats, count = record["stats"], record["n_regions"]
    spread = 1000 * stats["iqr"] / count
    cells = [record["case"], f"{count:,}", f"{per_region(record):.4g}", f"{spread:.2g}"]
    noted = (record["more"].get(key, "") for key in extra)
    return [*cells, str(stats["rounds"]), *map(str, noted)]


def per_region(record: Record) -> float:
    """Median time, in ms."""
    return 1000 * float(record["stats"]["median"]) / int(record["n_regions"])


def line(cells: Iterable[str]) -> str:
    """One line of a Markdown table."""
    return f"| {' | '.join(cells)} |"


def fill(page: str, name: str, text: str) -> str:
    """Replace what stands between the markers of a section."""
    begin, end = f"<!-- begin {name} -->", f"<!-- end {name} -->"
    if page.count(begin) != 1 or page.count(end) != 1:
        raise SystemExit(f"the page has no markers for {name}: {begin} … {end}")
    before, rest = page.split(begin)
    return f"{before}{begin}\n{text}\n{end}{rest.split(end)[1]}"


if __name__ == "__main__":
    main()
