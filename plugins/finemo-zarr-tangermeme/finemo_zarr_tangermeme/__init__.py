"""Solvers and commands of finemo-zarr that rest on tangermeme and memelite."""

from typing import TYPE_CHECKING

from finemo_zarr.hookspecs import hookimpl

if TYPE_CHECKING:
    from finemo_zarr.protocols import Command, Solver

__version__ = "0.1.0"


@hookimpl
def register_solvers() -> "list[type[Solver]]":
    """Return the solvers of this plugin."""
    from finemo_zarr_tangermeme.fimo_attribution import FimoAttribution
    from finemo_zarr_tangermeme.seqlet_tomtom import SeqletTomtom

    return [SeqletTomtom, FimoAttribution]


@hookimpl
def register_commands() -> "list[type[Command]]":
    """Return the commands of this plugin, which need a model."""
    from finemo_zarr_tangermeme.attribute import Attribute
    from finemo_zarr_tangermeme.marginalize import Marginalize
    from finemo_zarr_tangermeme.syntax import Syntax

    return [Attribute, Marginalize, Syntax]
