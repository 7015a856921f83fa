"""Everything that a report of syntax shows: computed once, as tables and datasets too."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from finemo_zarr.errors import SchemaError
from finemo_zarr.evaluation import occurrence
from finemo_zarr.evaluation.cooccurrence import (
    Balls,
    co_occurrence_tests,
    hits_of_regions,
    prevalence,
    regions_apart,
)
from finemo_zarr.evaluation.nearest import nearest_distances
from finemo_zarr.evaluation.spacing import (
    orientations,
    pair_spacings,
    periodicity,
    preferred_spacings,
)
from finemo_zarr.plot.syntax import log2_fold
from finemo_zarr.report.saved import save_datasets, save_tables
from finemo_zarr.report.source import _load_hits
from finemo_zarr.store import HitsStore, hits_path, read_info

if TYPE_CHECKING:
    import polars as pl
    import xarray as xr

LOG10_SURE = float(np.log10(0.05))
ORIENTATION_COLUMNS = ("first_second", "second_first", "facing", "back_to_back")
_FEWEST_NEAR = 20


class SyntaxData(NamedTuple):
    """What a report of syntax shows.

    Parameters
    ----------
    path : str
        The hits store.
    hits : HitsStore
        Its hits, of one track.
    occurrences : xarray.Dataset
        From :func:`finemo_zarr.evaluation.occurrence`.
    regions, motifs, together : xarray.Dataset
        Hits of regions, prevalence of motifs, tests of co-occurrence; see
        :mod:`finemo_zarr.evaluation.cooccurrence`.
    spacings, preferred, oriented, periods : xarray.Dataset
        See :mod:`finemo_zarr.evaluation.spacing`.
    nearest : xarray.Dataset
        See :mod:`finemo_zarr.evaluation.nearest`.
    provenance : dict
        What the store says of itself.
    """

    path: str
    hits: HitsStore
    occurrences: "xr.Dataset"
    regions: "xr.Dataset"
    motifs: "xr.Dataset"
    together: "xr.Dataset"
    spacings: "xr.Dataset"
    preferred: "xr.Dataset"
    oriented: "xr.Dataset"
    periods: "xr.Dataset"
    nearest: "xr.Dataset"
    provenance: dict[str, Any]

    @property
    def any_hits(self) -> bool:
        """Whether there is a hit at all."""
        return bool(self.hits.hits.sizes["hit"])


def gather_syntax(
    hits: str | Path,
    *,
    track: str | None = None,
    max_distance: int = 150,
    min_pairs: int = 50,
    balls: Balls = "hits",
    n_violins: int = 12,
) -> SyntaxData:
    """Open the hits of a store, and compute what is to be known of their syntax.

    Parameters
    ----------
    hits : path
        A hits store, or the folder that `call-hits` wrote.
    track : str, optional
        Track, where there are several.
    max_distance : int
        Largest distance of pairs of hits, in bp.
    min_pairs : int
        Pairs of motifs with fewer pairs of hits are left out where distances are shown.
    balls : {"hits", "regions"}
        See :func:`finemo_zarr.evaluation.cooccurrence.co_occurrence_tests`.
    n_violins : int
        Pairs of motifs whose distances to the nearest hit are measured.

    Raises
    ------
    ReadError
        If the store cannot be read.
    SchemaError
        If the track is unknown, or a number is out of range.
    """
    if max_distance < 2 or min_pairs < 1 or n_violins < 0:
        raise SchemaError(
            f"max_distance {max_distance}, min_pairs {min_pairs}, n_violins {n_violins}:"
            " expected at least 2 bp, 1 pair, 0 violins"
        )
    opened = _load_hits(hits, track)
    occurrences = occurrence(opened)
    together = co_occurrence_tests(occurrences, balls=balls)
    together = together.assign(regions_apart=regions_apart(opened, occurrences))
    spacings = pair_spacings(opened, max_distance=max_distance, min_pairs=min_pairs)
    pairs = _pairs_to_measure(together, spacings, n_violins)
    return SyntaxData(
        str(hits),
        opened,
        occurrences,
        hits_of_regions(occurrences),
        prevalence(occurrences),
        together,
        spacings,
        preferred_spacings(spacings),
        orientations(spacings),
        periodicity(spacings),
        nearest_distances(opened, pairs),
        read_info(hits_path(hits)).provenance,
    )


def _pairs_to_measure(
    together: "xr.Dataset", spacings: "xr.Dataset", count: int
) -> Sequence[tuple[str, str]]:
    """Pairs that occur together more often than by chance, then those with most pairs of hits."""
    names = together["motif"].values.tolist()
    row, column = np.triu_indices(len(names))
    log_q = together["log10_q"].values[row, column]
    both = together["regions_with_both"].values[row, column]
    chosen = np.flatnonzero((log_q <= LOG10_SURE) & (both >= _FEWEST_NEAR))
    log_p = together["log10_p"].values[row, column]
    chosen = chosen[np.argsort(log_p[chosen], kind="stable")]
    pairs = [(names[row[at]], names[column[at]]) for at in chosen.tolist()]
    pairs += zip(spacings["first"].values.tolist(), spacings["second"].values.tolist(), strict=True)
    return list(dict.fromkeys(pairs))[:count]


def prevalence_table(data: SyntaxData) -> "pl.DataFrame":
    """How frequent each motif is, the most frequent first."""
    import polars as pl

    motifs = data.motifs
    table = {
        "motif_name": motifs["motif"].values.tolist(),
        "hits": motifs["n_hits"].values,
        "regions": motifs["n_regions"].values,
        "share_of_regions": motifs["prevalence"].values,
        "hits_per_region_with_any": motifs["mean_hits"].values,
    }
    return pl.DataFrame(table).sort("regions", "motif_name", descending=[True, False])


def together_table(data: SyntaxData) -> "pl.DataFrame":
    """Every pair that was tested, the most significant first."""
    import polars as pl

    names = np.array(data.together["motif"].values.tolist(), dtype=object)
    row, column = np.triu_indices(names.size)
    tested = np.isfinite(data.together["log10_p"].values[row, column])
    row, column = row[tested], column[tested]
    table: dict[str, Any] = {
        "motif_name": names[row].tolist(),
        "other_motif": names[column].tolist(),
        "regions_with_both": data.together["regions_with_both"].values[row, column],
        "regions_apart": data.together["regions_apart"].values[row, column],
        "expected": data.together["expected"].values[row, column],
        "log2_fold": log2_fold(data.together)[row, column],
    }
    for name in ("p", "q", "log10_p", "log10_q"):
        table[name] = data.together[name].values[row, column]
    return pl.DataFrame(table).sort("log10_p", maintain_order=True)


def spacing_table(data: SyntaxData) -> "pl.DataFrame":
    """Every pair with enough pairs of hits: preferred spacing, orientations, periodicity."""
    import polars as pl

    preferred, oriented, periods = data.preferred, data.oriented, data.periods
    counts = oriented["orientation_count"].values
    table: dict[str, Any] = {
        "motif_name": preferred["first"].values.tolist(),
        "other_motif": preferred["second"].values.tolist(),
        "pairs": data.spacings["n_pairs"].values,
        "spacing": preferred["offset"].values,
        "strand": preferred["strand"].values.tolist(),
        "pairs_there": preferred["count"].values,
        "expected": preferred["expected"].values,
        "q_spacing": 10 ** preferred["log10_q"].values,
    }
    table |= dict(zip(ORIENTATION_COLUMNS, counts.T, strict=True))
    table |= {
        "q_strand": 10 ** oriented["log10_q"].values,
        "helical_power": periods["helical_power"].values,
        "q_helical": 10 ** periods["log10_q"].values,
        "strongest_period": periods["strongest_period"].values,
        "log10_q_spacing": preferred["log10_q"].values,
        "log10_q_strand": oriented["log10_q"].values,
        "log10_q_helical": periods["log10_q"].values,
    }
    return pl.DataFrame(table)


def nearest_table(data: SyntaxData) -> "pl.DataFrame":
    """Distances to the nearest hit, of the pairs that were measured."""
    import polars as pl

    near = data.nearest
    low, middle, high = near["distance_quantile"].values.T
    return pl.DataFrame(
        {
            "motif_name": near["first"].values.tolist(),
            "other_motif": near["second"].values.tolist(),
            "hits": near["n_hits"].values,
            "with_one_near": near["n_near"].values,
            "distance_q25": low,
            "distance_median": middle,
            "distance_q75": high,
        }
    )


def _spacing_counts(data: SyntaxData) -> "pl.DataFrame":
    """Pairs at each spacing that has any."""
    import polars as pl

    count = data.spacings["count"].values
    pair, strand, offset = np.nonzero(count)
    first, second = (
        np.array(data.spacings[name].values.tolist(), object) for name in ("first", "second")
    )
    return pl.DataFrame(
        {
            "motif_name": first[pair].tolist(),
            "other_motif": second[pair].tolist(),
            "strand": data.spacings["strand"].values[strand].tolist(),
            "spacing": data.spacings["offset"].values[offset],
            "pairs": count[pair, strand, offset],
            "expected": data.spacings["background"].values[pair, strand, offset],
        }
    )


def write_syntax(data: SyntaxData, folder: str | Path) -> None:
    """Write the tables of a report of syntax, and its datasets as ``syntax.zarr``.

    Parameters
    ----------
    data : SyntaxData
        From :func:`gather_syntax`.
    folder : path
        Where to; made if it is not there.
    """
    tables = {
        "motif_prevalence": prevalence_table(data),
        "motif_pairs": together_table(data),
        "spacing_of_pairs": spacing_table(data),
        "spacings": _spacing_counts(data),
        "nearest_distances": nearest_table(data),
    }
    save_tables(folder, tables)
    save_datasets(
        Path(folder) / "syntax.zarr",
        {
            "hits_of_regions": data.regions,
            "prevalence": data.motifs,
            "co_occurrence": data.together,
            "spacing": data.spacings,
            "preferred_spacing": data.preferred,
            "orientation": data.oriented,
            "periodicity": data.periods,
            "nearest": data.nearest,
        },
    )
