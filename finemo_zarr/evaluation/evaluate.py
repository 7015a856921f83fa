"""All numbers of a report, together."""

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from finemo_zarr.evaluation._instances import Instances, MotifTable, hit_instances
from finemo_zarr.evaluation.known_motifs import match_known_motifs
from finemo_zarr.evaluation.mean_scores import cwm_similarity, mean_scores
from finemo_zarr.evaluation.occurrence import co_occurrence, occurrence
from finemo_zarr.evaluation.quality import (
    Finding,
    findings,
    hit_quality,
    motif_quality,
    seqlets_off,
)
from finemo_zarr.evaluation.reconstruction import reconstruction
from finemo_zarr.evaluation.seqlets import (
    PlacedSeqlets,
    compare_with_seqlets,
    seqlet_confusion,
    seqlet_recall,
)
from finemo_zarr.store import HitsStore

if TYPE_CHECKING:
    import xarray as xr


_SURE = 0.05


class Evaluation(NamedTuple):
    """What is known of the hits of a store.

    Parameters
    ----------
    motifs : xarray.Dataset
        One entry for each motif, strands together: counts, recall, similarity, quality; after
        `call-hits --fdr`, ``num_hits_q05``, hits with a q-value of at most 0.05.
    regions : xarray.Dataset
        One for each region: ``num_hits``, and ``explained``, ``covered`` where scores are given.
    hits : xarray.Dataset
        One for each hit: what deserves a second look.
    occurrences, co_occurrences : xarray.Dataset
        See :func:`occurrence` and :func:`co_occurrence`.
    means : xarray.Dataset, optional
        Mean scores and bases of the sets ``hits``, and, with seqlets, ``seqlets``,
        ``seqlets_only`` and ``hits_only``; where scores are given.
    confusion : xarray.Dataset, optional
        See :func:`seqlet_confusion`.
    known : xarray.Dataset, optional
        See :func:`match_known_motifs`.
    findings : list of Finding
        What stands out, in words.
    """

    motifs: "xr.Dataset"
    regions: "xr.Dataset"
    hits: "xr.Dataset"
    occurrences: "xr.Dataset"
    co_occurrences: "xr.Dataset"
    means: "xr.Dataset | None"
    confusion: "xr.Dataset | None"
    known: "xr.Dataset | None"
    findings: list[Finding]


def evaluate(
    hits: HitsStore,
    regions: "xr.Dataset | None" = None,
    *,
    seqlets: PlacedSeqlets | None = None,
    known_motifs: "xr.Dataset | None" = None,
) -> Evaluation:
    """Compute every number that a report shows.

    Parameters
    ----------
    hits : HitsStore
        A hits store, of one track; see :func:`select_track`.
    regions : xarray.Dataset, optional
        Its regions with scores, without tracks. Without them, mean scores and explained shares
        are left out.
    seqlets : PlacedSeqlets, optional
        What TF-MoDISco found, from :func:`place_seqlets`.
    known_motifs : xarray.Dataset, optional
        Motifs of a database, to name ours by.

    Returns
    -------
    Evaluation
        Datasets, in memory.
    """
    occurrences = occurrence(hits)
    by_hit = hit_quality(hits)
    motifs = motif_quality(hits, by_hit)
    motifs = motifs.assign(num_regions=("motif", occurrences["n_regions"].values))
    if "hit_qvalue" in hits.hits:
        motifs = motifs.assign(num_hits_q05=("motif", _sure(hits)))
    by_region: dict[str, Any] = {"num_hits": ("region", occurrences["total"].values)}
    confusion = means = known = None
    if seqlets is not None:
        motifs = motifs.merge(seqlet_recall(hits, seqlets), combine_attrs="no_conflicts")
        confusion = seqlet_confusion(hits, seqlets)
    if regions is not None:
        means, similarity = _means(hits, regions, seqlets)
        motifs = motifs.merge(similarity)
        built = reconstruction(hits, regions)
        motifs = motifs.assign(explained=built["motif_explained"])
        by_region |= {name: built[name] for name in ("explained", "covered")}
    if known_motifs is not None:
        known = match_known_motifs(hits.motifs, known_motifs)
    return Evaluation(
        motifs,
        _dataset(by_region),
        by_hit,
        occurrences,
        co_occurrence(occurrences),
        means,
        confusion,
        known,
        [*_about_all(hits, seqlets, motifs), *findings(motifs)],
    )


def _sure(hits: HitsStore) -> NDArray[np.int64]:
    """Hits of each motif with a q-value over all motifs of at most 0.05."""
    table = MotifTable.of(hits.motifs)
    sure = hits.hits["hit_qvalue"].values <= _SURE
    motif = table.of_oriented[hits.hits["hit_motif"].values[sure]]
    return np.bincount(motif, minlength=len(table.names)).astype(np.int64)


def _dataset(values: dict[str, Any]) -> "xr.Dataset":
    import xarray as xr

    return xr.Dataset(values)


def _means(
    hits: HitsStore, regions: "xr.Dataset", seqlets: PlacedSeqlets | None
) -> tuple["xr.Dataset", "xr.Dataset"]:
    table = MotifTable.of(hits.motifs)
    sets: dict[str, Instances] = {"hits": hit_instances(hits).unique()}
    if seqlets is not None:
        compared = compare_with_seqlets(hits, seqlets)
        sets |= {
            "seqlets": seqlets.instances,
            "seqlets_only": compared.seqlets_only,
            "hits_only": compared.hits_only,
        }
    means = mean_scores(regions, table, sets)
    similarity = cwm_similarity(means, hits.motifs, table)
    of_hits = similarity.sel(set="hits", drop=True)
    if seqlets is not None:
        # Where seqlets do not lie where they should, their mean is not the CWM.
        of_seqlets = similarity["cwm_similarity"].sel(set="seqlets", drop=True)
        of_hits = of_hits.assign(seqlet_cwm_similarity=of_seqlets)
    return means, of_hits


def _about_all(
    hits: HitsStore, seqlets: PlacedSeqlets | None, motifs: "xr.Dataset"
) -> list[Finding]:
    found = []
    missed = int((~hits.qc["qc_converged"].values).sum())
    if missed:
        what = f"{missed:,} of {hits.qc.sizes['region']:,} regions did not converge"
        found.append(Finding("", what, "raise --max-steps; peaks_qc.tsv names them"))
    if seqlets is not None and seqlets.n_elsewhere:
        what = f"{seqlets.n_elsewhere:,} seqlets lie in no region of the store and are not counted"
        found.append(Finding("", what, "call hits in the regions that TF-MoDISco saw, too"))
    width = int(hits.regions.attrs["region_width"])
    if seqlets is not None and seqlets.window > width:
        what = (
            f"TF-MoDISco is said to have seen {seqlets.window:,} bp, more than the {width:,} bp of"
            " the regions, outside of which no seqlet can be a hit"
        )
        advice = "check that width (-W); if it is right, extract regions as wide"
        found.append(Finding("", what, advice))
    if (likeness := seqlets_off(motifs)) is not None:
        what = (
            f"the scores at the seqlets resemble their motifs by {likeness:.2f} only (median), so"
            " that the seqlets are not where they are looked for, and recall means nothing"
        )
        advice = "check the width that TF-MoDISco saw (-W) and its peaks (--modisco-peaks)"
        found.append(Finding("", what, advice))
    return found
