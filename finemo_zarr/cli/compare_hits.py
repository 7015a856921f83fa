"""``compare-hits``: how far two sets of hits agree."""

from collections.abc import Iterator
from dataclasses import dataclass
from math import isnan
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from finemo_zarr.cli.folders import new_folder
from finemo_zarr.cli.options import (
    LocationType,
    VariadicCommand,
    build,
    field_options,
    overwrite_option,
)
from finemo_zarr.protocols import option
from finemo_zarr.store.locations import Location

if TYPE_CHECKING:
    import polars as pl

    from finemo_zarr.postprocess import Comparison

_EPILOG = """\b
matched  the same motif on the same strand at the same place
moved    the same motif, shifted or on the other strand, with a core that overlaps
renamed  another motif that overlaps
lost     only in A
new      only in B

A site that is a hit in several overlapping regions counts once.

\b
The folder gets compare.tsv (one row for each motif), pairs.tsv (one row for each site), and the
figure compare.png and compare.svg.

\b
Examples:
  finemo-zarr compare-hits default loose -o comparison
  finemo-zarr compare-hits hits/hits.tsv finemo/hits.tsv -o comparison -O 0.5
"""
_MOTIFS, _PAIRS = "compare.tsv", "pairs.tsv"
_FIGURES = ("compare.png", "compare.svg")
_ROWS = 2**16
_DPI = 150


@dataclass(frozen=True)
class CompareHits:
    """One field for each option."""

    out_dir: Location = option("-o", "--out-dir", metavar="DIR", help="Folder to write.")
    overlap: float = option(
        "-O",
        "--overlap-frac",
        default=0.2,
        metavar="SHARE",
        help="A hit is renamed when another motif shares at least this share of their mean length.",
    )
    no_figure: bool = option("--no-figure", default=False, help="Write the tables only, no figure.")

    def __post_init__(self) -> None:
        if not 0 <= self.overlap <= 1:
            raise ValueError(f"-O/--overlap-frac is {self.overlap}, expected a number from 0 to 1")


def make_command() -> click.Command:
    """Make the command."""
    return VariadicCommand(
        "compare-hits",
        params=[
            click.Argument(["a"], type=LocationType()),
            click.Argument(["b"], type=LocationType()),
            *field_options(CompareHits),
            overwrite_option(),
        ],
        callback=_run,
        help="Compare the hits of two runs, solvers or programs, one to one. A and B are tables"
        " like hits.tsv (gzipped or not), hits stores, or folders that call-hits wrote.",
        short_help="Compare two sets of hits.",
        epilog=_EPILOG,
    )


def _run(*, a: Location, b: Location, overwrite: bool, **values: Any) -> None:
    from finemo_zarr.postprocess import compare, read_hits

    options = build(CompareHits, values)
    with new_folder(options.out_dir, overwrite=overwrite, is_ours=_is_ours) as folder:
        comparison = compare(read_hits(a), read_hits(b), overlap=options.overlap)
        _write(comparison, folder, figure=not options.no_figure)
    for line in _summary(comparison, a, b):
        click.echo(line)
    click.echo(f"written: {options.out_dir}")


def _is_ours(names: set[str]) -> bool:
    return names <= {_MOTIFS, _PAIRS, *_FIGURES}


def _write(comparison: "Comparison", folder: Path, *, figure: bool) -> None:
    motifs = comparison.motifs()
    _write_table(folder / _MOTIFS, [motifs])
    slices = (slice(row, row + _ROWS) for row in range(0, max(len(comparison), 1), _ROWS))
    _write_table(folder / _PAIRS, (comparison.pairs(rows) for rows in slices))
    if figure:
        from finemo_zarr.postprocess import compare_figure

        drawn = compare_figure(motifs, comparison.coefficients)
        for name in _FIGURES:
            drawn.savefig(folder / name, dpi=_DPI)


def _write_table(path: Path, tables: "Iterator[pl.DataFrame] | list[pl.DataFrame]") -> None:
    from finemo_zarr.postprocess import append_rows

    with path.open("wb") as file:
        for number, table in enumerate(tables):
            if number == 0:
                file.write(("\t".join(table.columns) + "\n").encode())
            append_rows(file, table)


def _summary(comparison: "Comparison", a: Location, b: Location) -> Iterator[str]:
    counts = comparison.counts
    sites = comparison.n_sites
    for name, hits, count, path in zip(
        "AB", (comparison.a, comparison.b), sites, (a, b), strict=True
    ):
        at = f" at {count:,} sites" if count < len(hits) else ""
        yield f"{name}: {len(hits):,} hits{at}, {path}"
    for status, of_a, of_b in (
        ("matched", True, True),
        ("moved", True, True),
        ("renamed", True, True),
        ("lost", True, False),
        ("new", False, True),
    ):
        shares = [
            f"{counts[status] / max(count, 1):.1%} of {name}"
            for name, count, shown in zip("AB", sites, (of_a, of_b), strict=True)
            if shown
        ]
        yield f"{status:<8} {counts[status]:>10,}  ({', '.join(shares)})"
    pearson, spearman = comparison.correlations()
    found = f"Pearson {pearson:.4f}, Spearman {spearman:.4f}"
    if isnan(pearson):
        found = "too few, or all the same, so there is no correlation"
    yield f"coefficients of matched hits: {found}"
