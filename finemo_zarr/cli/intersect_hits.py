"""``intersect-hits``: hits that stand in every one of several tables."""

from dataclasses import dataclass
from typing import Any

import click

from finemo_zarr.cli.hit_files import as_tables
from finemo_zarr.cli.options import VariadicCommand, build, field_options, overwrite_option
from finemo_zarr.protocols import option
from finemo_zarr.store.locations import Location

_EPILOG = """\b
Compared are: chr start end start_untrimmed end_untrimmed motif_name strand peak_name peak_id; with
-r: chr start_untrimmed end_untrimmed motif_name strand. Where all have tracks, the track; where a
hit has no chromosome, peak_id. The other columns of the second table get the suffix _1, those of
the third _2, and so on.

\b
Examples:
  finemo-zarr intersect-hits -i fold_0/hits.tsv fold_1/hits.tsv -o both.tsv
  finemo-zarr intersect-hits -r -i fold_0 fold_1 fold_2 -o all.tsv.gz
"""


@dataclass(frozen=True)
class IntersectHits:
    """One field for each option."""

    hits: tuple[Location, ...] = option(
        "-i",
        "--hits",
        metavar="PATH",
        help="Two or more: tables like hits.tsv (gzipped or not), hits stores, or folders that"
        " call-hits wrote.",
    )
    out_path: Location = option(
        "-o", "--out-path", metavar="FILE", help="The table to write; gzipped if it ends in .gz."
    )
    relaxed: bool = option(
        "-r",
        "--relaxed",
        default=False,
        help="Compare the place of the untrimmed motif only, not its core, nor the region.",
    )

    def __post_init__(self) -> None:
        if len(self.hits) < 2:
            raise ValueError(f"-i/--hits names {len(self.hits)} table, expected two or more")


def make_command() -> click.Command:
    """Make the command."""
    return VariadicCommand(
        "intersect-hits",
        params=[*field_options(IntersectHits), overwrite_option()],
        callback=_run,
        help="Write the hits that stand in all of several tables, with the columns of each, in the"
        " order of the first, chromosome by chromosome.",
        short_help="Join tables of hits by place and motif.",
        epilog=_EPILOG,
    )


def _run(*, overwrite: bool, **values: Any) -> None:
    from finemo_zarr.postprocess import intersect_hits

    options = build(IntersectHits, values)
    with as_tables(*options.hits) as tables:
        counts = intersect_hits(
            tables, options.out_path, relaxed=options.relaxed, overwrite=overwrite
        )
    for path, rows in zip(options.hits, counts.rows, strict=True):
        click.echo(f"{rows:,} hits: {path}")
    click.echo(f"{counts.joined:,} in all of them: {options.out_path}")
    if more := counts.joined - counts.keys:
        click.echo(
            f"{more:,} of these rows are there because a table has the same hit more than once: "
            f"each stands with each ({counts.keys:,} different hits)"
        )
