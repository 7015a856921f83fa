"""Hits stores into tables for other programs."""

from finemo_zarr.export.tsv import TABLES, write_tables

__all__ = ["TABLES", "write_tables"]
