"""What is done with hits after they are called: collapse, intersect, compare, annotate."""

from finemo_zarr.postprocess._columns import HitColumns, hit_columns, read_hits
from finemo_zarr.postprocess._compare_figure import compare_figure
from finemo_zarr.postprocess._statuses import STATUSES
from finemo_zarr.postprocess._tables import HitTable, append_rows
from finemo_zarr.postprocess.annotate import (
    AnnotateCounts,
    Annotations,
    annotate_hits,
    annotate_table,
    variant_hits,
    variants_path,
)
from finemo_zarr.postprocess.collapse import CollapseCounts, collapse, collapse_hits
from finemo_zarr.postprocess.compare import Comparison, compare
from finemo_zarr.postprocess.intersect import IntersectCounts, intersect, intersect_hits

__all__ = [
    "STATUSES",
    "AnnotateCounts",
    "Annotations",
    "CollapseCounts",
    "Comparison",
    "HitColumns",
    "HitTable",
    "IntersectCounts",
    "annotate_hits",
    "annotate_table",
    "append_rows",
    "collapse",
    "collapse_hits",
    "compare",
    "compare_figure",
    "hit_columns",
    "intersect",
    "intersect_hits",
    "read_hits",
    "variant_hits",
    "variants_path",
]
