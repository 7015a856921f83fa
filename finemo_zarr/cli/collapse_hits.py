"""``collapse-hits``: mark the best of hits that overlap."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import click

from finemo_zarr.cli.hit_files import as_tables, is_hits_store
from finemo_zarr.cli.options import VariadicCommand, build, field_options, overwrite_option
from finemo_zarr.postprocess.cluster import ClusterOptions
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
  finemo-zarr collapse-hits -i hits -o sites.tsv --method cluster --max-dist -3 --by-motif
"""
_OVERLAP = 0.2


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
    overlap: float | None = option(
        "-O",
        "--overlap-frac",
        default=None,
        metavar="SHARE",
        help="pairwise and greedy: two hits overlap when their cores share at least this share of"
        " their mean length. [default: 0.2]",
    )
    method: Literal["pairwise", "greedy", "cluster"] = option(
        "--method",
        default="pairwise",
        help="pairwise: of any two that overlap, the less similar one loses, even to one that lost"
        " itself. greedy: a hit loses only to one that is kept. cluster: hits that overlap or touch"
        " are linked, and of each chain of links the best is kept.",
    )
    max_dist: int = option(
        "--max-dist",
        default=0,
        metavar="BP",
        help="cluster: a hit is linked if it begins at most so far behind the end of those before;"
        " 0 links what overlaps or touches, -3 what shares three bases.",
    )
    by_motif: bool = option(
        "--by-motif",
        default=False,
        help="cluster: link only hits of one motif, on either strand.",
    )
    merge_coordinates: bool = option(
        "--merge-coordinates",
        default=False,
        help="cluster: give the best hit the start and end of its chain; for tables.",
    )
    score: str = option(
        "--score",
        default="hit_similarity",
        metavar="NAME",
        help="cluster: column of the table, or variable of the store, whose largest number is the"
        " best.",
    )

    def __post_init__(self) -> None:
        if self.overlap is not None and not 0 <= self.overlap <= 1:
            raise ValueError(f"-O/--overlap-frac is {self.overlap}, expected a number from 0 to 1")
        if self.method == "cluster" and self.overlap is not None:
            raise ValueError("-O/--overlap-frac is not for --method cluster: give --max-dist")
        if self.method != "cluster" and self.clusters != ClusterOptions():
            raise ValueError(
                "--max-dist, --by-motif, --merge-coordinates and --score are for --method cluster"
            )

    @property
    def clusters(self) -> ClusterOptions:
        """What ``--method cluster`` is told."""
        return ClusterOptions(self.max_dist, self.by_motif, self.merge_coordinates, self.score)


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
    source, out = options.hits, options.out_path
    if is_hits_store(source) and out.suffix != ".zarr":
        if not out.name.endswith((".tsv", ".tsv.gz")):
            raise click.UsageError(
                f"-o {out}: hits of a store are written as a store, whose name ends in .zarr, or "
                "as a table, .tsv or .tsv.gz"
            )
        with as_tables(source) as (table,):
            return _write(table, options, overwrite=overwrite)
    return _write(source, options, overwrite=overwrite)


def _write(source: Location, options: CollapseHits, *, overwrite: bool) -> "CollapseCounts":
    from finemo_zarr.postprocess import cluster_hits, collapse_hits

    if options.method == "cluster":
        return cluster_hits(source, options.out_path, options.clusters, overwrite=overwrite)
    return collapse_hits(
        source,
        options.out_path,
        overlap=_OVERLAP if options.overlap is None else options.overlap,
        method=options.method,
        overwrite=overwrite,
    )
