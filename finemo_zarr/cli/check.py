"""``check``: whether a store is what was written."""

import sys
from typing import TYPE_CHECKING

import click

from finemo_zarr.cli.options import LocationType

if TYPE_CHECKING:
    from finemo_zarr.store import Location

_EPILOG = """\b
Examples:
  finemo-zarr check regions.zarr
  finemo-zarr check hits

\b
Exit code 0 if all is well, 1 if something is damaged or not finished.
"""


def make_command() -> click.Command:
    """Make the command."""
    return click.Command(
        "check",
        params=[
            click.Argument(["store"], type=LocationType()),
            click.Option(
                ["--jobs"],
                type=click.IntRange(min=1),
                metavar="N",
                help="Number of threads; by default one for each core.",
            ),
        ],
        callback=_run,
        help="Look through all of a STORE: format, checksums of all chunks, digests of what was"
        " written, whether hits lie in their regions and in order, whether tables are whole. Says"
        " what is damaged and what is safe. STORE is a regions store, a hits store, or a folder"
        " that call-hits wrote.",
        short_help="Look for damage in a store.",
        epilog=_EPILOG,
    )


def _run(store: "Location", jobs: int | None) -> None:
    from finemo_zarr.execution.check import check_store

    report = check_store(store, jobs=jobs)
    width = max(len(what) for what, _, _ in report.findings)
    click.echo(report.path)
    for what, state, details in report.findings:
        shown = state if state == "ok" else state.upper()
        click.echo(f"  {what.ljust(width)}  {shown.ljust(10)}  {details}".rstrip())
    if report.state != "ok":
        sys.exit(1)
