"""``report``: hits into a page to look at, with tables, matrices and logos beside it."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from finemo_zarr.cli.options import (
    VariadicCommand,
    build,
    field_options,
    overwrite_option,
)
from finemo_zarr.errors import RunError
from finemo_zarr.protocols import option

_EPILOG = """\b
Templates:
  hits           one run: motifs, counts, co-occurrence, hits against seqlets, what to look at
  compare        several runs: matched, moved, renamed, lost and new hits
  callers        several callers on the same regions, as compare-callers makes it
  motifs         each motif: logos, sites, where they lie, known motifs, profiles around them
  syntax         which motifs occur together, at which spacing and orientation
  submotifs      the kinds of seqlets within each motif
  motif-heatmap  motifs of several files or runs by similarity, in clusters
  performance    how well a model predicts, from a file of predictions
  digest         the main numbers of all of these on one page
  tisfm          what an interpretable model (train-tisfm) learned

\b
Examples:
  finemo-zarr report -H hits -m modisco.h5 -o report
  finemo-zarr report -r regions.zarr -H hits -m modisco.h5 -W 400 --motif-db jaspar.meme -o report
  finemo-zarr report --template compare -H run_a run_b -o comparison
  finemo-zarr report --template motifs -H hits -m modisco.h5 -P peaks=peaks.narrowPeak -o motifs
  finemo-zarr report --template syntax -H hits -P max_distance=200 -o syntax
  finemo-zarr report --template motif-heatmap -P 'motif_files=[liver.h5,brain.h5]' -o heatmap
  finemo-zarr report --template performance -P predictions=predictions.h5 -o performance
  finemo-zarr report --template tisfm -P model=model evaluation=evaluation -o report
  finemo-zarr report --template mine.ipynb -H hits -P title="My hits" -o report

\b
Open report.html of the output folder in a browser; it needs no network, and can be sent to others.
"""

_OF_HITS = ("hits", "compare", "callers", "motifs", "syntax", "digest")
_OF_SEQLETS = ("hits", "motifs", "submotifs", "digest")


@dataclass(frozen=True)
class ReportOptions:
    """One field for each option."""

    out_dir: Path = option(
        "-o", "--out-dir", metavar="DIR", help="Folder to write: report.html and its files."
    )
    hits: tuple[Path, ...] = option(
        "-H",
        "--hits",
        default=(),
        metavar="DIR",
        help="Folder that call-hits wrote, or a hits store; several for compare, callers and"
        " motif-heatmap.",
    )
    regions: Path | None = option(
        "-r",
        "--regions",
        default=None,
        metavar="STORE",
        help="Regions store; by default the one that the hits were called in.",
    )
    modisco_h5: Path | None = option(
        "-m",
        "--modisco-h5",
        default=None,
        metavar="FILE",
        help="TF-MoDISco-lite file, to compare hits with its seqlets.",
    )
    modisco_width: int | None = option(
        "-W",
        "--modisco-region-width",
        default=None,
        metavar="BP",
        help="Width that TF-MoDISco saw of each region; by default what its file says.",
    )
    modisco_peaks: Path | None = option(
        "--modisco-peaks",
        default=None,
        metavar="FILE",
        help="Peaks that TF-MoDISco saw, in their order, if not those of the regions.",
    )
    no_recall: bool = option(
        "-n", "--no-recall", default=False, help="Compare with no seqlets, even if there are any."
    )
    motif_db: Path | None = option(
        "--motif-db",
        default=None,
        metavar="FILE",
        help="Known motifs in MEME format; the best matches (TOMTOM) are named and drawn.",
    )
    track: str | None = option(
        "--track", default=None, metavar="NAME", help="Track to report, where there are several."
    )
    n_examples: int = option(
        "--examples", default=6, metavar="N", help="Regions of each kind in the example browser."
    )
    template: str = option(
        "--template",
        default="hits",
        metavar="NAME|PATH",
        help="Template that comes with the package, see below, or a notebook of your own.",
    )
    parameter: tuple[str, ...] = option(
        "-P",
        "--parameter",
        default=(),
        metavar="NAME=VALUE",
        help="Value of a further parameter of the template.",
    )

    def __post_init__(self) -> None:
        if self.template in _OF_HITS and not self.hits:
            raise ValueError(f"the template {self.template} needs hits: give -H")
        if self.template == "hits" and len(self.hits) > 1:
            raise ValueError("several -H: give one, or --template compare")
        if self.n_examples < 0:
            raise ValueError(f"--examples is {self.n_examples}, expected 0 or more")
        if self.modisco_width is not None and self.modisco_width < 1:
            raise ValueError(f"-W is {self.modisco_width}, expected a width in bp")

    def values(self) -> dict[str, Any]:
        """Values that were given, as a template takes them."""
        single = len(self.hits) == 1 and self.template != "compare"
        paths = [str(path.resolve()) for path in self.hits]
        values: dict[str, Any] = {
            "hits": (paths[0] if single else paths) or None,
            "regions": self.regions,
            "modisco_h5": None if self.no_recall else self.modisco_h5,
            "modisco_width": self.modisco_width,
            "modisco_peaks": self.modisco_peaks,
            "motif_db": self.motif_db,
            "track": self.track,
            "n_examples": None if self.n_examples == 6 else self.n_examples,
        }
        values = {
            name: str(value.resolve()) if isinstance(value, Path) else value
            for name, value in values.items()
            if value is not None
        }
        return values | dict(map(_parameter, self.parameter))


def _parameter(text: str) -> tuple[str, Any]:
    import yaml

    name, equals, value = text.partition("=")
    if not equals or not name.isidentifier():
        raise click.UsageError(f"-P {text}: expected NAME=VALUE")
    return name, yaml.safe_load(value)


def make_command() -> click.Command:
    """Make the command."""
    return VariadicCommand(
        "report",
        params=[*field_options(ReportOptions), overwrite_option()],
        callback=_run,
        help="Evaluate hits, and write a page to look at: motifs with logos, how many hits there"
        " are and how much they explain, which motifs occur together, hits against seqlets, what"
        " deserves a second look, examples. All numbers are in tables beside it.",
        short_help="Make a report of hits.",
        epilog=_EPILOG,
    )


def _run(overwrite: bool, **values: Any) -> None:
    from finemo_zarr.report import make_report

    options = build(ReportOptions, values)
    _check_inputs(options)
    page = make_report(options.out_dir, options.template, options.values(), overwrite=overwrite)
    click.echo(f"report: {page}")
    others = sorted(entry.name for entry in options.out_dir.iterdir() if entry.name != page.name)
    click.echo(f"beside it: {', '.join(others)}")


def _check_inputs(options: ReportOptions) -> None:
    """Say what is missing before a notebook is started."""
    from finemo_zarr.store import open_hits

    given: Mapping[str, Path | None] = {
        "-r": options.regions,
        "-m": options.modisco_h5,
        "--modisco-peaks": options.modisco_peaks,
        "--motif-db": options.motif_db,
    }
    for flag, path in given.items():
        if path is not None and not path.exists():
            raise RunError(f"{flag} {path}: no such file or folder")
    if options.template in _OF_SEQLETS and options.modisco_h5 and options.modisco_h5.is_dir():
        raise RunError(f"-m {options.modisco_h5}: a folder, expected TF-MoDISco's HDF5 file")
    for hits in options.hits:
        open_hits(hits)
