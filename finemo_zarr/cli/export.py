"""``export``: a hits store as files for other programs."""

from dataclasses import dataclass
from typing import Any

import click

from finemo_zarr.cli.options import VariadicCommand, build, field_options, overwrite_option
from finemo_zarr.export import FORMATS, ExportOptions
from finemo_zarr.protocols import option
from finemo_zarr.store.locations import Location

_EPILOG = """\b
Examples:
  finemo-zarr export -F bigbed -i hits -o hits.bb --chrom-sizes hg38.chrom.sizes
  finemo-zarr export -F parquet -i hits -o ctcf.parquet --motifs CTCF --max-qvalue 0.05
  finemo-zarr export -F session -i hits -r regions.zarr -o session --genome hg38
"""


@dataclass(frozen=True)
class Export:
    """One field for each option, beside those of :class:`ExportOptions`."""

    format: str = option("-F", "--format", metavar="NAME", help="What to write, see below.")
    hits: Location = option(
        "-i", "--hits", metavar="PATH", help="A hits store, or a folder that call-hits wrote."
    )
    out_path: Location = option(
        "-o", "--out-path", metavar="PATH", help="File to write; tsv and session are folders."
    )


def make_command() -> click.Command:
    """Make the command."""
    own = field_options(Export)
    own[0].type = click.Choice(list(FORMATS))
    return VariadicCommand(
        "export",
        params=[*own, *field_options(ExportOptions), overwrite_option()],
        callback=_run,
        help="Write the hits of a store, or its motifs, in a format that other programs read.",
        short_help="Write hits for other programs.",
        epilog=f"{_format_list()}\n\n{_EPILOG}",
    )


def _format_list() -> str:
    width = max(map(len, FORMATS))
    lines = (f"  {name.ljust(width)}  {made.summary}" for name, made in FORMATS.items())
    return "\n".join(["\b", "Formats:", *lines])


def _run(*, overwrite: bool, **values: Any) -> None:
    from finemo_zarr.export import export_hits

    asked, options = build(Export, values), build(ExportOptions, values)
    count = export_hits(
        asked.hits, asked.format, asked.out_path, options=options, overwrite=overwrite
    )
    click.echo(f"{count:,} {FORMATS[asked.format].counts}: {asked.out_path}")
