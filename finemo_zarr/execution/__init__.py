"""Runs: score files into a regions store, a regions store into a hits store."""

from finemo_zarr.execution.call import call_hits
from finemo_zarr.execution.choose import choose_solver
from finemo_zarr.execution.extract import extract_regions
from finemo_zarr.execution.motif_sources import load_motifs
from finemo_zarr.execution.plan import Block, plan_blocks

__all__ = [
    "Block",
    "call_hits",
    "choose_solver",
    "extract_regions",
    "load_motifs",
    "plan_blocks",
]
