"""``collapse-hits``: mark the best of hits that overlap."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import click

from finemo_zarr.cli.hit_files import as_tables, is_hits_store
from finemo_zarr.cli.options import VariadicCommand, build, field_options, overwrite_option
from finemo_zarr.protocols import option
from finemo_zarr.store.locations import Location

if TYPE_CHECKING:
    from finemo_zarr.postprocess import CollapseCounts

_EPILOG = """\b
A table gets the column is_primary, 0 or 1; all else stays as it is, byte for byte. A store gets the
variable hit_is_primary. No hit is removed.

\b
Examples:
  finemo-zarr collapse-hits -i hits/hits.tsv -o hits/collapsed.tsv
  finemo-zarr collapse-hits -i hits -o collapsed.zarr --method greedy
  finemo-zarr collapse-hits -i hits -o collapsed.tsv.gz -O 0.5
"""


@dataclass(frozen=True)
class CollapseHits:
    """One field for each option."""

    hits: Location = option(
        "-i",
        "--hits",
        metavar="PATH",
        help="Hits: a table like hits.tsv (gzipped or not), a hits store, or a folder that"
        " call-hits wrote.",
    )
    out_path: Location = option(
        "-o",
        "--out-path",
        metavar="PATH",
        help="What to write: a table, or, from a store, either a store (.zarr) or a table (.tsv,"
        " .tsv.gz).",
    )
    overlap: float = option(
        "-O",
        "--overlap-frac",
        default=0.2,
        metavar="SHARE",
        help="Two hits overlap when their cores share at least this share of their mean length.",
    )
    method: Literal["pairwise", "greedy"] = option(
        "--method",
        default="pairwise",
        help="pairwise: of any two that overlap, the less similar one loses, even to one that lost"
        " itself. greedy: a hit loses only to one that is kept.",
    )

    def __post_init__(self) -> None:
        if not 0 <= self.overlap <= 1:
            raise ValueError(f"-O/--overlap-frac is {self.overlap}, expected a number from 0 to 1")


def make_command() -> click.Command:
    """Make the command."""
    return VariadicCommand(
        "collapse-hits",
        params=[*field_options(CollapseHits), overwrite_option()],
        callback=_run,
        help="Mark the best of hits that overlap, on one chromosome (in one region where there are"
        " no coordinates) and in one track: by hit_similarity, and on a tie the one that begins"
        " first. A hit without a similarity loses to any that has one.",
        short_help="Mark the best of hits that overlap.",
        epilog=_EPILOG,
    )


def _run(*, overwrite: bool, **values: Any) -> None:
    options = build(CollapseHits, values)
    counts = _collapse(options, overwrite=overwrite)
    click.echo(f"{counts.hits:,} hits, {counts.primary:,} of them primary: {options.out_path}")


def _collapse(options: CollapseHits, *, overwrite: bool) -> "CollapseCounts":
    from finemo_zarr.postprocess import collapse_hits

    source, out = options.hits, options.out_path
    if is_hits_store(source) and out.suffix != ".zarr":
        if not out.name.endswith((".tsv", ".tsv.gz")):
            raise click.UsageError(
                f"-o {out}: hits of a store are written as a store, whose name ends in .zarr, or "
                "as a table, .tsv or .tsv.gz"
            )
        with as_tables(source) as (table,):
            return collapse_hits(
                table, out, overlap=options.overlap, method=options.method, overwrite=overwrite
            )
    return collapse_hits(
        source, out, overlap=options.overlap, method=options.method, overwrite=overwrite
    )
