"""Chains of hits, and the best of each: ``is_primary`` by clusters.

Hits of one place (a chromosome, or a region where there are no coordinates, and a track) are taken
by start. A hit joins the running cluster while it begins no later than the cluster's end plus a
distance; so the best of a cluster may stand for hits that it does not touch.
"""

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, NamedTuple

import numpy as np
from numpy.typing import NDArray

from finemo_zarr import __version__
from finemo_zarr.errors import ReadError, RunError
from finemo_zarr.intervals import Intervals, position_order
from finemo_zarr.model import variable_attrs
from finemo_zarr.postprocess._columns import HitColumns, hit_columns
from finemo_zarr.postprocess._stores import copy_with_variable
from finemo_zarr.postprocess._tables import (
    HitTable,
    new_table,
    number_labels,
    raw_blocks,
    read_header,
)
from finemo_zarr.postprocess.collapse import COLUMN, VARIABLE, CollapseCounts, write_marked
from finemo_zarr.store import Location, RemotePath, hits_path, is_store, locate, open_hits, reading

if TYPE_CHECKING:
    import xarray as xr

_MEANING = "Whether it is the best hit of its cluster."


@dataclass(frozen=True)
class ClusterOptions:
    """How hits are clustered.

    Parameters
    ----------
    max_dist : int
        A hit joins a cluster if it begins at most this many bp behind its end: 0 joins hits that
        overlap or touch, -3 asks for an overlap of three bases with the cluster.
    by_motif : bool
        Cluster the hits of each motif, on either strand, by themselves.
    merge_coordinates : bool
        Give the best hit of a table the start and end of its cluster. Not for stores, where a hit
        is as wide as the core of its motif.
    score : str
        Column of a table, or variable of a store, by which the best hit is found: the largest
        number, and of equal ones the first.
    """

    max_dist: int = 0
    by_motif: bool = False
    merge_coordinates: bool = False
    score: str = "hit_similarity"


class Clusters(NamedTuple):
    """Arrays ``(hit,)``, in the order of the hits.

    Parameters
    ----------
    cluster : array of int64
        Number of the cluster.
    best : array of bool
        Whether the hit is the best of its cluster.
    start, end : array of int64
        Of its cluster.
    """

    cluster: NDArray[np.int64]
    best: NDArray[np.bool_]
    start: NDArray[np.int64]
    end: NDArray[np.int64]


def single_linkage(places: Intervals, scores: NDArray[np.floating], max_dist: int = 0) -> Clusters:
    """Cluster intervals, and find the best of each cluster.

    Parameters
    ----------
    places : Intervals
        Only those of one group can be in one cluster.
    scores : array, ``(interval,)``
        Numbers; what is NaN is worse than any number.
    max_dist : int
        See :class:`ClusterOptions`.
    """
    count = len(scores)
    order = position_order(places)
    group, start, end = places.take(order)
    group, start, end = (np.asarray(values, dtype=np.int64) for values in (group, start, end))
    reach = _running_ends(group, end)
    # What is behind an earlier cluster is behind all of it: its end need not be forgotten.
    begins = np.ones(count, dtype=np.bool_)
    begins[1:] = (group[1:] != group[:-1]) | (start[1:] > reach[:-1] + max_dist)
    number = np.cumsum(begins) - 1
    firsts = np.flatnonzero(begins)
    ranked = np.where(np.isnan(scores), -np.inf, scores.astype(np.float64))[order]
    # NaN, too, is less than the worst of numbers.
    known = ~np.isnan(np.asarray(scores, dtype=np.float64))[order]
    by_score = np.lexsort((np.arange(count), -ranked, ~known, number))
    best = np.zeros(count, dtype=np.bool_)
    best[by_score[firsts]] = True
    found = Clusters(
        np.empty(count, np.int64),
        np.empty(count, np.bool_),
        np.empty(count, np.int64),
        np.empty(count, np.int64),
    )
    ends = np.maximum.reduceat(end, firsts) if count else end
    columns = (number, best, start[firsts][number], ends[number])
    for column, values in zip(found, columns, strict=True):
        column[order] = values
    return found


def _running_ends(group: NDArray[np.int64], end: NDArray[np.int64]) -> NDArray[np.int64]:
    """Largest end so far of each group; intervals of a group stand together."""
    if not len(end):
        return end
    low = int(end.min())
    span = int(end.max()) - low + 1
    rank = np.cumsum(np.append(0, group[1:] != group[:-1]))
    lifted = np.maximum.accumulate(end - low + rank * span)
    return np.asarray(lifted - rank * span + low)


def cluster(
    hits: HitColumns, scores: NDArray[np.floating], options: ClusterOptions | None = None
) -> Clusters:
    """Cluster hits.

    Parameters
    ----------
    hits : HitColumns
        From :func:`finemo_zarr.postprocess.read_hits`.
    scores : array, ``(hit,)``
        By which the best is found.
    options : ClusterOptions, optional
        How.
    """
    options = options or ClusterOptions()
    places = hits.places
    if options.by_motif:
        group = places.group * max(len(hits.motif_names), 1) + hits.motif
        places = places._replace(group=group)
    return single_linkage(places, scores, options.max_dist)


def cluster_hits(
    source: Path | str | RemotePath,
    out: Path | str | RemotePath,
    options: ClusterOptions | None = None,
    *,
    overwrite: bool = False,
) -> CollapseCounts:
    """Copy a table or a hits store, with the best hit of each cluster marked.

    Parameters
    ----------
    source, out : path
        As for :func:`finemo_zarr.postprocess.collapse_hits`.
    options : ClusterOptions, optional
        How hits are clustered.
    overwrite : bool
        Replace output that exists.

    Raises
    ------
    ReadError
        If the input is damaged, or has not the score.
    RunError
        If the output cannot be written, coordinates of a store are to be merged, or no hit has the
        score.
    """
    options, target = options or ClusterOptions(), locate(out)
    path = hits_path(source)
    if path.is_dir() or is_store(path):
        return _cluster_store(path, target, options, overwrite=overwrite)
    if target.suffix == ".zarr":
        raise RunError(f"{target}: {path} is a table, and becomes a table; name it .tsv")
    table = HitTable.open(path)
    places, scores = _read_table(table, options)
    found = single_linkage(places, scores, options.max_dist)
    with new_table(target, overwrite=overwrite) as file:
        if options.merge_coordinates:
            _write_merged(table, found, file)
        else:
            write_marked(table, found.best, file)
    return CollapseCounts(len(found.best), int(found.best.sum()))


def _read_table(table: HitTable, options: ClusterOptions) -> tuple[Intervals, NDArray[np.float64]]:
    """What clustering looks at: tables of other programs need have no more."""
    table.require(options.score, *(["motif_name"] if options.by_motif else []))
    wanted = {"chr", "start", "end", "peak_id", "track", "motif_name", options.score}
    tracks = "track" in table.columns
    labels: dict[str, int] = {}
    names: dict[str, int] = {}
    parts = [(np.zeros(0, np.int64),) * 4 + (np.zeros(0),)]
    for block in table.blocks([name for name in table.columns if name in wanted]):
        group = number_labels(block.places(tracks=tracks), labels)
        motif = np.zeros_like(group)
        if options.by_motif:
            motif = number_labels(block.frame["motif_name"], names)
        parts.append((group, motif, *block.intervals(), block.floats(options.score)))
    group, motif, start, end, scores = map(np.concatenate, zip(*parts, strict=True))
    check_known(scores, options.score, table.path)
    return Intervals(group * max(len(names), 1) + motif, start, end), scores


def _cluster_store(
    path: Location, target: Location, options: ClusterOptions, *, overwrite: bool
) -> CollapseCounts:
    import xarray as xr

    if target.suffix != ".zarr":
        raise RunError(
            f"{target}: a hits store becomes a hits store, whose name ends in .zarr; for a table,"
            " collapse its hits.tsv"
        )
    if options.merge_coordinates:
        raise RunError(
            f"{path}: hits of a store are as wide as the cores of their motifs; to merge"
            " coordinates, collapse its hits.tsv"
        )
    opened = open_hits(path)
    with reading(path):
        scores = stored_score(opened.hits, options.score, path)
        columns = hit_columns(opened)
    check_known(scores, options.score, path)
    found = cluster(columns, scores, options)
    attrs = variable_attrs("hits", VARIABLE) | {"long_name": _MEANING}
    variable = {VARIABLE: xr.Variable("hit", found.best, attrs)}
    step = {
        "command": "collapse-hits",
        "options": {"method": "cluster", **asdict(options)},
        "version": __version__,
    }
    copy_with_variable(path, target, variable, step, overwrite=overwrite)
    return CollapseCounts(len(found.best), int(found.best.sum()))


def stored_score(hits: "xr.Dataset", name: str, path: Location) -> NDArray[np.float64]:
    """A variable of hits by which they are ranked.

    Raises
    ------
    ReadError
        If there is none of this name, or it holds no numbers.
    """
    if name not in hits or hits[name].dtype.kind not in "fiu":
        numbers = sorted(str(each) for each in hits.data_vars if hits[each].dtype.kind in "fiu")
        raise ReadError(f"{path}: no score {name}; there are {', '.join(numbers)}")
    values: NDArray[np.float64] = hits[name].values.astype(np.float64)
    return values


def check_known(scores: NDArray[np.floating], name: str, path: Location) -> None:
    """Fail if there are hits, and none has the score: any of them would be the best.

    Raises
    ------
    RunError
        Which score it is.
    """
    if len(scores) and np.isnan(scores).all():
        raise RunError(
            f"{path}: no hit has a {name}, which the best would be found by; name another score"
            " (--score)"
        )


def _write_merged(table: HitTable, found: Clusters, file: BinaryIO) -> None:
    columns = [*table.columns, *([] if COLUMN in table.columns else [COLUMN])]
    place = {name: columns.index(name) for name in ("start", "end", COLUMN)}
    header = read_header(table.path).rstrip(b"\r\n").split(b"\t")
    header[len(table.columns) :] = [COLUMN.encode()] * (len(columns) - len(table.columns))
    file.write(b"\t".join(header) + b"\n")
    rows = zip(*(values.tolist() for values in found[1:]), strict=True)
    for line, (best, start, end) in zip(_lines(table), rows, strict=True):
        fields = line.rstrip(b"\r\n").split(b"\t")
        fields[place[COLUMN] :] = [b"01"[best : best + 1], *fields[place[COLUMN] + 1 :]]
        if best:
            fields[place["start"]], fields[place["end"]] = b"%d" % start, b"%d" % end
        file.write(b"\t".join(fields) + b"\n")


def _lines(table: HitTable) -> Iterator[bytes]:
    for _, raw in raw_blocks(table.path):
        yield from BytesIO(raw)
