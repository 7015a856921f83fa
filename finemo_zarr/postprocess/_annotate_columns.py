"""Columns that say what hits lie on or near to."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from numpy.typing import NDArray

from finemo_zarr.errors import ReadError
from finemo_zarr.postprocess._annotate_files import (
    Summits,
    check_chroms,
    place_frame,
    read_intervals,
    read_summits,
    shared_text,
)
from finemo_zarr.postprocess._annotate_starts import Starts, read_starts
from finemo_zarr.postprocess._tables import MISSING, TableBlock

if TYPE_CHECKING:
    import pandas as pd
    import polars as pl

_NOBODY = -1


@dataclass(frozen=True)
class HitBlock:
    """Some rows of a table of hits.

    Parameters
    ----------
    table : TableBlock
        All their columns.
    places : pandas.DataFrame
        Columns `chrom`, `start`, `end`: the cores.
    """

    table: TableBlock
    places: "pd.DataFrame"

    @classmethod
    def of(cls, table: TableBlock) -> "HitBlock":
        """Take the places of the rows.

        Raises
        ------
        ReadError
            If one has no chromosome.
        """
        unplaced = table.frame["chr"].is_in(["", MISSING])
        if unplaced.any():
            what = "the hits have no chromosomes"
            if not unplaced.all():
                line = table.first_line + int(unplaced.arg_max() or 0)
                what = f"line {line} has no chromosome"
            raise ReadError(
                f"{table.path}: {what}, but files are compared by coordinates; call hits in "
                "regions that have them (extract-regions with peaks)"
            )
        return cls(table, place_frame(shared_text(table.frame["chr"]), *table.intervals()))

    def __len__(self) -> int:
        return len(self.places)

    @property
    def centre(self) -> NDArray[np.int64]:
        """Base in the middle of each core, the right one of two."""
        centre: NDArray[np.int64] = (self.places["start"] + self.places["end"]).to_numpy() // 2
        return centre

    def text(self, name: str) -> "pl.Series | None":
        """Return a column as it stands in the table."""
        return self.table.frame[name] if name in self.table.frame.columns else None


class Annotation(Protocol):
    """What adds columns to hits."""

    def columns(self, hits: HitBlock) -> "dict[str, pl.Series]":
        """Return a value for each hit, by the name of the column."""


@dataclass(frozen=True)
class PlaceIndex:
    """Intervals ordered by chromosome and start, so that those near others are soon found.

    Parameters
    ----------
    row, start, end : array of int64
        Row before they were ordered, and the interval.
    furthest : array of int64
        Largest end so far on the chromosome.
    bounds : mapping of str to (int, int)
        Where each chromosome begins and ends.
    """

    row: NDArray[np.int64]
    start: NDArray[np.int64]
    end: NDArray[np.int64]
    furthest: NDArray[np.int64]
    bounds: Mapping[str, tuple[int, int]]

    @classmethod
    def of(cls, places: "pd.DataFrame") -> "PlaceIndex":
        """Order intervals."""
        start, end = (places[name].to_numpy() for name in ("start", "end"))
        parts: list[NDArray[Any]] = [np.zeros(0, np.int64)]
        furthest: list[NDArray[Any]] = [np.zeros(0, np.int64)]
        bounds, done = {}, 0
        for chrom, rows in places.groupby("chrom", sort=False).indices.items():
            order = rows[np.argsort(start[rows], kind="stable")]
            parts.append(np.asarray(order))
            furthest.append(np.maximum.accumulate(end[order]))
            bounds[str(chrom)] = (done, done + len(rows))
            done += len(rows)
        row = np.concatenate(parts)
        return cls(row, start[row], end[row], np.concatenate(furthest), bounds)

    def near(self, places: "pd.DataFrame") -> "tuple[pd.DataFrame, NDArray[np.int64]]":
        """Intervals from the first to the last that may meet a place, and their rows."""
        reach = places.groupby("chrom", sort=False).agg({"start": "min", "end": "max"})
        parts: list[NDArray[Any]] = [np.zeros(0, np.int64)]
        chroms = [np.zeros(0, object)]
        for chrom, first, last in zip(reach.index, reach["start"], reach["end"], strict=True):
            low, high = self.bounds.get(chrom, (0, 0))
            begin = low + np.searchsorted(self.furthest[low:high], first, side="right")
            stop = low + np.searchsorted(self.start[low:high], last, side="left")
            parts.append(np.arange(begin, stop))
            chroms.append(np.full(max(stop - begin, 0), chrom, dtype=object))
        at = np.concatenate(parts)
        return place_frame(np.concatenate(chroms), self.start[at], self.end[at]), self.row[at]


def overlaps(
    places: "pd.DataFrame", others: PlaceIndex
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """All pairs that share at least one base, ordered by the first, then by the second."""
    import bioframe

    near, rows = others.near(places)
    if near.empty:
        return np.zeros(0, np.int64), np.zeros(0, np.int64)
    found = bioframe.overlap(places, near, how="inner", return_input=False, return_index=True)
    first = found["index"].to_numpy(dtype=np.int64)
    second = rows[found["index_"].to_numpy(dtype=np.int64)]
    order = np.lexsort((second, first))
    return first[order], second[order]


def nearest(centres: "pd.DataFrame", points: "pd.DataFrame") -> NDArray[np.int64]:
    """Index of the point nearest to each base, -1 where its chromosome has none.

    Of two that are equally far, it is the one that stands first.
    """
    import bioframe

    found = np.full(len(centres), _NOBODY, dtype=np.int64)
    usable = points[points["chrom"].isin(centres["chrom"].unique())]
    if centres.empty or usable.empty:
        return found
    pairs = bioframe.closest(
        centres,
        usable.reset_index(drop=True),
        return_input=False,
        return_index=True,
        return_distance=False,
    ).dropna()
    second = pairs["index_"].to_numpy(dtype=np.int64)
    found[pairs["index"].to_numpy(dtype=np.int64)] = usable.index.to_numpy()[second]
    return found


def _numbers(name: str, values: NDArray[np.int64], known: NDArray[np.bool_]) -> "pl.Series":
    import polars as pl

    frame = pl.DataFrame({"value": values, "known": known})
    return frame.select(pl.when("known").then("value").alias(name)).to_series()


# --- Intervals -----------------------------------------------------------------------------------


@dataclass(frozen=True)
class BedFlag:
    """``NAME``: whether the core of a hit shares a base with an interval, 0 or 1.

    Parameters
    ----------
    name : str
        Name of the column.
    intervals : pandas.DataFrame
        Intervals that share no base.
    index : PlaceIndex
        The same.
    with_bases : bool
        Whether to add ``NAME_bases``, the bases that it shares.
    """

    name: str
    intervals: "pd.DataFrame"
    index: PlaceIndex
    with_bases: bool = False

    def columns(self, hits: HitBlock) -> "dict[str, pl.Series]":
        """See the class."""
        import polars as pl

        one, two = overlaps(hits.places, self.index)
        start, end = (
            (hits.places[name].to_numpy()[one], self.intervals[name].to_numpy()[two])
            for name in ("start", "end")
        )
        shared = np.minimum(*end) - np.maximum(*start)
        bases = np.bincount(one, shared, minlength=len(hits)).astype(np.int64)
        columns = {self.name: pl.Series(self.name, (bases > 0).astype(np.int8))}
        if self.with_bases:
            columns[bases_name(self.name)] = pl.Series(bases_name(self.name), bases)
        return columns


def bases_name(name: str) -> str:
    """Name of the column with the number of bases."""
    return f"{name}_bases"


# --- Transcription starts ------------------------------------------------------------------------


@dataclass(frozen=True)
class NearestStart:
    """``tss_distance`` and ``tss_gene``: the nearest transcription start."""

    starts: Starts

    def columns(self, hits: HitBlock) -> "dict[str, pl.Series]":
        """See the class."""
        import polars as pl

        centre = hits.centre
        index = nearest(place_frame(hits.places["chrom"], centre, centre + 1), self.starts.places)
        known = index != _NOBODY
        position = self.starts.places["start"].to_numpy()[index]
        distance = (centre - position) * self.starts.direction[index]
        genes = self.starts.gene[index]
        genes[~known] = None
        return {
            "tss_distance": _numbers("tss_distance", distance, known),
            "tss_gene": pl.Series("tss_gene", genes.tolist(), dtype=pl.String),
        }


# --- Summits -------------------------------------------------------------------------------------


@dataclass(frozen=True)
class SummitDistance:
    """``summit_distance``: from the summit of the hit's own peak, else from the nearest one."""

    summits: Summits
    rows: Mapping[str, int]

    @classmethod
    def of(cls, summits: Summits) -> "SummitDistance":
        """Look up the peaks whose name stands only once."""
        return cls(summits, _unique(summits.name))

    def columns(self, hits: HitBlock) -> "dict[str, pl.Series]":
        """See the class."""
        centre = hits.centre
        index = self._own(hits)
        rest = np.flatnonzero(index == _NOBODY)
        chroms = hits.places["chrom"].to_numpy()[rest]
        bases = place_frame(chroms, centre[rest], centre[rest] + 1)
        index[rest] = nearest(bases, self.summits.places)
        distance = centre - self.summits.places["start"].to_numpy()[index]
        return {"summit_distance": _numbers("summit_distance", distance, index != _NOBODY)}

    def _own(self, hits: HitBlock) -> NDArray[np.int64]:
        """Row of the hit's peak: by a name that is unique, else by number and name together."""
        names = hits.text("peak_name")
        index = np.full(len(hits), _NOBODY, dtype=np.int64)
        if names is None:
            return index
        numbers = hits.text("peak_id")
        rows = [] if numbers is None else numbers.cast(int, strict=False).to_list()
        for hit, name in enumerate(names.to_list()):
            row = self.rows.get(name)
            if row is None and rows:
                row = self._row(rows[hit], name)
            index[hit] = _NOBODY if row is None else row
        known = index != _NOBODY
        same = self.summits.places["chrom"].to_numpy()[index] == hits.places["chrom"].to_numpy()
        return np.where(known & same, index, _NOBODY)

    def _row(self, number: int | None, name: str) -> int | None:
        if number is None or not 0 <= number < len(self.summits.name):
            return None
        return number if self.summits.name[number] == name else None


def _unique(names: Sequence[str]) -> dict[str, int]:
    """Rows of the names that stand only once; those that say nothing are none."""
    rows: dict[str, int] = {}
    repeated = {".", "", MISSING}
    for row, name in enumerate(names):
        if name in rows:
            repeated.add(name)
        rows[name] = row
    return {name: row for name, row in rows.items() if name not in repeated}


# --- All -----------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Wanted:
    """Files, each by what it is for."""

    beds: Mapping[str, Path]
    bases: bool = False
    tss: Path | None = None
    summits: Path | None = None

    def names(self) -> list[str]:
        """Names of the columns, in their order."""
        names = [
            column
            for name in self.beds
            for column in ([name, bases_name(name)] if self.bases else [name])
        ]
        names += [] if self.tss is None else ["tss_distance", "tss_gene"]
        return names + ([] if self.summits is None else ["summit_distance"])


def read_annotations(wanted: Wanted, chroms: Sequence[str]) -> list[Annotation]:
    """Read the files.

    Parameters
    ----------
    wanted : Wanted
        Which ones.
    chroms : sequence of str
        Chromosomes of the hits.

    Raises
    ------
    ReadError
        If one is damaged, or has no chromosome of the hits.
    """
    found: list[Annotation] = []
    for name, path in wanted.beds.items():
        intervals = read_intervals(path)
        check_chroms(chroms, _chroms(intervals), path)
        found.append(BedFlag(name, intervals, PlaceIndex.of(intervals), wanted.bases))
    if wanted.tss is not None:
        starts = read_starts(wanted.tss)
        check_chroms(chroms, _chroms(starts.places), wanted.tss)
        found.append(NearestStart(starts))
    if wanted.summits is not None:
        summits = read_summits(wanted.summits)
        check_chroms(chroms, _chroms(summits.places), wanted.summits)
        found.append(SummitDistance.of(summits))
    return found


def _chroms(places: "pd.DataFrame") -> Any:
    return places["chrom"].unique().tolist()
