"""Hits as commands take them: a table, a hits store, or a folder that `call-hits` wrote."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from finemo_zarr.errors import FinemoError

if TYPE_CHECKING:
    from finemo_zarr.store import Location

TABLE = "hits.tsv"


def is_hits_store(path: "Location") -> bool:
    """Whether hits are to be read from a store, not from a table."""
    from finemo_zarr.store import hits_path, is_store

    inner = hits_path(path)
    return inner.is_dir() or is_store(inner)


@contextmanager
def as_tables(*paths: "Location") -> "Iterator[list[Location]]":
    """Tables of hits; those of stores are written into a folder that is removed at the end."""
    from finemo_zarr.export import write_tables

    with ExitStack() as stack:
        tables: list[Location] = []
        for path in paths:
            if is_hits_store(path):
                folder = TemporaryDirectory(prefix="finemo-zarr-")
                written = Path(stack.enter_context(folder))
                write_tables(path, written)
                tables.append(written / TABLE)
            else:
                tables.append(path)
        try:
            yield tables
        except FinemoError as error:  # the table is not what was given, and is gone by then
            text = str(error)
            for table, path in zip(tables, paths, strict=True):
                text = text.replace(str(table), str(path))
            error.args = (text,)
            raise
