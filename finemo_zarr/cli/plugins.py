"""``plugins``: what is installed, and what failed to load."""

import click

from finemo_zarr.registry import PluginRow, plugin_status

_EPILOG = """\b
Examples:
  finemo-zarr plugins

Readers become commands (extract-regions-NAME), solvers are chosen with call-hits --solver, motif
readers are asked by call-hits -m, commands are commands.
"""


def make_command() -> click.Command:
    """Make the command."""
    return click.Command(
        "plugins",
        callback=_run,
        help="List readers, motif readers, solvers and commands of plugins with the distribution"
        " each comes from, and what failed to load and why.",
        short_help="List what is installed, and what failed to load.",
        epilog=_EPILOG,
    )


def _run() -> None:
    rows = plugin_status()
    loaded = [row for row in rows if not row.error]
    table = [("kind", "name", "from", "summary"), *map(_cells, loaded)]
    widths = [max(len(row[column]) for row in table) for column in range(3)]
    for *cells, summary in table:
        padded = [cell.ljust(width) for cell, width in zip(cells, widths, strict=True)]
        click.echo("  ".join([*padded, summary]).rstrip())
    for row in rows:
        if row.error:
            click.echo(f"not loaded: {row.name} of {row.distribution} {row.version}: {row.error}")


def _cells(row: PluginRow) -> tuple[str, str, str, str]:
    return row.kind, row.name, f"{row.distribution} {row.version}".strip(), row.summary
