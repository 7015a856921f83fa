"""``compare-callers``: several solvers on one regions store, and a page that compares them."""

import json
import subprocess
import sys
import time
import warnings
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from finemo_zarr.cli.call_options import CallHits
from finemo_zarr.cli.options import (
    VariadicCommand,
    build,
    check_flags,
    field_options,
    overwrite_option,
    workers_options,
)
from finemo_zarr.errors import RunError, UnreachableMotifWarning
from finemo_zarr.protocols import option, option_fields

if TYPE_CHECKING:
    import xarray as xr

_EPILOG = """\b
Examples:
  finemo-zarr compare-callers -r regions.zarr -m modisco.h5 -o callers \\
      --solvers coordinate-descent,seqlet-tomtom,fimo-attribution,moods
  finemo-zarr compare-callers -r regions.zarr -m modisco.h5 -o callers \\
      --solvers coordinate-descent,moods --set moods.scan-pvalue=1e-5 \\
      --truth sites.tsv --score moods=-hit_pvalue

\b
The folder gets hits/SOLVER, each as call-hits writes it, and report/report.html with its tables.
A comparison that was ended goes on where it was, when it is started again in the same way.
"""
_HITS, _REPORT = "hits", "report"
_DONE = "complete already"
_CHILD = "from finemo_zarr.cli.compare_callers import call_measured; call_measured()"
_MIB = 2**20


@dataclass(frozen=True)
class CompareCallers:
    """One field for each option that is not one of ``call-hits``."""

    solvers: str = option(
        "--solvers",
        metavar="A,B,...",
        help="Solvers to compare, two or more; `finemo-zarr plugins` lists them.",
    )
    settings: tuple[str, ...] = option(
        "--set",
        default=(),
        metavar="SOLVER.OPTION=VALUE",
        help="Value of an option of one solver, for example moods.scan-pvalue=1e-5.",
    )
    truth: Path | None = option(
        "--truth",
        default=None,
        metavar="FILE",
        help="Known sites, to compute precision, recall and F1: a TSV file with the columns region"
        " or chrom, motif, start, end.",
    )
    score: tuple[str, ...] = option(
        "--score",
        default=(),
        metavar="SOLVER=COLUMN",
        help="Own score of a caller, with - in front if less is better; by default"
        " hit_coefficient_global, or hit_importance where that is not known.",
    )
    one_to_one: bool = option(
        "--one-to-one",
        default=False,
        help="Let a known site make one hit right only; others that share it are wrong.",
    )

    def names(self) -> list[str]:
        """Names of the solvers.

        Raises
        ------
        UsageError
            If they are fewer than two, or repeat.
        """
        names = [name.strip() for name in self.solvers.split(",") if name.strip()]
        if len(names) < 2 or len(set(names)) < len(names):
            raise click.UsageError(f"--solvers {self.solvers}: expected two or more, each once")
        return names

    def scores(self, names: Sequence[str]) -> dict[str, str]:
        """Own scores that are given, by solver."""
        given = {}
        for text in self.score:
            name, equals, column = text.partition("=")
            if not equals or name not in names or not column.lstrip("-"):
                raise click.UsageError(
                    f"--score {text}: expected SOLVER=COLUMN, with one of {', '.join(names)}"
                )
            if not column.removeprefix("-").startswith("hit_"):
                raise click.UsageError(
                    f"--score {text}: columns with scores are named hit_..., such as hit_similarity"
                )
            given[name] = column
        return given


def make_command() -> click.Command:
    """Make the command."""
    own = field_options(CompareCallers)
    shared = field_options(CallHits, skip=["solver"])
    for parameter in shared:
        if parameter.name == "out_dir":
            parameter.help = "Folder to write: the hits of each caller, and the report."
    parameters = [*shared, *own, *workers_options(), overwrite_option()]
    check_flags(parameters, "compare-callers")
    return VariadicCommand(
        "compare-callers",
        params=parameters,
        callback=_run,
        help="Call the hits of the same motifs in the same regions with several solvers, each in a"
        " process of its own, and write a page that compares them: hits of each motif, where they"
        " agree, time and memory and, where sites are known, precision, recall and F1.",
        short_help="Compare several solvers on one regions store.",
        epilog=_EPILOG,
        resumes=True,
    )


def _run(*, overwrite: bool, scheduler: str, jobs: int | None, **values: Any) -> None:
    from finemo_zarr.report import make_report

    asked = build(CompareCallers, values)
    options = build(CallHits, {**values, "solver": "auto"})
    names = asked.names()
    out = _folder(options)
    parameters = _report_parameters(options, asked, names)
    where = ["--scheduler", scheduler, *([] if jobs is None else ["--jobs", str(jobs)])]
    callers = _callers(options, asked, names, [*where, *(["--overwrite"] if overwrite else [])])
    (out / _HITS).mkdir(parents=True, exist_ok=True)
    failed = []
    for name, words in callers.items():
        if not _call(name, words, out / _HITS):
            failed.append(name)
        elif score := parameters["scores"].get(name):
            _check_score(out / _HITS / name, name, score)
    if failed:
        raise RunError(
            f"{', '.join(failed)} failed, as said above; the hits of the others are kept in "
            f"{out / _HITS}: start the same command again, or leave them out of --solvers"
        )
    parameters["hits"] = [str((out / _HITS / name).resolve()) for name in names]
    page = make_report(out / _REPORT, "callers", parameters, overwrite=True)
    for line in _truth_lines(out / _REPORT / "truth.tsv"):
        click.echo(line)
    click.echo(f"report: {page}")


def _folder(options: CallHits) -> Path:
    """The folder to write, if it can be."""
    out = options.out_dir
    if not isinstance(out, Path):
        raise RunError(f"{out}: a comparison is written to a folder on this machine")
    if out.exists():
        there = {entry.name for entry in out.iterdir()} if out.is_dir() else {out.name}
        if other := sorted(there - {_HITS, _REPORT}):
            raise RunError(
                f"{out}: holds {', '.join(other[:3])}, which is not of a comparison; give another"
                " folder"
            )
    return out


def _report_parameters(
    options: CallHits, asked: CompareCallers, names: Sequence[str]
) -> dict[str, Any]:
    """Parameters of the template; raises before any caller is started if one is wrong."""
    from finemo_zarr.store import open_regions

    given: dict[str, Any] = {"scores": asked.scores(names), "one_to_one": asked.one_to_one}
    opened = open_regions(options.regions)
    tracks = opened.sizes.get("track", 1)
    if options.combine_tracks is None and tracks > 1:
        if len(options.tracks) != 1:
            raise click.UsageError("the regions have several tracks: give one with --tracks")
        given["track"] = options.tracks[0]
    if asked.truth is not None:
        _check_truth(options, opened, asked.truth)
        given["truth"] = str(asked.truth.resolve())
    return given


def _check_truth(options: CallHits, regions: "xr.Dataset", truth: Path) -> None:
    from finemo_zarr.evaluation.truth import check_truth, read_truth
    from finemo_zarr.execution import load_motifs
    from finemo_zarr.motifs import prepare_motifs

    sites = read_truth(truth)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UnreachableMotifWarning)  # the callers say it
        motifs = prepare_motifs(load_motifs(options.motifs), options.motif_options())
    check_truth(regions, motifs, sites)


def _callers(
    options: CallHits, asked: CompareCallers, names: Sequence[str], more: Sequence[str]
) -> dict[str, list[str]]:
    """The words of ``call-hits`` for each solver, which it understands."""
    from finemo_zarr.cli.call_hits import make_command as make_call_hits

    settings = _settings(asked.settings, names)
    callers = {}
    for name in names:
        out = str(Path(str(options.out_dir)) / _HITS / name)
        words = [*_words(options, skip={"solver", "out_dir"}), "-o", out, "--solver", name]
        callers[name] = [*words, *settings[name], *more]
        try:
            make_call_hits().make_context("call-hits", list(callers[name]))
        except click.UsageError as error:
            raise click.UsageError(f"{name}: {error.format_message()}") from None
    return callers


def _settings(settings: Sequence[str], names: Sequence[str]) -> dict[str, list[str]]:
    """Flags and values of solvers' own options."""
    from finemo_zarr.registry import get_solver

    known = {name: option_fields(get_solver(name)) for name in names}
    found: dict[str, list[str]] = {name: [] for name in names}
    for text in settings:
        left, equals, value = text.partition("=")
        name, _, key = left.rpartition(".")
        key = key.replace("-", "_")
        if not equals or key not in known.get(name, ()):
            there = [f"{solver}.{each}" for solver, fields in known.items() for each in fields]
            raise click.UsageError(
                f"--set {text}: expected SOLVER.OPTION=VALUE, with one of {', '.join(there)}"
            )
        field, info = known[name][key]
        flag = (info.flags or (f"--{key.replace('_', '-')}",))[-1]
        if not isinstance(field.default, bool):
            found[name] += [flag, value]
        elif value not in {"true", "false"}:
            raise click.UsageError(f"--set {text}: expected true or false")
        elif value == "true":
            found[name].append(flag)
    return found


def _words(options: CallHits, skip: set[str]) -> list[str]:
    """The command line that gives these options."""
    words: list[str] = []
    for name, (field, info) in option_fields(options).items():
        value = getattr(options, name)
        if name in skip or value == field.default:
            continue
        values = value if isinstance(value, tuple) else () if value is True else (value,)
        words += [info.flags[0], *map(str, values)]
    return words


def _call(name: str, words: Sequence[str], folder: Path) -> bool:
    """Call the hits of one solver in a process of its own; returns whether it did."""
    usage, result = folder / f"{name}.json", folder / f".{name}.usage"
    before = {} if "--overwrite" in words else _read(usage)
    attempts = int(before.get("attempts", 0)) + 1
    if "seconds" not in before:
        usage.write_text(json.dumps({"attempts": attempts}), encoding="utf-8")
    click.echo(f"{name}:")
    started = time.perf_counter()
    command = [sys.executable, "-c", _CHILD, str(result), "call-hits", *words]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False)
    seconds = time.perf_counter() - started
    for line in done.stdout.splitlines():
        click.echo(f"  {line}")
    measured = _read(result) if _is_one_process(words) else {}
    result.unlink(missing_ok=True)
    if done.returncode == 0 and _DONE not in done.stdout:
        found = {"seconds": round(seconds, 2), **measured, "attempts": attempts}
        found |= {"resumed": attempts > 1, "command": " ".join(["call-hits", *words])}
        usage.write_text(json.dumps(found, indent=1), encoding="utf-8")
        click.echo(f"  {_described(found)}")
    return done.returncode == 0


def _is_one_process(words: Sequence[str]) -> bool:
    """Whether its memory is that of the run: other processes are not measured."""
    return words[words.index("--scheduler") + 1] in {"threads", "sync"}


def _check_score(folder: Path, name: str, score: str) -> None:
    """Raise, before any other caller is started, unless the hits have this score."""
    from finemo_zarr.store import open_hits

    hits = open_hits(folder).hits
    if score.removeprefix("-") not in hits:
        there = [str(each) for each in hits if hits[each].dtype.kind in "fiu"]
        raise RunError(
            f"--score {name}={score}: its hits have no such column; they have {', '.join(there)}."
            f" The hits in {folder} are kept: start the same command again, without --overwrite and"
            " with another --score"
        )


def _described(found: Mapping[str, Any]) -> str:
    size = found.get("peak_bytes")
    return f"{found['seconds']:.1f} s" + (f", {size / _MIB:,.0f} MiB" if size else "")


def _read(path: Path) -> dict[str, Any]:
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def call_measured() -> None:
    """Run a command of ours in this process, and write what memory it took.

    The first argument is the file to write, the others are the words of the command.
    """
    from finemo_zarr.cli import main

    result, *words = sys.argv[1:]
    try:
        main(words)
    finally:
        Path(result).write_text(json.dumps({"peak_bytes": _peak_bytes()}), encoding="utf-8")


def _peak_bytes() -> int | None:
    """Largest memory that this process has held, where the system says it."""
    status = Path("/proc/self/status")
    if status.is_file():  # what getrusage says includes the memory of the parent
        for line in status.read_text(encoding="ascii", errors="replace").splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024
    try:
        from resource import RUSAGE_SELF, getrusage
    except ImportError:
        return None
    return getrusage(RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)


def _truth_lines(path: Path) -> Iterator[str]:
    if not path.is_file():
        return
    import polars as pl

    for row in pl.read_csv(path, separator="\t").iter_rows(named=True):
        yield (
            f"{row['caller']}: precision {row['precision']:.3f}, recall {row['recall']:.3f}, F1"
            f" {row['f1']:.3f}; at the best threshold F1 {row['best f1']:.3f}"
        )
