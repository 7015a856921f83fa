"""Hits stores into files for other programs.

A format is one entry of :data:`FORMATS`: a name, and a function that writes a hits store to a path.
"""

from finemo_zarr.export._formats import (
    FORMATS,
    OUTPUT_NAMES,
    Format,
    check_formats,
    export_hits,
    write_formats,
)
from finemo_zarr.export._source import ExportOptions
from finemo_zarr.export.tsv import TABLES, write_tables

__all__ = [
    "FORMATS",
    "OUTPUT_NAMES",
    "TABLES",
    "ExportOptions",
    "Format",
    "check_formats",
    "export_hits",
    "write_formats",
    "write_tables",
]
