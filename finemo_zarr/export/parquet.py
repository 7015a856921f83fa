"""The table of hits as Parquet: the columns of ``hits.tsv``, each with its type."""

from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from finemo_zarr.export._rows import hit_table, no_rows
from finemo_zarr.export._source import Source

if TYPE_CHECKING:
    import polars as pl


def write_parquet(source: Source, path: Path) -> None:
    """Write all hits; chromosome and name of the peak are null where there are no coordinates."""
    import polars as pl

    # Polars writes a frame at once, or joins files without holding them: stripe by stripe, then.
    with TemporaryDirectory(dir=path.parent, prefix=".parts-") as folder:
        parts = []
        for number, table in enumerate(_tables(source)):
            parts.append(Path(folder) / f"{number}.parquet")
            table.write_parquet(parts[-1])
        pl.scan_parquet(parts).sink_parquet(path)


def _tables(source: Source) -> "Iterator[pl.DataFrame]":
    import polars as pl

    places = source.places()
    # The first has no rows, but the columns and their types.
    yield hit_table(no_rows(source.opened.hits), source.opened, places)
    for table in source.tables(places):
        if not places.placed:
            nothing = pl.lit(None, dtype=pl.String)
            yield table.with_columns(chr=nothing, peak_name=nothing)
        else:
            yield table
