"""The best of hits that overlap: ``is_primary`` in a table, ``hit_is_primary`` in a store.

Two hits overlap when they share at least a share of their mean length, and at least one base, on
one chromosome (in one region where there are no coordinates) and in one track. Only the cores
count. A hit without a similarity loses to any that has one.
"""

from collections.abc import Callable
from dataclasses import asdict, dataclass
from functools import partial
from io import BytesIO
from pathlib import Path
from tempfile import TemporaryFile
from typing import TYPE_CHECKING, Any, BinaryIO, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from finemo_zarr import __version__
from finemo_zarr.errors import RunError
from finemo_zarr.intervals import Intervals, least_share, position_order, stripes
from finemo_zarr.model import variable_attrs
from finemo_zarr.postprocess._columns import region_places
from finemo_zarr.postprocess._stores import copy_with_variable
from finemo_zarr.postprocess._tables import (
    HitTable,
    new_table,
    number_labels,
    raw_blocks,
    read_header,
)
from finemo_zarr.store import Location, RemotePath, hits_path, is_store, locate, open_hits, reading

if TYPE_CHECKING:
    import xarray as xr

Method = Literal["pairwise", "greedy"]
COLUMN = "is_primary"
VARIABLE = "hit_is_primary"
_MEANING = "Whether no hit that it overlaps is more similar."
_STRIPE_HITS = 2**20
_READ_HITS = 2**16


class CollapseCounts(NamedTuple):
    """How many hits there are, and how many of them are primary."""

    hits: int
    primary: int


@dataclass(frozen=True)
class _Rule:
    overlap: float
    method: Method

    def __post_init__(self) -> None:
        least_share(self.overlap)
        if self.method not in ("pairwise", "greedy"):
            raise ValueError(f"the method is {self.method!r}, expected 'pairwise' or 'greedy'")


class _Hits(NamedTuple):
    """Hits of some rows; `ties` say, the first first, which of those of one start is earlier."""

    start: NDArray[np.int64]
    end: NDArray[np.int64]
    similarity: NDArray[np.floating[Any]]
    ties: tuple[NDArray[Any], ...] = ()


def collapse(
    hits: "xr.Dataset",
    regions: "xr.Dataset | None" = None,
    *,
    overlap: float = 0.2,
    method: Method = "pairwise",
) -> "xr.Dataset":
    """Mark the best of hits that overlap.

    Parameters
    ----------
    hits : xarray.Dataset
        A hits dataset; a lazy one is read a chromosome at a time.
    regions : xarray.Dataset, optional
        Where its regions lie. Without coordinates, only hits of one region can overlap.
    overlap : float
        Share of their mean length that two hits must share to overlap, from 0 to 1.
    method : {"pairwise", "greedy"}
        ``pairwise``: of any two that overlap, the less similar one is not primary; on a tie it is
        the later one, by start, then by untrimmed start, then by motif. A hit that is not primary
        still beats others. ``greedy``: the best hit is primary and those that overlap it are not;
        so on with the best that is left.

    Returns
    -------
    xarray.Dataset
        The hits, with the variable ``hit_is_primary``.

    Raises
    ------
    RunError
        If hits overlap, and none has a similarity.
    ValueError
        If the share or method is none.
    """
    import xarray as xr

    group, read = _from_dataset(hits, regions)
    primary = _primary(group, read, _Rule(overlap, method), "the hits")
    return hits.assign({VARIABLE: xr.Variable("hit", primary, _attrs())})


def collapse_hits(
    source: Path | str | RemotePath,
    out: Path | str | RemotePath,
    *,
    overlap: float = 0.2,
    method: Method = "pairwise",
    overwrite: bool = False,
) -> CollapseCounts:
    """Copy a table or a hits store, with the best of hits that overlap marked.

    Parameters
    ----------
    source : path
        A table like ``hits.tsv``, a hits store, or a folder that `call-hits` wrote.
    out : path
        What a table becomes: a table, byte for byte the same but for the column ``is_primary``, 0
        or 1. What a store becomes: a store, with the variable ``hit_is_primary``.
    overlap, method
        See :func:`collapse`. In a table, the earlier of two that start at one place is the one
        that stands first.
    overwrite : bool
        Replace output that exists.

    Raises
    ------
    ReadError
        If the input is damaged, with line and column.
    RunError
        If the output cannot be written, or hits overlap and none has a similarity.
    ValueError
        If the share or method is none.
    """
    rule, target = _Rule(overlap, method), locate(out)
    path = hits_path(source)
    if path.is_dir() or is_store(path):
        if target.suffix != ".zarr":
            raise RunError(
                f"{target}: a hits store becomes a hits store, whose name ends in .zarr; for a "
                "table, collapse its hits.tsv"
            )
        return _collapse_store(path, target, rule, overwrite=overwrite)
    if target.suffix == ".zarr":
        raise RunError(f"{target}: {path} is a table, and becomes a table; name it .tsv")
    return _collapse_table(HitTable.open(path), target, rule, overwrite=overwrite)


def _primary(
    group: NDArray[Any], read: Callable[[NDArray[np.int64]], _Hits], rule: _Rule, source: Any
) -> NDArray[np.bool_]:
    primary, known = np.ones(len(group), dtype=np.bool_), False
    for rows in stripes(group, _STRIPE_HITS):
        hits = read(rows)
        known |= not np.isnan(hits.similarity).all()
        primary[rows] = _sweep(group[rows], hits, rule)
    if not known and not primary.all():
        raise RunError(
            f"{source}: hits overlap, and none has a hit_similarity by which the best would be"
            " found; collapse by another score (--method cluster --score NAME)"
        )
    return primary


def _sweep(group: NDArray[Any], hits: _Hits, rule: _Rule) -> NDArray[np.bool_]:
    from finemo_zarr.postprocess import _sweep_kernels as kernels

    order = np.lexsort(hits.ties[::-1]) if hits.ties else np.arange(len(group))
    order = order[position_order(Intervals(group, hits.start, hits.end).take(order))]
    places = Intervals(group.astype(np.int64), hits.start, hits.end).take(order)
    similarity = hits.similarity.astype(np.float64)[order]
    similarity[np.isnan(similarity)] = -np.inf
    primary = np.ones(len(group), dtype=np.bool_)
    least = least_share(rule.overlap)
    if rule.method == "pairwise":
        kernels.pairwise(*places, similarity, least, primary)
    else:
        best_first = np.argsort(-similarity, kind="stable")
        kernels.greedy(*places, best_first, least, primary)
    result = np.empty_like(primary)
    result[order] = primary
    return result


# --- Datasets and stores -------------------------------------------------------------------------


def _attrs() -> dict[str, str]:
    return variable_attrs("hits", VARIABLE) or {"long_name": _MEANING}


def _from_dataset(
    hits: "xr.Dataset", regions: "xr.Dataset | None", read_rows: "_RowReader | None" = None
) -> tuple[NDArray[np.int64], Callable[[NDArray[np.int64]], _Hits]]:
    region = hits["hit_region"].values
    # Regions without coordinates are not counted by anything in their dataset.
    count = int(region.max(initial=-1)) + 1
    _, group_of_region, offset, number = region_places(regions, count)
    read_rows = read_rows or _read_rows
    group = group_of_region[region]
    if "hit_track" in hits:
        tracks = hits["hit_track"].values
        group = group * (int(tracks.max(initial=0)) + 1) + tracks

    def read(rows: NDArray[np.int64]) -> _Hits:
        part = read_rows(hits, rows)
        at = part["hit_region"]
        start, end, untrimmed = (
            part[f"hit_{name}"] + offset[at] for name in ("start", "end", "start_untrimmed")
        )
        # As exact as tables are, so that the same hits tie.
        similarity = part["hit_similarity"].astype(np.float32)
        return _Hits(start, end, similarity, (untrimmed, part["hit_motif"], number[at]))

    return group, read


_RowReader = Callable[["xr.Dataset", NDArray[np.int64]], dict[str, NDArray[Any]]]
_READ = ("region", "motif", "start", "end", "start_untrimmed", "similarity")


def _read_rows(hits: "xr.Dataset", rows: NDArray[np.int64]) -> dict[str, NDArray[Any]]:
    """Read rows, chunk by chunk: those of one chromosome may lie far apart."""
    bounds = np.arange(rows[0] // _READ_HITS, rows[-1] // _READ_HITS + 2) * _READ_HITS
    cuts = np.searchsorted(rows, bounds)
    parts: dict[str, list[NDArray[Any]]] = {f"hit_{name}": [] for name in _READ}
    for first, low, high in zip(bounds.tolist(), cuts, cuts[1:], strict=False):
        if high > low:
            chunk = hits.isel(hit=slice(first, first + _READ_HITS))
            for name, found in parts.items():
                found.append(chunk[name].values[rows[low:high] - first])
    return {name: np.concatenate(found) for name, found in parts.items()}


def _collapse_store(
    path: Location, out: Location, rule: _Rule, *, overwrite: bool
) -> CollapseCounts:
    import xarray as xr

    opened = open_hits(path)
    with reading(path):
        opened.regions.load()
        for name in {"hit_region", "hit_track"} & set(opened.hits):
            opened.hits[name].load()
    group, read = _from_dataset(opened.hits, opened.regions, reading(path)(_read_rows))
    variable = {VARIABLE: xr.Variable("hit", _primary(group, read, rule, path), _attrs())}
    step = {"command": "collapse-hits", "options": asdict(rule), "version": __version__}
    copy_with_variable(path, out, variable, step, overwrite=overwrite)
    return _counts(variable[VARIABLE].values)


def _counts(primary: NDArray[np.bool_]) -> CollapseCounts:
    return CollapseCounts(len(primary), int(primary.sum()))


# --- Tables --------------------------------------------------------------------------------------

_RECORD = np.dtype([("start", np.int64), ("end", np.int64), ("similarity", np.float64)])


def _collapse_table(
    table: HitTable, out: Location, rule: _Rule, *, overwrite: bool
) -> CollapseCounts:
    table.require(table.similarity)
    # Numbers wait on the disk, so that memory holds those of one chromosome only.
    with new_table(out, overwrite=overwrite) as file, TemporaryFile() as scratch:
        group = _spool(table, scratch)
        primary = _primary(group, partial(_read_records, scratch), rule, table.path)
        write_marked(table, primary, file)
    return _counts(primary)


def _spool(table: HitTable, scratch: BinaryIO) -> NDArray[np.int64]:
    """Put the numbers of all hits into a file; returns the group of each."""
    tracks = "track" in table.columns
    names = ["chr", "start", "end", table.similarity, "peak_id", "track"]
    labels: dict[str, int] = {}
    groups = [np.zeros(0, np.int64)]
    for block in table.blocks([name for name in names if name in table.columns]):
        records = np.empty(len(block.frame), dtype=_RECORD)
        records["start"], records["end"] = block.intervals()
        records["similarity"] = block.floats(table.similarity)
        groups.append(number_labels(block.places(tracks=tracks), labels))
        scratch.write(records.tobytes())
    scratch.flush()
    return np.concatenate(groups)


def _read_records(scratch: BinaryIO, rows: NDArray[np.int64]) -> _Hits:
    records = np.memmap(scratch, dtype=_RECORD, mode="r")[rows]
    return _Hits(records["start"], records["end"], records["similarity"])


def write_marked(table: HitTable, primary: NDArray[np.bool_], file: BinaryIO) -> None:
    """Write the rows of a table, byte for byte, with marks behind or in the place of earlier ones.

    Parameters
    ----------
    table : HitTable
        What is copied.
    primary : array of bool, ``(row,)``
        The marks.
    file : binary file
        Where to write.
    """
    place = table.columns.index(COLUMN) if COLUMN in table.columns else None
    header = read_header(table.path)
    file.write(_marked(header, COLUMN.encode(), place))
    done = 0
    for _, raw in raw_blocks(table.path):
        count = raw.count(b"\n") + (not raw.endswith(b"\n"))
        marks = np.where(primary[done : done + count], ord("1"), ord("0")).astype(np.uint8)
        done += count
        if place is None:
            file.write(_append_marks(raw, marks))
        else:
            lines = zip(BytesIO(raw), marks, strict=True)
            file.writelines(_marked(line, mark.tobytes(), place) for line, mark in lines)


def _append_marks(raw: bytes, marks: NDArray[np.uint8]) -> bytes:
    """Put a tab and a mark before the end of each line."""
    data = np.frombuffer(raw, dtype=np.uint8)
    ends = np.flatnonzero(data == ord("\n"))
    if len(ends) < len(marks):
        ends = np.append(ends, len(data))
    ends -= (ends > 0) & (data[ends - 1] == ord("\r"))
    cells = np.stack([np.full_like(marks, ord("\t")), marks], axis=1)
    return np.insert(data, np.repeat(ends, 2), cells.ravel()).tobytes()


def _marked(line: bytes, value: bytes, place: int | None) -> bytes:
    """Return a line with a value behind, or in the place of an earlier one."""
    text = line.rstrip(b"\r\n")
    ending = line[len(text) :]
    fields = text.split(b"\t")
    if place is None:
        fields.append(value)
    else:
        fields[place] = value
    return b"\t".join(fields) + ending
