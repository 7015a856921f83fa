"""What may be wrong with hits, and with motifs: counted for each, with what to do about it."""

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from finemo_zarr.evaluation._instances import Instances, MotifTable, Places, hit_instances
from finemo_zarr.evaluation.seqlets import overlapping_cores
from finemo_zarr.evaluation.similarity import motif_similarity
from finemo_zarr.motifs import reachable_similarity
from finemo_zarr.store import HitsStore

if TYPE_CHECKING:
    import xarray as xr

_SAME_PLACE = 0.5


def hit_quality(hits: HitsStore) -> "xr.Dataset":
    """Mark hits that deserve a second look.

    Parameters
    ----------
    hits : HitsStore
        A hits store, of one track.

    Returns
    -------
    xarray.Dataset
        Arrays ``(hit,)``, in the order of the store: ``hit_repeats``, hits of the same motif in the
        region, itself among them; ``hit_rivals``, hits of other motifs whose cores share at least
        half of the shorter core; ``hit_other_strand``, whether such a hit is one of the same motif
        on the other strand; ``hit_at_edge``, whether the untrimmed motif reaches over the end of
        the region; ``hit_converged``, whether its region did.
    """
    import xarray as xr

    motifs, places = MotifTable.of(hits.motifs), Places.of(hits)
    found = hit_instances(hits)
    rivals, split = _neighbours(found, motifs)[:2]
    size = len(motifs.names)
    cell = found.region * size + found.motif
    _, inverse, counts = np.unique(cell, return_inverse=True, return_counts=True)
    end = found.start + motifs.width[found.motif]
    values: dict[str, Any] = {
        "hit_repeats": counts[inverse],
        "hit_rivals": rivals,
        "hit_other_strand": split,
        "hit_at_edge": (found.start < 0) | (end > places.width[found.region]),
        "hit_converged": hits.qc["qc_converged"].values[found.region],
    }
    return xr.Dataset({name: ("hit", column) for name, column in values.items()})


class _Neighbours(NamedTuple):
    rivals: NDArray[np.int64]
    other_strand: NDArray[np.bool_]
    competition: NDArray[np.int64]


def _neighbours(found: Instances, motifs: MotifTable) -> _Neighbours:
    """Find hits at the place of others; `competition` counts them by motif and motif."""
    # In one region only: where regions overlap, the same site is found in each of them.
    own = found._replace(group=found.region, position=found.start)
    left, right = overlapping_cores(own, own, _SAME_PLACE)
    same = found.motif[left] == found.motif[right]
    rivals = np.bincount(left[~same], minlength=len(found.motif)).astype(np.int64)
    turned = same & (found.reverse[left] != found.reverse[right])
    other_strand = np.bincount(left[turned], minlength=len(found.motif)) > 0
    size = len(motifs.names)
    pairs = np.unique(left[~same] * size + found.motif[right[~same]])
    cell = found.motif[pairs // size] * size + pairs % size
    competition = np.bincount(cell, minlength=size * size).reshape(size, size)
    return _Neighbours(rivals, other_strand, competition.astype(np.int64))


def motif_quality(hits: HitsStore, by_hit: "xr.Dataset") -> "xr.Dataset":
    """Say of each motif how many of its hits deserve a second look, and why.

    Parameters
    ----------
    hits : HitsStore
        A hits store, of one track.
    by_hit : xarray.Dataset
        From :func:`hit_quality`.

    Returns
    -------
    xarray.Dataset
        Arrays ``(motif,)``: ``num_hits``; ``hits_per_region``, among regions with a hit, and
        ``most_in_a_region``; the shares of hits ``at_edge_share``, ``unconverged_share``,
        ``other_strand_share`` and ``rival_share`` (see :func:`hit_quality`); ``rival``, the motif
        that most often lies at the same place, ``rival_hits``, how many hits share their place with
        it, and ``rival_similarity``, the cosine of the two cores; ``reachable``, the largest
        similarity that a hit can have, and ``lambda``. Shares are NaN without hits.
    """
    import xarray as xr

    table = MotifTable.of(hits.motifs)
    found = hit_instances(hits)
    size = len(table.names)
    count = np.bincount(found.motif, minlength=size)
    regions = np.bincount(np.unique(found.region * size + found.motif) % size, minlength=size)
    most = np.zeros(size, dtype=np.int64)
    np.maximum.at(most, found.motif, by_hit["hit_repeats"].values)
    competition = _neighbours(found, table).competition
    rival = competition.argmax(axis=1) if size else np.zeros(0, np.int64)
    rival_hits = competition[np.arange(size), rival]
    similarity = motif_similarity(hits.motifs)["motif_similarity"].values

    def share(marked: NDArray[np.bool_]) -> NDArray[np.float64]:
        return _ratio(np.bincount(found.motif[marked], minlength=size), count)

    columns: dict[str, Any] = {
        "num_hits": count,
        "hits_per_region": _ratio(count, regions),
        "most_in_a_region": most,
        "at_edge_share": share(by_hit["hit_at_edge"].values),
        "unconverged_share": share(~by_hit["hit_converged"].values),
        "other_strand_share": share(by_hit["hit_other_strand"].values),
        "rival_share": share(by_hit["hit_rivals"].values > 0),
        "rival": np.where(rival_hits > 0, table.names.astype(object)[rival], ""),
        "rival_hits": rival_hits,
        "rival_similarity": np.where(rival_hits > 0, similarity[np.arange(size), rival], np.nan),
        "reachable": reachable_similarity(hits.motifs)[table.oriented[:, 0]],
        "lambda": hits.motifs["motif_lambda"].values[table.oriented[:, 0]],
    }
    return xr.Dataset(
        {name: ("motif", values) for name, values in columns.items()},
        coords={"motif": table.names},
    )


def _ratio(part: Any, whole: Any) -> NDArray[np.float64]:
    filled = np.full(np.shape(whole), np.nan)
    result: NDArray[np.float64] = np.divide(part, whole, out=filled, where=np.asarray(whole) > 0)
    return result


class Finding(NamedTuple):
    """Something to look at: which motif (or "" for all), what was found, what to do about it."""

    motif: str
    what: str
    advice: str


class _Rule(NamedTuple):
    column: str
    threshold: float
    what: str
    advice: str


_RULES = (
    _Rule(
        "hits_per_region",
        5.0,
        "{0:.1f} hits in each region that has one, up to {most_in_a_region}",
        "look at them in the examples: a real array of sites, or low complexity; keep the best of"
        " overlapping hits with collapse-hits, or raise its lambda with -L",
    ),
    _Rule(
        "other_strand_share",
        0.1,
        "{0:.0%} of its hits lie on a hit of the same motif on the other strand",
        "nearly a palindrome: count sites, not hits, after collapse-hits",
    ),
    _Rule(
        "rival_share",
        0.2,
        "{0:.0%} of its hits share their place with another motif, mostly {rival}"
        " (similarity of the cores {rival_similarity:.2f})",
        "two motifs explain the same bases: if they are one factor, leave one out with -I or merge"
        " them in TF-MoDISco; else collapse-hits keeps the better",
    ),
    _Rule(
        "at_edge_share",
        0.05,
        "{0:.0%} of its hits reach over the end of their region",
        "their flanks were not seen: extract wider regions, or call with --placement full",
    ),
    _Rule(
        "unconverged_share",
        0.01,
        "{0:.0%} of its hits lie in regions that did not converge",
        "raise --max-steps, or leave these regions out (peaks_qc.tsv)",
    ),
)
_SIMILAR_ENOUGH = 0.9
_MANY = 20
_FLANKED = 0.1
_FLANK_ALIKE = 0.5
_RECALLED = 0.5
_PLACED = 0.9


def seqlets_off(by_motif: "xr.Dataset") -> float | None:
    """Median cosine of the scores at seqlets with the CWMs, if too low for their places."""
    if "seqlet_cwm_similarity" not in by_motif:
        return None
    values = by_motif["seqlet_cwm_similarity"].values
    values = values[np.isfinite(values)]
    if not values.size or np.median(values) >= _PLACED:
        return None
    return float(np.median(values))


def findings(by_motif: "xr.Dataset") -> list[Finding]:
    """Put into words what stands out in the motif table.

    Parameters
    ----------
    by_motif : xarray.Dataset
        From :func:`motif_quality`, perhaps with ``cwm_similarity``.

    Returns
    -------
    list of Finding
        By motif, in their order.
    """
    found = []
    if seqlets_off(by_motif) is not None:  # their recall says nothing of the hits
        by_motif = by_motif.drop_vars("num_seqlets")
    for index, name in enumerate(by_motif["motif"].values):
        row = {str(key): column.values[index] for key, column in by_motif.data_vars.items()}
        found += [
            Finding(str(name), rule.what.format(row[rule.column], **row), rule.advice)
            for rule in _RULES
            if row[rule.column] > rule.threshold
        ]
        found += _about_cwm(str(name), row)
    return found


def _about_cwm(name: str, row: dict[str, Any]) -> list[Finding]:
    if row["reachable"] < row["lambda"]:
        return [
            Finding(
                name,
                f"can never be called: its similarity cannot pass {row['reachable']:.2f}, and"
                f" lambda is {row['lambda']:g}",
                "lower its lambda with -L, or call with --normalize core",
            )
        ]
    if not row["num_hits"]:
        advice = "lower its lambda with -L, or the threshold of the solver, if sites are expected"
        return [Finding(name, "has no hit", advice)]
    found = []
    if row["num_hits"] >= _MANY and row.get("cwm_similarity", 1.0) < _SIMILAR_ENOUGH:
        found.append(
            Finding(
                name,
                f"the mean of its hits resembles its CWM by {row['cwm_similarity']:.2f} only",
                "its hits are another motif, or a mixture: look at the logos, raise its lambda",
            )
        )
    if (
        row["num_hits"] >= _MANY
        and row.get("flank_share", 0.0) > _FLANKED
        and row["flank_similarity"] < _FLANK_ALIKE
    ):
        found.append(
            Finding(
                name,
                f"outside of the core, its hits resemble its CWM by {row['flank_similarity']:.2f}"
                f" only, and {row['flank_share']:.0%} of the CWM lies there",
                "the core is too short to tell it from others: trim less with -T or -R",
            )
        )
    if row.get("num_seqlets", 0) >= _MANY and row["seqlet_recall"] < _RECALLED:
        found.append(
            Finding(
                name,
                f"{row['seqlet_recall']:.0%} of its {row['num_seqlets']:,} seqlets are hits",
                "most of its sites are too weak for lambda, or go to another motif (see the table"
                " of hits and seqlets): lower its lambda with -L",
            )
        )
    return found
