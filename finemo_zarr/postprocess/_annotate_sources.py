"""Hits to annotate, block by block, whether they lie in a file, a store or in memory."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from finemo_zarr.errors import ReadError
from finemo_zarr.postprocess._annotate_columns import HitBlock
from finemo_zarr.postprocess._tables import MISSING, HitTable, TableBlock
from finemo_zarr.store import HitsStore, Location, RemotePath, hits_path, is_store, open_hits
from finemo_zarr.store import reading as reading_store

if TYPE_CHECKING:
    import pandas as pd
    import polars as pl

_PLACE = ("chr", "start", "end")
_INTEGERS = ("start", "end", "start_untrimmed", "end_untrimmed", "peak_id", "is_primary")
_NOT_SCORES = ("hit_region", "hit_motif", "hit_track")
_POSITIONS = ("start", "end", "start_untrimmed", "end_untrimmed")


@dataclass(frozen=True)
class FrameTable(HitTable):
    """Hits in memory, as if they were read from a file; rows are counted from 0.

    Parameters
    ----------
    frame : polars.DataFrame
        Columns like those of ``hits.tsv``.
    """

    frame: "pl.DataFrame"

    @classmethod
    def of(cls, frame: "pl.DataFrame", name: Location) -> "FrameTable":
        """Take a table.

        Raises
        ------
        ReadError
            If it has no places.
        """
        if missing := [name for name in _PLACE if name not in frame.columns]:
            raise ReadError(
                f"{name}: no column {', '.join(missing)} (found {', '.join(frame.columns):.200}); "
                "expected a table like hits.tsv of call-hits"
            )
        return cls(name, tuple(frame.columns), frame)

    def blocks(self, wanted: Sequence[str] | None = None) -> Iterator[TableBlock]:
        """All rows at once, as text."""
        import polars as pl

        names = list(self.columns if wanted is None else wanted)
        text = self.frame.select(pl.col(names).cast(pl.String).fill_null(""))
        yield TableBlock(self.path, 0, text)


def frame_of(hits: "pl.DataFrame | pd.DataFrame | Path | str | RemotePath") -> FrameTable:
    """Hits from anything that has them.

    Raises
    ------
    ReadError
        If they cannot be read.
    """
    import polars as pl

    if isinstance(hits, pl.DataFrame):
        return FrameTable.of(hits, Path("hits"))
    if not isinstance(hits, (str, Path, RemotePath)):
        columns = {str(name): hits[name].to_list() for name in hits.columns}
        return FrameTable.of(pl.DataFrame(columns, strict=False), Path("hits"))
    path = hits_path(hits)
    if path.is_dir() or is_store(path):
        opened = open_hits(path)
        with reading_store(path):
            return FrameTable.of(_store_frame(opened), path)
    return FrameTable.of(_typed(HitTable.open(path)), path)


def _typed(table: HitTable) -> "pl.DataFrame":
    import polars as pl

    parts = [pl.DataFrame(schema=dict.fromkeys(table.columns, pl.String))]
    parts += [block.frame for block in _checked(table)]
    kinds: dict[str, Any] = {name: pl.Int64() for name in _INTEGERS}
    kinds |= {name: pl.Float64() for name in table.columns if name.startswith("hit_")}
    casts = [
        pl.col(name).cast(kind, strict=False)
        for name, kind in kinds.items()
        if name in table.columns
    ]
    return pl.concat(parts).with_columns(casts)


def _checked(table: HitTable) -> Iterator[TableBlock]:
    """Blocks without fault: later, their lines would not be known."""
    for block in table.blocks():
        HitBlock.of(block)
        for name in ("start_untrimmed", "end_untrimmed"):
            if name in table.columns:
                block.integers(name)
        for name in table.columns:
            if name.startswith("hit_"):
                block.floats(name)
        yield block


def _store_frame(opened: HitsStore) -> "pl.DataFrame":
    """Columns of ``hits.tsv``, in the order of the store."""
    import polars as pl

    hits, motifs, regions = opened.hits.load(), opened.motifs, opened.regions.load()
    region, motif = hits["hit_region"].values, hits["hit_motif"].values

    def text(values: Any, index: Any) -> pl.Series:
        return pl.Series(values.tolist(), dtype=pl.String).gather(index)

    placed = "region_chrom" in regions
    offset = regions["region_start"].values[region] if placed else 0
    missing = np.full(opened.qc.sizes["region"], MISSING)
    chroms = regions["region_chrom"].values if placed else missing
    names = regions["region_name"].values if placed else missing
    numbers = regions["region_id"].values if placed else np.arange(len(missing))
    scores = [str(name) for name in hits.data_vars if name not in _NOT_SCORES]
    columns: dict[str, Any] = {
        "chr": text(chroms, region),
        **{name: offset + hits[f"hit_{name}"].values.astype(np.int64) for name in _POSITIONS},
        "motif_name": text(motifs["motif_name"].values, motif),
        **{
            name: hits[name].values
            for name in scores
            if name.removeprefix("hit_") not in _POSITIONS
        },
        "strand": text(motifs["motif_strand"].values, motif),
        "peak_name": text(names, region),
        "peak_id": numbers[region],
    }
    if "hit_track" in hits:
        columns["track"] = text(regions["track"].values, hits["hit_track"].values)
    return pl.DataFrame(columns)
