"""Hits as rows of a table, in stripes.

Hits are read in stripes of whole chromosomes (of whole regions where there are no coordinates),
each sorted, so that memory is bounded by the hits of one chromosome.

Positions are as stored. A region may begin before its chromosome, and so may the core of a hit at
its edge: tables keep the negative number, formats of genome browsers begin at 0, since a negative
start makes other programs refuse the file.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from finemo_zarr.store import HitsStore
from finemo_zarr.variables import VARIABLES

if TYPE_CHECKING:
    import polars as pl
    import xarray as xr

STANDARD_COLUMNS = (
    "chr",
    "start",
    "end",
    "start_untrimmed",
    "end_untrimmed",
    "motif_name",
    "hit_coefficient",
    "hit_coefficient_global",
    "hit_similarity",
    "hit_correlation",
    "hit_importance",
    "hit_importance_sq",
    "strand",
    "peak_name",
    "peak_id",
)
BED_COLUMNS = ("chr", "start", "end", "motif_name", "score", "strand")
TRACK = "track"
_TRACK_VARIABLE = "hit_track"
_UNIQUE_BY = ("chr", "start", "motif_name", "strand")
_MISSING = "NA"
_STRIPE_HITS = 2**20
_READ_HITS = 2**16
_WRITE_ROWS = 2**16

Columns = dict[str, NDArray[Any]]


@dataclass(frozen=True)
class Places:
    """What tables say of regions, one entry each.

    `rank` orders stripes: chromosomes as the store does or by name, or regions where there are no
    chromosomes.
    """

    rank: NDArray[np.int64]
    chrom: "pl.Series"
    start: NDArray[np.int64]
    name: "pl.Series"
    number: NDArray[np.int64]
    tracks: "pl.Series | None"
    placed: bool

    @classmethod
    def of(cls, opened: HitsStore, *, by_name: bool = False) -> "Places":
        """Read them from a store; `by_name` puts the chromosomes in the order of their names."""
        import polars as pl

        regions, count = opened.regions, opened.qc.sizes["region"]
        tracks = None
        if "track" in regions.coords:
            tracks = pl.Series(TRACK, regions["track"].values.tolist(), dtype=pl.String)
        if "region_chrom" not in regions:
            numbers = np.arange(count)
            missing = pl.repeat(_MISSING, count, dtype=pl.String, eager=True)
            starts = np.zeros(count, np.int64)
            return cls(numbers, missing, starts, missing, numbers, tracks, placed=False)
        chroms = regions["region_chrom"].values.tolist()
        order: Iterable[str] = dict.fromkeys([*regions.attrs.get("chrom_order", ()), *chroms])
        ranks = {chrom: rank for rank, chrom in enumerate(sorted(order) if by_name else order)}
        return cls(
            np.array([ranks[chrom] for chrom in chroms], dtype=np.int64),
            pl.Series(chroms, dtype=pl.String),
            regions["region_start"].values,
            pl.Series(regions["region_name"].values.tolist(), dtype=pl.String),
            regions["region_id"].values,
            tracks,
            placed=True,
        )


def optional_columns(hits: "xr.Dataset") -> dict[str, str]:
    """Columns of the optional variables that a store has, by the names of the variables.

    First those that the data model knows, then what a solver added of its own. A variable that
    says whether the hit is something loses its prefix: ``is_primary``.
    """
    known = VARIABLES["hits"]
    optional = [name for name, spec in known.items() if not spec.required and name in hits]
    own = [str(name) for name in hits.data_vars if name not in known]
    return {
        name: name.removeprefix("hit_") if name.startswith("hit_is_") else name
        for name in (*optional, *own)
        if name != _TRACK_VARIABLE
    }


def table_columns(hits: "xr.Dataset", places: Places) -> list[str]:
    """Columns of the table of a store, in order."""
    track = [] if places.tracks is None else [TRACK]
    return [*STANDARD_COLUMNS, *optional_columns(hits).values(), *track]


# --- Reading -------------------------------------------------------------------------------------


def blocks(
    hits: "xr.Dataset", names: Sequence[str], kept: NDArray[np.bool_] | None = None
) -> Iterator[Columns]:
    """Some columns of the hits, a block at a time, in the order of the store."""
    for first in range(0, hits.sizes["hit"], _STRIPE_HITS):
        part = slice(first, first + _STRIPE_HITS)
        columns = {name: hits[name][part].values for name in names}
        chosen = slice(None) if kept is None else kept[part]
        yield {name: values[chosen] for name, values in columns.items()}


def stripes(
    hits: "xr.Dataset", rank: NDArray[np.int64], kept: NDArray[np.bool_] | None = None
) -> Iterator[Columns]:
    """Columns of the hits, stripe by stripe in order of rank.

    Only the chunks that hold hits of a stripe are read for it.
    """
    ranks = rank[hits["hit_region"].values]
    per_rank = np.bincount(ranks, minlength=int(rank.max(initial=0)) + 1)
    stripe_of_rank = (np.cumsum(per_rank) - per_rank) // _STRIPE_HITS
    stripe = stripe_of_rank[ranks]
    if kept is not None:
        stripe[~kept] = -1
    for number in np.unique(stripe[stripe >= 0]):
        rows = np.flatnonzero(stripe == number)
        bounds = np.arange(rows[0] // _READ_HITS, rows[-1] // _READ_HITS + 2) * _READ_HITS
        cuts = np.searchsorted(rows, bounds)
        parts = [
            _read(hits, int(first), rows[low:high])
            for first, low, high in zip(bounds, cuts, cuts[1:], strict=False)
            if high > low
        ]
        yield {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


def no_rows(hits: "xr.Dataset") -> Columns:
    """Columns as of :func:`stripes`, without a single hit."""
    return {str(name): np.empty(0, variable.dtype) for name, variable in hits.data_vars.items()}


def _read(hits: "xr.Dataset", first: int, rows: NDArray[np.int64]) -> Columns:
    part = hits.isel(hit=slice(first, first + _READ_HITS))
    return {str(name): part[name].values[rows - first] for name in hits.data_vars}


def hit_table(
    hits: Mapping[str, NDArray[Any]], opened: HitsStore, places: Places
) -> "pl.DataFrame":
    """Table of the hits of a stripe, with the columns of ``hits.tsv``, sorted."""
    import polars as pl

    region, motif = hits["hit_region"], hits["hit_motif"]
    offset = places.start[region]
    motifs = opened.motifs
    names = pl.Series(motifs["motif_name"].values.tolist(), dtype=pl.String)
    strands = pl.Series(motifs["motif_strand"].values.tolist(), dtype=pl.String)
    positions = ("start", "end", "start_untrimmed", "end_untrimmed")
    scores = ("coefficient", "coefficient_global", "similarity", "importance", "importance_sq")
    table = pl.DataFrame(
        {
            "rank": places.rank[region],
            "motif": motif,
            "chr": places.chrom.gather(region),
            **{name: offset + hits[f"hit_{name}"] for name in positions},
            "motif_name": names.gather(motif),
            **{f"hit_{name}": hits[f"hit_{name}"].astype(np.float32) for name in scores},
            "hit_correlation": hits["hit_similarity"],
            "strand": strands.gather(motif),
            "peak_name": places.name.gather(region),
            "peak_id": places.number[region],
            **{column: hits[name] for name, column in optional_columns(opened.hits).items()},
        }
    )
    if places.tracks is not None:
        table = table.with_columns(places.tracks.gather(hits[_TRACK_VARIABLE]))
    keys = ["rank", "start", "start_untrimmed", "motif", "peak_id"]
    # Hits are stored track by track: where all else is the same, that is their order here, too.
    return table.sort(keys, maintain_order=True).select(table_columns(opened.hits, places))


def unique_sites(table: "pl.DataFrame") -> "pl.DataFrame":
    """The first hit of a site: of the same chromosome, start, motif, strand and track."""
    keys = [*_UNIQUE_BY, *([TRACK] if TRACK in table.columns else [])]
    return table.unique(keys, keep="first", maintain_order=True)


def bed_table(unique: "pl.DataFrame", sizes: Mapping[str, int] | None = None) -> "pl.DataFrame":
    """The table with the columns of BED6 first: on the chromosome, scores from 0 to 1000.

    Parameters
    ----------
    unique : polars.DataFrame
        From :func:`unique_sites`.
    sizes : mapping, optional
        Lengths of the chromosomes, where hits end at the latest.
    """
    import polars as pl

    score = (pl.col("hit_similarity") * 1000).fill_nan(0).clip(0, 1000).round().cast(pl.Int32)
    placed = unique.with_columns(score=score, start=pl.col("start").clip(lower_bound=0))
    if sizes is not None:
        ends = pl.col("chr").replace_strict(dict(sizes), return_dtype=pl.Int64)
        placed = placed.with_columns(end=pl.min_horizontal("end", ends))
    others = [name for name in placed.columns if name not in BED_COLUMNS]
    return placed.filter(pl.col("end") > pl.col("start")).select([*BED_COLUMNS, *others])


# --- Writing -------------------------------------------------------------------------------------


def append(file: BinaryIO, table: "pl.DataFrame") -> None:
    """Write rows as tab-separated text.

    Polars writes to a file by itself, but does not say which error (a full disk) it met.
    """
    file.writelines(text_rows(table))


def text_rows(table: "pl.DataFrame") -> Iterator[bytes]:
    """Rows as tab-separated text, some thousand at a time; what is or is not reads 1 or 0."""
    import polars as pl

    flags = [name for name, dtype in table.schema.items() if dtype == pl.Boolean]
    written = table.with_columns(pl.col(flags).cast(pl.UInt8)) if flags else table
    for rows in written.iter_slices(_WRITE_ROWS):
        yield rows.write_csv(include_header=False, separator="\t").encode()


def write_table(path: Path, table: "pl.DataFrame") -> None:
    """Write a table with its header."""
    with path.open("wb") as file:
        file.write(header(table.columns))
        append(file, table)


def header(columns: Sequence[str]) -> bytes:
    """The first line of a table."""
    return ("\t".join(columns) + "\n").encode()
