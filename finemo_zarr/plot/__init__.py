"""Every figure, one function each; all return matplotlib axes."""

from finemo_zarr.plot.counts import (
    explained_share,
    hits_against_seqlets,
    hits_per_motif,
    hits_per_region,
    score_distributions,
)
from finemo_zarr.plot.glyphs import COLOURS, CORE_SHADE, GLYPHS
from finemo_zarr.plot.heatmaps import cluster_order, motif_heatmap
from finemo_zarr.plot.logos import logo, logo_svg

__all__ = [
    "COLOURS",
    "CORE_SHADE",
    "GLYPHS",
    "cluster_order",
    "explained_share",
    "hits_against_seqlets",
    "hits_per_motif",
    "hits_per_region",
    "logo",
    "logo_svg",
    "motif_heatmap",
    "score_distributions",
]
