"""Compare all installed callers on sites that are known, and write the table of docs/benchmarks.md.

python tests/benchmarks/truth.py                                  # the page, ../shared/data/talgata
python tests/benchmarks/truth.py --out /tmp/page.md --callers coordinate-descent,moods
python tests/benchmarks/truth.py --data examples/data --quick --out /tmp/page.md   # the example

Sites count as in finemo_zarr.evaluation.truth. Defaults are those of `call-hits`. Beside them each
caller gets the best of a few options, scores and thresholds, all chosen with the sites known: what
it could reach at most, not what it does reach where they are not. Takes about ten minutes.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from itertools import product
from pathlib import Path
from typing import Any, NamedTuple

from report import PAGE, cpu_model, fill, line

ROOT = Path(__file__).parents[2]
DATA = ROOT / "../shared/data/talgata"
NAMES = {"pos_patterns.pattern_0": "TAL1_known1", "pos_patterns.pattern_1": "GATA_disc1"}
"""Motifs of that TF-MoDISco file, as the sites are named."""

_SCANS = {"scan_pvalue": (1e-4, 5e-4, 1e-3, 2e-3)}
_TRIMS = {"trim_threshold": (0.3, 0.1)}
_LAMBDAS = {"lambda_default": (0.7, 0.4, 0.5, 0.6, 0.8)}
OPTIONS: Mapping[str, Mapping[str, Sequence[Any]]] = {
    "coordinate-descent": _LAMBDAS | _TRIMS,
    "prox-gradient": {"lambda_default": (0.7,)},  # the same problem: the same hits
    "seqlet-tomtom": {
        "seqlet_threshold": (0.01, 0.05, 0.1),
        "null_store": (None, "STORE"),
        **_TRIMS,
    },
    "fimo-attribution": {**_SCANS, "attribution_quantile": (0.99, 0.0), **_TRIMS},
    "moods": _SCANS | _TRIMS,
    "modisco-scoring": {
        "mode": ("pp", "hh"),
        "calibrate_on": (None, "STORE"),
        "density_kernel": ("reference", "calibrated"),
        "min_ic": (None, 0.2),
    },
}
"""Values of options that are tried, all combinations; the first of each are the defaults, and STORE
is the regions store."""

SCORES = (
    *("hit_coefficient_global", "hit_similarity", "hit_importance", "-hit_pvalue"),
    "hit_agg_sim",
)
"""Scores that are tried, where a caller has them."""

FILTERS: Mapping[str, Sequence[Sequence[str]]] = {
    "modisco-scoring": [()],
    "moods": [(), ("--method", "exponential")],
}
"""Options of `filter-hits` with which hits at defaults are filtered as well."""

ADVISED = {
    "modisco-scoring": (
        (
            "call-hits -r STORE -m MOTIFS -N NAMES -o CALLED --solver modisco-scoring"
            " -M hh --calibrate-on STORE --density-kernel calibrated --min-ic 0.2"
        ),
        "collapse-hits -i CALLED -o COLLAPSED --method cluster --score hit_agg_sim",
        "filter-hits -i COLLAPSED -r STORE -o KEPT --primary",
    )
}
"""What the page of a caller says to run, where that is more than one command."""

_OF_MOTIFS = {
    "lambda_default": "--global-lambda",
    "trim_threshold": "--cwm-trim-threshold",
    "mode": "--mode",
}
_PACKAGES = ("finemo-zarr", "memelite", "tangermeme", "MOODS-python", "torch", "numba")
_RUNS, _LONG = 5, 5.0  # solver calls that are timed, and seconds from which one is enough
_HEAD = (
    *("", "hits", "precision", "recall", "F1", "F1 at the best threshold", "F1 at most"),
    *("with", "ms per region", "s, whole command", "MiB"),
)


class Inputs(NamedTuple):
    """Files, and motifs as they are read."""

    store: Path
    motifs: Path
    names: Path | None
    truth: Path
    folder: Path


class Tuned(NamedTuple):
    """The best of the options that were tried."""

    f1: float
    score: str
    options: Mapping[str, Any]


def main() -> None:
    """Run it."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, default=DATA, help="Folder with the simulation.")
    parser.add_argument("--out", type=Path, default=PAGE, help="Page to write.")
    parser.add_argument("--callers", default="", help="By default all that are installed.")
    parser.add_argument("--quick", action="store_true", help="Defaults only.")
    arguments = parser.parse_args()
    names = [name for name in arguments.callers.split(",") if name] or installed()
    with tempfile.TemporaryDirectory() as folder:
        inputs = prepare(arguments.data, Path(folder))
        # First: compiles what is compiled once on a machine, which is not what a run costs.
        tuned = {name: tune(inputs, name, quick=arguments.quick) for name in names}
        times = {name: per_region(inputs, name) for name in names}
        found = compare(inputs, names)
        rows = []
        for name in names:
            rows.append(row(name, found[name], tuned[name], times[name]))
            rows += [after_filter(inputs, name, options) for options in FILTERS.get(name, ())]
            if name in ADVISED and not arguments.quick:
                rows.append(as_advised(inputs, name))
    table = [line(_HEAD), line(["---"] + ["---:"] * 6 + ["---"] + ["---:"] * 3), *map(line, rows)]
    page = (arguments.out if arguments.out.exists() else PAGE).read_text("utf-8")
    page = fill(page, "truth", "\n".join([*table, "", *machine()]))
    arguments.out.write_text(page, "utf-8")
    print(f"wrote {arguments.out}")


def installed() -> list[str]:
    """Those of the callers that are there."""
    from finemo_zarr.registry import solvers

    return [name for name in OPTIONS if name in solvers()]


def prepare(data: Path, folder: Path) -> Inputs:
    """Make the regions store, and a table of names."""
    if not data.is_dir():
        raise SystemExit(f"{data}: there is no such folder; give the simulation with --data")
    store, names = folder / "regions.zarr", folder / "names.tsv"
    if (data / "contributions.bw").exists():  # the bundled example
        peaks = ["-p", data / "peaks.narrowPeak", "-f", data / "genome.fa", "-w", 500]
        run("extract-regions-bw", *peaks, "-b", data / "contributions.bw", "-o", store)
        names = data / "motif_names.tsv"
    else:
        arrays = ["-s", data / "ohe.npz", "-a", data / "attr.npz", "-w", 200]
        peaks = ["-p", data / "regions.narrowPeak"]
        run("extract-regions-modisco-fmt", *arrays, *peaks, "-o", store)
        names.write_text("".join(f"{old}\t{new}\n" for old, new in NAMES.items()))
    return Inputs(store, data / "modisco.h5", names, data / "truth.tsv", folder)


def run(*words: Any) -> None:
    """Run a command of ours."""
    command = [sys.executable, "-m", "finemo_zarr", *map(str, words)]
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(f"{' '.join(command)}\n{done.stdout}{done.stderr}")


def compare(inputs: Inputs, names: Sequence[str]) -> dict[str, dict[str, Any]]:
    """What `compare-callers` says of all callers at their defaults."""
    import polars as pl

    out = inputs.folder / "callers"
    words = ["-r", inputs.store, "-m", inputs.motifs, "-N", inputs.names, "-o", out]
    run("compare-callers", *words, "--solvers", ",".join(names), "--truth", inputs.truth)
    table = pl.read_csv(out / "report/truth.tsv", separator="\t")
    return {
        row["caller"]: row | json.loads((out / f"hits/{row['caller']}.json").read_text())
        for row in table.iter_rows(named=True)
    }


def combinations(name: str) -> Iterator[dict[str, Any]]:
    """Options to try, the defaults first."""
    tried = OPTIONS.get(name, {})
    for values in product(*tried.values()):
        yield dict(zip(tried, values, strict=True))


def tune(inputs: Inputs, name: str, *, quick: bool) -> Tuned:
    """The best F1 over options, scores and thresholds."""
    from finemo_zarr import call_hits
    from finemo_zarr.evaluation.truth import compare_with_truth, own_score, read_truth

    sites = read_truth(inputs.truth)
    tuned = Tuned(-1.0, "", {})
    for number, options in enumerate(combinations(name)):
        if number and quick:
            break
        out = inputs.folder / "tuned.zarr"
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            solver, motifs = build(inputs, name, options)
            hits = call_hits(inputs.store, motifs, out, solver=solver, overwrite=True)
        own = own_score(hits.hits)
        for score in sorted(scores_of(hits), key=lambda name, own=own: name != own):
            best = float(compare_with_truth(hits, sites, score=score).attrs["best_f1"])
            if best > tuned.f1:
                tuned = Tuned(best, "" if score == own else score, options)
    print(f"{name}: F1 {tuned.f1:.3f} at most, {tuned.options} {tuned.score}", flush=True)
    return tuned


def scores_of(hits: Any) -> list[str]:
    """Those of the scores that hits have."""
    there = [name for name in SCORES if name.lstrip("-") in hits.hits]
    return [name for name in there if hits.hits[name.lstrip("-")].notnull().any()]


def build(inputs: Inputs, name: str, options: Mapping[str, Any]) -> tuple[Any, Any]:
    """Solver and oriented motifs of some options."""
    from finemo_zarr import MotifOptions, get_solver, prepare_motifs, read_motifs
    from finemo_zarr.readers.motif_tables import read_renames

    renames = {} if inputs.names is None else read_renames(inputs.names)
    of_motifs: Any = {key: value for key, value in options.items() if key in _OF_MOTIFS}
    solver: Any = get_solver(name)
    own = {
        key: inputs.store if value == "STORE" else value
        for key, value in options.items()
        if key not in _OF_MOTIFS
    }
    motifs = prepare_motifs(read_motifs(inputs.motifs), MotifOptions(renames=renames, **of_motifs))
    return solver(**own), motifs


def per_region(inputs: Inputs, name: str) -> float:
    """Median time of the solver alone, in ms, in a process that has called it before."""
    from finemo_zarr import open_regions

    regions = open_regions(inputs.store).load()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        solver, motifs = build(inputs, name, {})
        solver.solve(regions, motifs)
        times: list[float] = []
        while len(times) < _RUNS and not (times and times[0] > _LONG):
            begin = time.perf_counter()
            solver.solve(regions, motifs)
            times.append(time.perf_counter() - begin)
    return 1000 * statistics.median(times) / regions.sizes["region"]


def after_filter(inputs: Inputs, name: str, options: Sequence[str]) -> list[str]:
    """Cells of the hits of a caller that `filter-hits` keeps."""
    kept = inputs.folder / "kept.zarr"
    hits = inputs.folder / "callers/hits" / name
    source = () if "exponential" in options else ("-r", inputs.store)
    run("filter-hits", "-i", hits, "-o", kept, *source, *options, "--overwrite")
    called = " ".join(["filter-hits", *options])
    return accuracy(inputs, kept, f"`{name}`, then `{called}`")


def as_advised(inputs: Inputs, name: str) -> list[str]:
    """Cells of the hits that the commands of a caller's page give."""
    folder = inputs.folder / "advised"
    places = {"STORE": inputs.store, "MOTIFS": inputs.motifs, "NAMES": inputs.names}
    places |= {"CALLED": folder, "COLLAPSED": f"{folder}.one.zarr", "KEPT": f"{folder}.kept.zarr"}
    for command in ADVISED[name]:
        run(*(places.get(word, word) for word in command.split()))
    return accuracy(inputs, Path(f"{folder}.kept.zarr"), f"`{name}` as its page advises")


def accuracy(inputs: Inputs, hits: Path, label: str) -> list[str]:
    """Cells of a hits store."""
    from finemo_zarr import open_hits
    from finemo_zarr.evaluation.truth import compare_with_truth, read_truth

    found = compare_with_truth(open_hits(hits), read_truth(inputs.truth)).attrs
    cells = [f"{found[key]:.3f}" for key in ("precision", "recall", "f1", "best_f1")]
    return [label, f"{found['num_hits']:,}", *cells, *[""] * 5]


def row(name: str, found: Mapping[str, Any], best: Tuned, ms: float) -> list[str]:
    """Cells of a caller."""
    default = next(combinations(name), {})
    changed = {key: value for key, value in best.options.items() if value != default[key]}
    return [
        f"`{name}`",
        f"{found['hits']:,}",
        *(f"{found[key]:.3f}" for key in ("precision", "recall", "f1", "best f1")),
        f"{best.f1:.3f}",
        ", ".join(filter(None, (flags(name, changed), best.score and f"`{best.score}`"))) or "–",
        f"{ms:.3g}",
        f"{found['seconds']:.1f}",
        f"{found['peak_bytes'] / 2**20:,.0f}",
    ]


def flags(name: str, options: Mapping[str, Any]) -> str:
    """Options as they are given to `call-hits`."""
    from finemo_zarr import get_solver
    from finemo_zarr.protocols import option_fields

    known = {key: info.flags for key, (_, info) in option_fields(get_solver(name)).items()}
    words = []
    for key, value in options.items():
        flag = _OF_MOTIFS.get(key) or (known[key] or (f"--{key.replace('_', '-')}",))[-1]
        words.append(f"{flag} {value:g}" if isinstance(value, float) else f"{flag} {value}")
    return f"`{' '.join(words)}`" if words else ""


def machine() -> Iterator[str]:
    """What it was measured on."""
    versions = []
    for package in _PACKAGES:
        try:
            versions.append(f"{package} {version(package)}")
        except PackageNotFoundError:
            continue
    today = f"{datetime.now(UTC):%Y-%m-%d}"
    yield f"Measured {today} with `python tests/benchmarks/truth.py`: {cpu_model()},"
    yield f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}; {', '.join(versions)}."


if __name__ == "__main__":
    main()
