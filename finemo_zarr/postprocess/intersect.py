"""Hits that stand in every one of several tables: an inner join by place and motif.

Missing coordinates match missing ones. Positions are then relative to the region, so its number
(`peak_id`) is compared, too. Where all tables have tracks, the track is.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from finemo_zarr.errors import ReadError
from finemo_zarr.postprocess._tables import (
    MISSING,
    HitTable,
    TableBlock,
    append_rows,
    new_table,
    number_labels,
)
from finemo_zarr.store import RemotePath

if TYPE_CHECKING:
    import polars as pl

STRICT_KEYS = (
    "chr",
    "start",
    "end",
    "start_untrimmed",
    "end_untrimmed",
    "motif_name",
    "strand",
    "peak_name",
    "peak_id",
)
RELAXED_KEYS = ("chr", "start_untrimmed", "end_untrimmed", "motif_name", "strand")

_NUMBERS = ("start", "end", "start_untrimmed", "end_untrimmed")
_TRACK, _REGION = "track", "peak_id"
_NO_NUMBER = -(2**62)
_NO_REGION = ""
_BUCKET_ROWS = 2**19
_ROW = "\trow "  # no column of a table can be called so
_KEY = "\tkey "


class IntersectCounts(NamedTuple):
    """Rows of each table and of their join; `keys` is less where a table has a key twice."""

    rows: tuple[int, ...]
    joined: int
    keys: int


def intersect(tables: "Sequence[pl.DataFrame]", *, relaxed: bool = False) -> "pl.DataFrame":
    """Join tables of hits by place and motif.

    Parameters
    ----------
    tables : sequence of polars.DataFrame
        Two or more, with the columns of ``hits.tsv``.
    relaxed : bool
        Compare the untrimmed place only, not the core and the region.

    Returns
    -------
    polars.DataFrame
        The columns that are compared, as the first table has them, then the other columns; those
        of table `k`, counted from 0, carry the suffix ``_k`` from the second table on. Rows are
        ordered as in the first table, then the second, and so on. A key that a table has twice
        gives two rows.

    Raises
    ------
    ReadError
        If a table lacks a column, or the join would have one twice.
    """
    names = [f"table {number}" for number in range(len(tables))]
    columns = [tuple(table.columns) for table in tables]
    keys = _keys(names, columns, relaxed=relaxed)
    _joined_columns(names, columns, keys)
    return _join(tables, keys, columns)


def intersect_hits(
    sources: Sequence[Path | str | RemotePath],
    out: Path | str | RemotePath,
    *,
    relaxed: bool = False,
    overwrite: bool = False,
) -> IntersectCounts:
    """Join files of hits by place and motif; see :func:`intersect`.

    Memory is bounded by the hits of a chromosome: the rows come in the order of the first table,
    chromosome by chromosome.

    Parameters
    ----------
    sources : sequence of path
        Two or more tables like ``hits.tsv``.
    out : path
        The table to write.
    relaxed : bool
        Compare the untrimmed place only.
    overwrite : bool
        Replace output that exists.

    Raises
    ------
    ReadError
        If a table is damaged, with line and column, or lacks a column.
    RunError
        If the output cannot be written.
    """
    tables = [HitTable.open(path) for path in sources]
    names = [str(table.path) for table in tables]
    columns = [table.columns for table in tables]
    keys = _keys(names, columns, relaxed=relaxed)
    header = _joined_columns(names, columns, keys)
    reader = _Reader(tables, keys)
    joined = distinct = 0
    with new_table(out, overwrite=overwrite) as file:
        file.write(("\t".join(header) + "\n").encode())
        for frames in reader.buckets():
            rows = _join(frames, keys, columns)
            joined += len(rows)
            distinct += _with_keys(rows, keys).select(_key_columns(keys)).n_unique()
            append_rows(file, rows)
    return IntersectCounts(tuple(reader.rows), joined, distinct)


# --- Columns -------------------------------------------------------------------------------------


def _keys(
    names: Sequence[str], columns: Sequence[tuple[str, ...]], *, relaxed: bool
) -> tuple[str, ...]:
    """Columns that are compared."""
    if len(columns) < 2:
        raise ReadError(f"{len(columns)} table given, expected at least two to intersect")
    keys = RELAXED_KEYS if relaxed else STRICT_KEYS
    for name, found in zip(names, columns, strict=True):
        if missing := [key for key in keys if key not in found]:
            advice = "" if relaxed else "; -r compares fewer columns"
            raise ReadError(f"{name}: no column {', '.join(missing)}{advice}")
    return (*keys, _TRACK) if all(_TRACK in found for found in columns) else keys


def _joined_columns(
    names: Sequence[str], columns: Sequence[tuple[str, ...]], keys: Sequence[str]
) -> list[str]:
    joined = list(columns[0])
    for number, found in enumerate(columns[1:], start=1):
        joined += [f"{name}_{number}" for name in found if name not in keys]
    if repeated := sorted({name for name in joined if joined.count(name) > 1}):
        raise ReadError(
            f"{names[0]}: the join would have the column {repeated[0]} twice; rename it first"
        )
    return joined


# --- The join ------------------------------------------------------------------------------------


def _join(
    tables: "Sequence[pl.DataFrame]", keys: Sequence[str], columns: Sequence[tuple[str, ...]]
) -> "pl.DataFrame":
    import polars as pl

    compared = _key_columns(keys)
    joined = _with_keys(tables[0].select(columns[0]), keys).with_row_index(f"{_ROW}0")
    for number, table in enumerate(tables[1:], start=1):
        others = {name: f"{name}_{number}" for name in columns[number] if name not in keys}
        right = _with_keys(table, keys).with_row_index(f"{_ROW}{number}")
        right = right.select([*compared, f"{_ROW}{number}", *others]).rename(others)
        joined = joined.join(right, on=compared, how="inner")
    rows = [f"{_ROW}{number}" for number in range(len(tables))]
    return joined.sort(rows).select(pl.exclude([*rows, *compared]))


def _key_columns(keys: Sequence[str]) -> list[str]:
    return [f"{_KEY}{name}" for name in dict.fromkeys([*keys, _REGION])]


def _with_keys(table: "pl.DataFrame", keys: Sequence[str]) -> "pl.DataFrame":
    """Add what is compared: nothing is missing in it, since what is missing is equal."""
    import polars as pl

    chrom = _text_key("chr")
    region = _text_key(_REGION) if _REGION in table.columns else pl.lit(_NO_REGION)
    if _REGION not in keys:
        region = pl.when(chrom == MISSING).then(region).otherwise(pl.lit(_NO_REGION))
    made = {
        name: _number_key(name) if name in _NUMBERS else _text_key(name)
        for name in keys
        if name != _REGION
    }
    return table.with_columns(
        **{f"{_KEY}{name}": expression for name, expression in (made | {_REGION: region}).items()}
    )


def _text_key(name: str) -> "pl.Expr":
    import polars as pl

    text = pl.col(name).cast(pl.String)
    return pl.when(text == "").then(pl.lit(MISSING)).otherwise(text).fill_null(MISSING)


def _number_key(name: str) -> "pl.Expr":
    import polars as pl

    return pl.col(name).cast(pl.Int64, strict=False).fill_null(_NO_NUMBER)


# --- Files ---------------------------------------------------------------------------------------


class _Reader:
    """Reads the rows of some chromosomes of all tables, then those of others.

    Parameters
    ----------
    tables : sequence of HitTable
        The tables.
    keys : sequence of str
        Columns whose values are looked at.
    """

    def __init__(self, tables: Sequence[HitTable], keys: Sequence[str]) -> None:
        self.tables, self.keys = tables, keys
        self.rows = [0] * len(tables)
        self._labels: dict[str, int] = {}

    def buckets(self) -> "Iterator[list[pl.DataFrame]]":
        """Rows that can match, of each table."""
        bucket_of_label = self._plan()
        if int(bucket_of_label.max(initial=0)) == 0:
            yield [self._read(number) for number in range(len(self.tables))]
            return
        with TemporaryDirectory(prefix="finemo-zarr-") as folder:
            for number in range(len(self.tables)):
                self._spread(number, bucket_of_label, Path(folder))
            for bucket in range(int(bucket_of_label.max()) + 1):
                yield [_gather(self.tables[k], Path(folder) / f"{bucket}.{k}") for k in self._all]

    @property
    def _all(self) -> range:
        return range(len(self.tables))

    def _plan(self) -> NDArray[np.int64]:
        """Bucket of each label of the first table."""
        counts = np.zeros(0, np.int64)
        names = [name for name in ("chr", _REGION, _TRACK) if name in self.tables[0].columns]
        for block in self.tables[0].blocks(names):
            numbers = number_labels(self._places(block), self._labels)
            added = np.bincount(numbers, minlength=len(self._labels))
            added[: len(counts)] += counts
            counts = added
        return (np.cumsum(counts) - counts) // _BUCKET_ROWS

    def _places(self, block: TableBlock) -> "pl.Series":
        return block.places(tracks=_TRACK in self.keys)

    def _blocks(self, number: int) -> "Iterator[TableBlock]":
        for block in self.tables[number].blocks():
            for name in _NUMBERS:
                if name in self.keys:
                    block.integers(name)
            self.rows[number] += len(block.frame)
            yield block

    def _read(self, number: int) -> "pl.DataFrame":
        import polars as pl

        frames = [self.tables[number].no_rows().frame]
        for block in self._blocks(number):
            self._places(block)  # a row without a place is an error
            frames.append(block.frame)
        return pl.concat(frames)

    def _spread(self, number: int, bucket_of_label: NDArray[np.int64], folder: Path) -> None:
        """Write the rows of a table into one file for each bucket."""
        known = len(bucket_of_label)
        buckets = np.append(bucket_of_label, -1)
        for block in self._blocks(number):
            labels = number_labels(self._places(block), self._labels)
            bucket = buckets[np.minimum(labels, known)]
            for found in np.unique(bucket[bucket >= 0]).tolist():
                rows = block.frame.filter(bucket == found)
                with (folder / f"{found}.{number}").open("ab") as file:
                    append_rows(file, rows)


def _gather(table: HitTable, path: Path) -> "pl.DataFrame":
    import polars as pl

    header = "\t".join(table.columns).encode() + b"\n"
    text = path.read_bytes() if path.exists() else b""
    frame = pl.read_csv(header + text, separator="\t", quote_char=None, infer_schema_length=0)
    return frame.select(pl.all().fill_null(""))
