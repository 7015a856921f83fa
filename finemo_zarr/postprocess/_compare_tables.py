"""The tables of a comparison: one row for each hit, one row for each motif."""

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from finemo_zarr.intervals import shared_bases
from finemo_zarr.postprocess._columns import HitColumns
from finemo_zarr.postprocess._statuses import LOST, MATCHED, MOVED, NEW, NOBODY, RENAMED, STATUSES

if TYPE_CHECKING:
    import polars as pl

Index = NDArray[np.int64]


def correlations() -> "list[pl.Expr]":
    """Pearson and Spearman of the columns `a` and `b`."""
    import polars as pl

    return [
        pl.corr("a", "b", method=method).cast(pl.Float32).alias(method)  # NaN for only one
        for method in ("pearson", "spearman")
    ]


def pair_table(
    a: HitColumns, b: HitColumns, status: Index, index_a: Index, index_b: Index
) -> "pl.DataFrame":
    """Rows of :meth:`finemo_zarr.postprocess.Comparison.pairs`."""
    import polars as pl

    paired = status < LOST
    group = np.where(
        index_a == NOBODY, _take(b.places.group, index_b), _take(a.places.group, index_a)
    )
    places = _places(a, group)
    of_status = pl.Series("status", STATUSES).gather(status)
    one, two = index_a[paired], index_b[paired]
    between = {
        "shared": shared_bases(a.places.take(one), b.places.take(two)),
        "shift": b.places.start[two] - a.places.start[one],
    }
    table = places.with_columns(of_status)
    for hits, index, suffix in ((a, index_a, "a"), (b, index_b, "b")):
        table = table.hstack(_side(hits, index, suffix))
    rows = np.cumsum(paired) - 1
    at = np.where(paired, rows, NOBODY)
    return table.hstack(
        _nullable({name: _take(values, at) for name, values in between.items()}, at)
    )


def _take(values: NDArray[Any], index: Index) -> NDArray[Any]:
    """Values at an index, 0 where there is none."""
    taken = np.zeros(len(index), dtype=values.dtype)
    known = index != NOBODY
    taken[known] = values[index[known]]
    return taken


def _nullable(columns: dict[str, Any], index: Index) -> "pl.DataFrame":
    """Columns that are missing where there is no hit."""
    import polars as pl

    known = pl.Series(index != NOBODY)
    return pl.DataFrame(columns).select(pl.when(known).then(pl.all()))


def _places(hits: HitColumns, group: Index) -> "pl.DataFrame":
    import polars as pl

    parts = [label.split("\t") for label in hits.labels]
    columns = {
        name: pl.Series(name, [part[k] for part in parts], dtype=pl.String)
        for k, name in enumerate(("chr", "peak_id", "track"))
    }
    if not hits.has_tracks:
        del columns["track"]
    if not (columns["peak_id"] != "").any():
        del columns["peak_id"]
    return pl.DataFrame({name: values.gather(group) for name, values in columns.items()})


def _side(hits: HitColumns, index: Index, suffix: str) -> "pl.DataFrame":
    import polars as pl

    names = pl.Series(hits.motif_names or [""], dtype=pl.String)
    strands = pl.Series(["+", "-"])
    columns = {
        "start": _take(hits.places.start, index),
        "end": _take(hits.places.end, index),
        "strand": strands.gather(_take(hits.is_minus, index).astype(np.int64)),
        "motif_name": names.gather(_take(hits.motif, index)),
        "hit_coefficient": _take(hits.coefficient, index).astype(np.float32),
        "hit_similarity": _take(hits.similarity, index).astype(np.float32),
        "hit": np.maximum(index, 0),
    }
    return _nullable({f"{name}_{suffix}": values for name, values in columns.items()}, index)


def motif_table(
    a: HitColumns, b: HitColumns, status: Index, index_a: Index, index_b: Index
) -> "pl.DataFrame":
    """Rows of :meth:`finemo_zarr.postprocess.Comparison.motifs`, without correlations."""
    import polars as pl

    motif_a, motif_b = _take(a.motif, index_a), _take(b.motif, index_b)
    flipped = (status == MOVED) & (_take(a.is_minus, index_a) != _take(b.is_minus, index_b))

    def count(motif: Index, rows: NDArray[np.bool_]) -> Index:
        return np.bincount(motif[rows], minlength=len(a.motif_names))

    n_a, n_b = count(motif_a, index_a != NOBODY), count(motif_b, index_b != NOBODY)
    matched = count(motif_a, status == MATCHED)
    either = n_a + n_b - matched
    table = pl.DataFrame(
        {
            "motif_name": pl.Series(a.motif_names, dtype=pl.String),
            "n_a": n_a,
            "n_b": n_b,
            "matched": matched,
            "moved": count(motif_a, status == MOVED),
            "flipped": count(motif_a, flipped),
            "renamed_a": count(motif_a, status == RENAMED),
            "renamed_b": count(motif_b, status == RENAMED),
            "lost": count(motif_a, status == LOST),
            "new": count(motif_b, status == NEW),
            "agreement": (matched / np.maximum(either, 1)).astype(np.float32),
            "renamed_to": _most_often(a.motif_names, motif_a, motif_b, status == RENAMED),
        }
    )
    return table.filter(pl.Series(either > 0))


def _most_often(
    names: tuple[str, ...], motif_a: Index, motif_b: Index, renamed: NDArray[np.bool_]
) -> "pl.Series":
    """For each motif the one that its hits are called most often instead; empty for none."""
    import polars as pl

    n_motifs = max(len(names), 1)
    pairs, counts = np.unique(motif_a[renamed] * n_motifs + motif_b[renamed], return_counts=True)
    found = [""] * len(names)
    for pair in pairs[np.argsort(counts, kind="stable")].tolist():
        found[pair // n_motifs] = names[pair % n_motifs]
    return pl.Series(found, dtype=pl.String)
