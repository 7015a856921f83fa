"""What a digest of a run shows: the main numbers of all reports, motif by motif."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from finemo_zarr.evaluation._instances import MotifTable
from finemo_zarr.evaluation.motif_clusters import MotifClusters
from finemo_zarr.plot.syntax import log2_fold
from finemo_zarr.report.beside import save
from finemo_zarr.report.motif_cluster_sections import gather_motif_clusters
from finemo_zarr.report.performance_sections import (
    PerformanceData,
    performance_rows,
)
from finemo_zarr.report.source import ReportData, gather
from finemo_zarr.report.submotif_sections import SubmotifData, gather_submotifs, submotif_rows
from finemo_zarr.report.syntax_source import SyntaxData, gather_syntax

if TYPE_CHECKING:
    import polars as pl
    import xarray as xr

_SURE = float(np.log10(0.05))
_KNOWN = 0.1


class DigestData(NamedTuple):
    """The data of all reports.

    Parameters
    ----------
    hits : ReportData
        What the report of hits shows.
    syntax : SyntaxData
        What the report of syntax shows.
    clusters : MotifClusters
        Motifs of this run that resemble one another.
    submotifs : SubmotifData, optional
        Submotifs, where a TF-MoDISco file with scores of seqlets, or regions for it, are given.
    performance : PerformanceData, optional
        How well the model predicts, where predictions are given.
    """

    hits: ReportData
    syntax: SyntaxData
    clusters: MotifClusters
    submotifs: SubmotifData | None
    performance: PerformanceData | None

    @property
    def names(self) -> list[str]:
        """Names of the motifs."""
        return [str(name) for name in self.hits.evaluation.motifs["motif"].values]


def gather_digest(
    hits: str | Path,
    regions: str | Path | None = None,
    *,
    modisco_h5: str | Path | None = None,
    track: str | None = None,
    performance: PerformanceData | None = None,
    max_distance: int = 150,
    min_pairs: int = 50,
    **options: Any,
) -> DigestData:
    """Gather what the reports of hits, syntax, submotifs, motifs and performance show.

    Parameters
    ----------
    hits : path
        A hits store, or the folder that `call-hits` wrote.
    regions : path, optional
        Its regions; by default those that the hits were called in.
    modisco_h5 : path, optional
        The TF-MoDISco-lite file of the motifs.
    track : str, optional
        Track, where there are several.
    performance : PerformanceData, optional
        From :func:`finemo_zarr.report.performance_sections.gather_performance`.
    max_distance, min_pairs : int
        See :func:`finemo_zarr.report.syntax_source.gather_syntax`.
    **options
        Others of :func:`finemo_zarr.report.gather`.

    Raises
    ------
    ReadError, SchemaError
        As those.
    """
    data = gather(hits, regions, modisco_h5=modisco_h5, track=track, **options)
    syntax = gather_syntax(
        hits, track=track, max_distance=max_distance, min_pairs=min_pairs, n_violins=8
    )
    submotifs = None
    if modisco_h5:
        found = gather_submotifs(modisco_h5, regions=regions, hits=hits, track=track)
        submotifs = found if found.found else None
    clusters = gather_motif_clusters(hits=str(hits))
    return DigestData(data, syntax, clusters, submotifs, performance)


def digest_rows(data: DigestData) -> "pl.DataFrame":
    """One row for each motif, the one in most regions first.

    Returns
    -------
    polars.DataFrame
        ``motif_name``, ``known_motif`` with a q-value of at most 0.1, ``hits``, ``regions``,
        ``share_of_regions``, ``hits_where_any``, and where known ``seqlet_recall``,
        ``cwm_similarity``, ``explained``; ``partner``, the motif that shares regions with it most
        surely more often than by chance (q at most 0.05), with ``partner_fold``, observed by
        expected; ``spacing_to``, ``spacing``, ``spacing_strand``, its surest preferred spacing (q
        at most 0.05), in bp along its own strand; ``submotifs``; ``cluster`` and ``alike``, other
        motifs of the run that resemble it.
    """
    import polars as pl

    motifs, names = data.hits.evaluation.motifs, data.names
    frequency = data.syntax.motifs.reindex(motif=motifs["motif"])
    columns: dict[str, Any] = {
        "motif_name": names,
        "known_motif": _known(data),
        "hits": frequency["n_hits"].values,
        "regions": frequency["n_regions"].values,
        "share_of_regions": frequency["prevalence"].values,
        "hits_where_any": frequency["mean_hits"].values,
    }
    for name in ("seqlet_recall", "cwm_similarity", "explained"):
        if name in motifs:
            columns[name] = motifs[name].values.astype(np.float64)
    columns |= _partners(data.syntax, names) | _spacings(data.syntax, names)
    if data.submotifs is not None:
        columns["submotifs"] = _submotifs(data.submotifs, names)
    columns |= _alike(data.clusters, names)
    text = ("known_motif", "partner", "spacing_to", "spacing_strand", "alike")
    schema: dict[str, Any] = dict.fromkeys(text, pl.String) | {
        "spacing": pl.Int64,
        "partner_fold": pl.Float64,
        "submotifs": pl.Int64,
    }
    overrides = {name: kind for name, kind in schema.items() if name in columns}
    table = pl.DataFrame(columns, schema_overrides=overrides)
    return table.sort("regions", descending=True, maintain_order=True)


def _known(data: DigestData) -> list[str]:
    known = data.hits.evaluation.known
    if known is None or not known.sizes["match"]:
        return [""] * len(data.names)
    best = known.isel(match=0)
    pairs = zip(best["match_name"].values.tolist(), best["match_q"].values.tolist(), strict=True)
    return [str(name) if q <= _KNOWN else "" for name, q in pairs]


def _partners(syntax: SyntaxData, names: list[str]) -> dict[str, list[Any]]:
    """The surest partner of each motif."""
    together = syntax.together
    order = [str(name) for name in together["motif"].values]
    log_p, log_q = (together[f"log10_{name}"].values.copy() for name in "pq")
    fold = 2 ** log2_fold(together)
    np.fill_diagonal(log_q, np.nan)
    with np.errstate(invalid="ignore"):
        sure = log_q <= _SURE
    partner: list[str] = []
    folds: list[float | None] = []
    for name in names:
        row = order.index(name)
        candidates = np.flatnonzero(sure[row])
        best = candidates[log_p[row, candidates].argmin()] if candidates.size else None
        partner.append("" if best is None else order[best])
        folds.append(None if best is None else float(fold[row, best]))
    return {"partner": partner, "partner_fold": folds}


def _spacings(syntax: SyntaxData, names: list[str]) -> dict[str, list[Any]]:
    """The surest spacing of each motif, seen from it."""
    preferred = syntax.preferred
    first, second = ([str(name) for name in preferred[side].values] for side in ("first", "second"))
    columns: dict[str, list[Any]] = {"spacing_to": [], "spacing": [], "spacing_strand": []}
    order = np.argsort(preferred["log10_p"].values, kind="stable")
    sure = [at for at in order.tolist() if float(preferred["log10_q"][at]) <= _SURE]
    for name in names:
        best = next((at for at in sure if name in {first[at], second[at]}), None)
        if best is None:
            values: tuple[Any, ...] = ("", None, "")
        else:
            strand, offset = str(preferred["strand"].values[best]), int(preferred["offset"][best])
            own = first[best] == name
            # Seen from the other motif, a place on the same strand is on the other side.
            seen = offset if own or strand == "opposite" else -offset
            values = (second[best] if own else first[best], seen, strand)
        for column, value in zip(columns.values(), values, strict=True):
            column.append(value)
    return columns


def _submotifs(found: SubmotifData, names: list[str]) -> list[int | None]:
    number = {found.name(one.pattern): one.kinds.sizes["submotif"] for one in found.found}
    return [number.get(name) for name in names]


def _alike(clusters: MotifClusters, names: list[str]) -> dict[str, list[Any]]:
    order = [str(name) for name in clusters.motifs["motif"].values]
    labels = dict(zip(order, clusters.motifs["cluster"].values.tolist(), strict=True))
    members: dict[int, list[str]] = {}
    for name, label in labels.items():
        members.setdefault(label, []).append(name)
    alike = [", ".join(own for own in members[labels[name]] if own != name) for name in names]
    return {"cluster": [labels[name] for name in names], "alike": alike}


def logo_matrices(data: DigestData) -> dict[str, "xr.DataArray"]:
    """Matrices ``(motif, base, position)`` that are drawn, by what they are."""
    motifs = data.hits.hits.motifs
    forward = motifs.isel(motif=MotifTable.of(motifs).oriented[:, 0])
    found = {"CWM": forward["motif_cwm"]}
    means = data.hits.evaluation.means
    if means is not None:
        found["mean scores of hits"] = means["mean_cwm"].sel(set="hits")
        found["bases of hits"] = means["mean_ppm"].sel(set="hits")
    return found


def write_digest(data: DigestData, folder: str | Path) -> None:
    """Write ``digest.tsv``, the tables of the parts, and their datasets in ``report.zarr``.

    Parameters
    ----------
    data : DigestData
        From :func:`gather_digest`.
    folder : path
        Where to.
    """
    from finemo_zarr.report.syntax_source import spacing_table, together_table

    tables = {
        "digest": digest_rows(data),
        "motif_pairs": together_table(data.syntax),
        "spacing_of_pairs": spacing_table(data.syntax),
    }
    datasets: dict[str, xr.Dataset] = {
        "motifs": data.hits.evaluation.motifs,
        "prevalence": data.syntax.motifs,
        "co_occurrence": data.syntax.together,
        "preferred_spacing": data.syntax.preferred,
        "similarity": data.clusters.motifs,
    }
    if data.submotifs is not None:
        tables["submotifs"] = submotif_rows(data.submotifs)
    if data.performance is not None:
        tables["performance"] = performance_rows(data.performance)
    save(folder, tables, datasets)


def sure_pairs(data: DigestData) -> Sequence[int]:
    """Numbers of pairs of two motifs that go together, and of those that have a spacing."""
    values = data.syntax.together["log10_q"].values
    upper = values[np.triu_indices(len(values), 1)]
    with np.errstate(invalid="ignore"):
        together = int((upper <= _SURE).sum())
    return together, int((data.syntax.preferred["log10_q"].values <= _SURE).sum())
