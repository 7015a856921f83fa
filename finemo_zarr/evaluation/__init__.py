"""Numbers about hits, from datasets to datasets."""

from finemo_zarr.evaluation.summary import summarise

__all__ = ["summarise"]
