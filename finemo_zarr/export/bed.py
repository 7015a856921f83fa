"""Hits as BED: six columns, nine with a colour for each motif, or nine compressed and indexed.

A site that is a hit in several overlapping regions is written once, by the first of them. Where
there are tracks, their name is one more column.
"""

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from finemo_zarr.export._colours import motif_colours
from finemo_zarr.export._rows import (
    BED_COLUMNS,
    TRACK,
    append,
    bed_table,
    text_rows,
    unique_sites,
)
from finemo_zarr.export._source import Source

if TYPE_CHECKING:
    import polars as pl

_LAST_OF_TBI = 2**29  # bases that a .tbi index can address


def write_bed(source: Source, path: Path) -> int:
    """Write ``chrom, start, end, motif, score, strand``; the score is 1000 times the similarity.

    Returns
    -------
    int
        Number of lines.
    """
    return _write(path, map(bed6, unique_tables(source)))


def write_bed9(source: Source, path: Path) -> int:
    """Write BED6, ``thickStart, thickEnd`` (all of the core) and ``itemRgb``.

    Returns
    -------
    int
        Number of lines.
    """
    colours = motif_colours(source.motif_names)
    return _write(path, (bed9(bed_table(table), colours) for table in unique_tables(source)))


def _write(path: Path, tables: "Iterable[pl.DataFrame]") -> int:
    lines = 0
    with path.open("wb") as file:
        for table in tables:
            append(file, table)
            lines += table.height
    return lines


def write_bed_gz(source: Source, path: Path) -> int:
    """Write BED9 in blocks of gzip, with a tabix index beside: .tbi, .csi for long chromosomes.

    Returns
    -------
    int
        Number of lines.
    """
    return write_indexed(source, path)[1]


def write_indexed(
    source: Source, path: Path, *, columns: "Callable[[pl.DataFrame], pl.DataFrame] | None" = None
) -> tuple[Path, int]:
    """Write BED9 compressed, and its index beside it.

    Parameters
    ----------
    source : Source
        The hits.
    path : Path
        Where to; ends in ``.gz``.
    columns : callable, optional
        Chooses among the columns.

    Returns
    -------
    Path, int
        The index, and the number of lines.
    """
    import pysam

    colours, furthest, lines = motif_colours(source.motif_names), 0, 0
    with pysam.BGZFile(str(path), "wb", index=None) as file:
        for table in unique_tables(source):
            rows = bed9(bed_table(table), colours)
            lines += rows.height
            furthest = max([furthest, *rows["end"].top_k(1).to_list()])
            for text in text_rows(rows if columns is None else columns(rows)):
                file.write(text)
    csi = furthest > _LAST_OF_TBI
    pysam.tabix_index(str(path), preset="bed", force=True, csi=csi)
    return path.with_name(f"{path.name}.{'csi' if csi else 'tbi'}"), lines


def unique_tables(source: Source, *, by_name: bool = False) -> "Iterator[pl.DataFrame]":
    """Sites of the hits, stripe by stripe, sorted within a chromosome."""
    return map(unique_sites, source.tables(source.places(by_name=by_name)))


def bed6(unique: "pl.DataFrame") -> "pl.DataFrame":
    """The columns of BED6, and the track where there are several."""
    return bed_table(unique).select([*BED_COLUMNS, *_track(unique)])


def bed9(placed: "pl.DataFrame", colours: dict[str, str]) -> "pl.DataFrame":
    """The columns of BED9, and the track where there are several.

    Parameters
    ----------
    placed : polars.DataFrame
        From :func:`~finemo_zarr.export._rows.bed_table`.
    colours : dict
        Of the motifs, by name.
    """
    import polars as pl

    thick = {"thickStart": pl.col("start"), "thickEnd": pl.col("end")}
    colour = pl.col("motif_name").replace_strict(colours, return_dtype=pl.String)
    coloured = placed.with_columns(**thick, itemRgb=colour)
    return coloured.select([*BED_COLUMNS, *thick, "itemRgb", *_track(placed)])


def _track(table: "pl.DataFrame") -> list[str]:
    return [TRACK] if TRACK in table.columns else []
