"""Every number that a report shows, as functions from datasets to datasets."""

from finemo_zarr.evaluation._instances import Instances, MotifTable
from finemo_zarr.evaluation.evaluate import Evaluation, evaluate
from finemo_zarr.evaluation.known_motifs import match_known_motifs
from finemo_zarr.evaluation.mean_scores import mean_scores
from finemo_zarr.evaluation.occurrence import co_occurrence, occurrence
from finemo_zarr.evaluation.quality import Finding, findings, hit_quality, motif_quality
from finemo_zarr.evaluation.reconstruction import reconstruct, reconstruction
from finemo_zarr.evaluation.seqlets import (
    PlacedSeqlets,
    compare_with_seqlets,
    place_seqlets,
    seqlet_confusion,
    seqlet_recall,
)
from finemo_zarr.evaluation.similarity import motif_similarity
from finemo_zarr.evaluation.summary import summarise
from finemo_zarr.evaluation.tracks import select_scores, select_track

__all__ = [
    "Evaluation",
    "Finding",
    "Instances",
    "MotifTable",
    "PlacedSeqlets",
    "co_occurrence",
    "compare_with_seqlets",
    "evaluate",
    "findings",
    "hit_quality",
    "match_known_motifs",
    "mean_scores",
    "motif_quality",
    "motif_similarity",
    "occurrence",
    "place_seqlets",
    "reconstruct",
    "reconstruction",
    "select_scores",
    "select_track",
    "seqlet_confusion",
    "seqlet_recall",
    "summarise",
]
