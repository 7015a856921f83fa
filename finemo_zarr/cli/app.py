"""The command group: names are listed at once, commands are imported when they are asked for."""

from importlib import import_module

import click

from finemo_zarr import __version__

_READER_PREFIX = "extract-regions-"
_COMMANDS = {
    "call-hits": "call_hits",
    "report": "report",
    "export": "export",
    "annotate-hits": "annotate_hits",
    "collapse-hits": "collapse_hits",
    "filter-hits": "filter_hits",
    "intersect-hits": "intersect_hits",
    "merge-heads": "merge_heads",
    "find-composites": "find_composites",
    "compare-hits": "compare_hits",
    "which": "which",
    "compare-callers": "compare_callers",
    "info": "info",
    "check": "check",
    "plugins": "plugins",
}


class LazyGroup(click.Group):
    """A group that finds a command in the module of its name, or by the name of a reader.

    While a command runs, `resumes` says whether it goes on where it was if it is started again.
    """

    resumes = False

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Return the command that was asked for, and its arguments."""
        name, command, rest = super().resolve_command(ctx, args)
        self.resumes = getattr(command, "resumes", False)
        return name, command, rest

    def list_commands(self, _ctx: click.Context) -> list[str]:
        """Names of the commands, in workflow order."""
        from finemo_zarr.registry import commands, readers

        return [*(f"{_READER_PREFIX}{name}" for name in readers()), *_COMMANDS, *commands()]

    def get_command(self, _ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Return the command of a name."""
        if cmd_name in _COMMANDS:
            module = import_module(f"finemo_zarr.cli.{_COMMANDS[cmd_name]}")
            command: click.Command = module.make_command()
            return command
        if cmd_name.startswith(_READER_PREFIX):
            from finemo_zarr.cli.extract_regions import make_command
            from finemo_zarr.registry import readers

            reader = readers().get(cmd_name.removeprefix(_READER_PREFIX))
            return None if reader is None else make_command(reader)
        from finemo_zarr.cli.plugin_command import make_command as make_plugin_command
        from finemo_zarr.registry import commands

        own = commands().get(cmd_name)
        return None if own is None else make_plugin_command(own)


@click.group(
    cls=LazyGroup,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="""\b
Examples:
  finemo-zarr extract-regions-bw -p peaks.narrowPeak -f genome.fa -b scores.bw -o regions.zarr
  finemo-zarr call-hits -r regions.zarr -m modisco.h5 -o hits
  finemo-zarr info hits
""",
)
@click.version_option(__version__, "-V", "--version", message="finemo-zarr %(version)s")
def app() -> None:
    """Call motif instances in neural-network contribution scores.

    First turn score files into a regions store (extract-regions-*), then call the hits of your
    motifs in it (call-hits).
    """
