"""What is done with hits after they are called.

Collapse, intersect, compare, annotate; modules of their own filter (:mod:`.filters`), merge the
heads of a model (:mod:`.heads`) and find motifs at a fixed spacing (:mod:`.composites`).
"""

from finemo_zarr.postprocess._columns import HitColumns, hit_columns, read_hits
from finemo_zarr.postprocess._compare_figure import compare_figure
from finemo_zarr.postprocess._statuses import STATUSES
from finemo_zarr.postprocess._tables import HitTable, append_rows, new_table
from finemo_zarr.postprocess.annotate import (
    AnnotateCounts,
    Annotations,
    annotate_hits,
    annotate_table,
    variant_hits,
    variants_path,
)
from finemo_zarr.postprocess.cluster import ClusterOptions, Clusters, cluster, cluster_hits
from finemo_zarr.postprocess.collapse import CollapseCounts, collapse, collapse_hits
from finemo_zarr.postprocess.compare import Comparison, compare
from finemo_zarr.postprocess.intersect import IntersectCounts, intersect, intersect_hits

__all__ = [
    "STATUSES",
    "AnnotateCounts",
    "Annotations",
    "ClusterOptions",
    "Clusters",
    "CollapseCounts",
    "Comparison",
    "HitColumns",
    "HitTable",
    "IntersectCounts",
    "annotate_hits",
    "annotate_table",
    "append_rows",
    "cluster",
    "cluster_hits",
    "collapse",
    "collapse_hits",
    "compare",
    "compare_figure",
    "hit_columns",
    "intersect",
    "intersect_hits",
    "new_table",
    "read_hits",
    "variant_hits",
    "variants_path",
]
