"""Commands of plugins: a class becomes a command, its fields the options."""

from typing import Any

import click

from finemo_zarr.cli.options import VariadicCommand, build, check_flags, field_options
from finemo_zarr.protocols import Command


def make_command(cls: type[Command]) -> click.Command:
    """Make the command of a class from its fields.

    Raises
    ------
    PluginError
        If two of its options use one flag.
    """
    options = field_options(cls)
    check_flags(options, f"command {cls.name}")
    examples = getattr(cls, "examples", "")

    def run(**values: Any) -> None:
        said = build(cls, values).run()
        if said:
            click.echo(said)

    return VariadicCommand(
        cls.name,
        params=list(options),
        callback=run,
        help=cls.summary,
        short_help=cls.summary,
        epilog=f"\b\nExamples:\n{examples.strip(chr(10))}" if examples else None,
        resumes=getattr(cls, "resumes", False),
    )
