"""Hits that are more important, or more like their motif, than chance.

The *isotonic* filter compares the hits of each motif with random windows of the same width. The
*exponential* filter takes the hits of all motifs together and leaves out what lies at or below the
most frequent score.
"""

from collections.abc import Iterator
from io import BytesIO
from itertools import compress
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from finemo_zarr import __version__
from finemo_zarr.errors import ReadError
from finemo_zarr.postprocess._filter_exponential import (
    exponential_filter,
    exponential_threshold,
    tail_filter,
    tail_summary,
)
from finemo_zarr.postprocess._filter_isotonic import isotonic_filter
from finemo_zarr.postprocess._filter_source import (
    MEANINGS,
    ExponentialOptions,
    Filtered,
    IsotonicOptions,
    described,
)
from finemo_zarr.postprocess._new_store import write_hits_store
from finemo_zarr.postprocess._tables import HitTable, new_table, raw_blocks, read_header
from finemo_zarr.store import RemotePath, hits_path, locate, open_hits, read_info

__all__ = [
    "ExponentialOptions",
    "Filtered",
    "IsotonicOptions",
    "exponential_filter",
    "exponential_threshold",
    "filter_table",
    "isotonic_filter",
    "write_kept",
]


def write_kept(
    hits: Path | str | RemotePath,
    out: Path | str | RemotePath,
    filtered: Filtered,
    options: IsotonicOptions | ExponentialOptions,
    *,
    overwrite: bool = False,
) -> None:
    """Write a hits store with the hits that a filter kept.

    Parameters
    ----------
    hits : path
        The hits store that was filtered.
    out : path
        The new one.
    filtered : Filtered
        What was found.
    options : IsotonicOptions or ExponentialOptions
        How; the provenance says it.
    overwrite : bool
        Replace a store that exists.

    Raises
    ------
    RunError
        If it cannot be written.
    """
    import xarray as xr

    path = hits_path(hits)
    opened = open_hits(path)
    columns = {
        name: xr.Variable("hit", values.astype(np.float32), {"long_name": MEANINGS[name]})
        for name, values in filtered.columns.items()
    }
    kept = opened.hits.load().assign(columns).isel(hit=np.flatnonzero(filtered.kept))
    provenance = dict(read_info(path).provenance)
    step = {"command": "filter-hits", "options": described(options), "version": __version__}
    provenance["steps"] = [*provenance.get("steps", ()), step]
    write_hits_store(locate(out), opened._replace(hits=kept), provenance, overwrite=overwrite)


def filter_table(
    table: Path | str | RemotePath,
    out: Path | str | RemotePath,
    options: ExponentialOptions,
    *,
    overwrite: bool = False,
) -> Filtered:
    """Write the rows of a table whose score lies above the threshold, byte for byte.

    Parameters
    ----------
    table, out : path
        A table like ``hits.tsv``, and the new one.
    options : ExponentialOptions
        How.
    overwrite : bool
        Replace a table that exists.

    Raises
    ------
    ReadError
        If it is damaged, or has not the score.
    RunError
        If the output cannot be written, or a score is missing.
    """
    opened = HitTable.open(table)
    if options.score not in opened.columns:
        raise ReadError(
            f"{opened.path}: no column {options.score} (found {', '.join(opened.columns):.200});"
            " name that of the score (--score)"
        )
    scores = [block.floats(options.score) for block in opened.blocks([options.score])]
    score = np.concatenate([np.zeros(0), *scores])
    found = Filtered(np.zeros(len(score), np.bool_), {}, [], [])
    if len(score):
        panel, kept = tail_filter(score, options, opened.path)
        found = Filtered(kept, {}, [tail_summary(panel, kept)], [panel])
    with new_table(out, overwrite=overwrite) as file:
        file.write(read_header(opened.path))
        for rows, lines in _with_lines(opened, found.kept):
            file.writelines(compress(lines, rows.tolist()))
    return found


def _with_lines(
    table: HitTable, kept: NDArray[np.bool_]
) -> Iterator[tuple[NDArray[np.bool_], list[bytes]]]:
    done = 0
    for _, raw in raw_blocks(table.path):
        lines = list(BytesIO(raw))
        yield kept[done : done + len(lines)], lines
        done += len(lines)
