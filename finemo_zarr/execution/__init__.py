"""Runs: score files into a regions store, a regions store into a hits store."""

from finemo_zarr.execution.call import CallJob, call_hits
from finemo_zarr.execution.choose import choose_solver
from finemo_zarr.execution.extract import extract_regions
from finemo_zarr.execution.motif_sources import load_motifs
from finemo_zarr.execution.options import CallOptions
from finemo_zarr.execution.plan import Block, plan_blocks
from finemo_zarr.execution.run import is_finished

__all__ = [
    "Block",
    "CallJob",
    "CallOptions",
    "call_hits",
    "choose_solver",
    "extract_regions",
    "is_finished",
    "load_motifs",
    "plan_blocks",
]
