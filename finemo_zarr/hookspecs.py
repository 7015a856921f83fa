"""The hooks that a plugin can implement.

A plugin is a module or object named by an entry point of the group ``finemo_zarr``::

    from finemo_zarr.hookspecs import hookimpl

    @hookimpl
    def register_readers():
        return [MyReader]
"""

from collections.abc import Iterable

import pluggy

from finemo_zarr.protocols import Command, MotifReader, Reader, Solver

PROJECT = "finemo_zarr"

hookspec = pluggy.HookspecMarker(PROJECT)
hookimpl = pluggy.HookimplMarker(PROJECT)


@hookspec
def register_readers() -> Iterable[type[Reader]]:  # type: ignore[empty-body]
    """Reader classes; each becomes a command ``extract-regions-<name>``."""


@hookspec
def register_motif_readers() -> Iterable[type[MotifReader]]:  # type: ignore[empty-body]
    """Motif reader classes; ``call-hits -m`` asks each whether it can read the file."""


@hookspec
def register_solvers() -> Iterable[type[Solver]]:  # type: ignore[empty-body]
    """Solver classes; each becomes a choice of ``call-hits --solver``."""


@hookspec
def register_commands() -> Iterable[type[Command]]:  # type: ignore[empty-body]
    """Command classes; each becomes ``finemo-zarr <name>``."""
