"""Peak files: narrowPeak and BED, and the regions around their summits."""

import gzip
import re
import zlib
from array import array
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any, TextIO, cast

import numpy as np
from numpy.typing import NDArray

from finemo_zarr.errors import ReadError
from finemo_zarr.readers._checks import file_head

_SUMMIT_COLUMN = 9
_NARROWPEAK_COLUMNS = 10
_BED12_COLUMNS = 12
_NUMBERS = re.compile(r"\d+(,\d+)*,?")


@dataclass(frozen=True, eq=False)
class Coordinates:
    """Where regions lie, one entry per region.

    Parameters
    ----------
    chrom, name : array of str
        Chromosome and name.
    start, end : array of int64
        0-based, half-open; may reach beyond the chromosome.
    id : array of int64
        Row in the original peak file, from 0.
    example : array of int64, optional
        Row in the score files, where it is another.
    """

    chrom: NDArray[Any]
    start: NDArray[np.int64]
    end: NDArray[np.int64]
    name: NDArray[Any]
    id: NDArray[np.int64]
    example: NDArray[np.int64] | None = None

    def __len__(self) -> int:
        return len(self.start)

    def as_mapping(self) -> dict[str, Any]:
        """The columns by name, as :func:`finemo_zarr.model.create_regions` takes them."""
        return {field.name: getattr(self, field.name) for field in fields(self)}

    def crop(self, first: int, width: int) -> "Coordinates":
        """The regions cut to `width` bp from their base `first`."""
        start = self.start + first
        return replace(self, start=start, end=start + width)

    def describe(self, row: int) -> str:
        """One region, for a message."""
        place = f"{self.chrom[row]}:{self.start[row]}-{self.end[row]}"
        name = self.name[row]
        return f"row {row} ({place})" if name in {".", ""} else f"{name} (row {row}, {place})"


@dataclass(frozen=True, eq=False)
class Peaks:
    """The rows of a peak file, in its order.

    Parameters
    ----------
    path : Path
        The file.
    chrom, name : array of str
        Chromosome and name.
    start, end, summit : array of int64
        Interval, and position of the summit on the chromosome: the centre where none is given.
    id : array of int64
        Row number among the rows with data, from 0.
    """

    path: Path
    chrom: NDArray[Any]
    start: NDArray[np.int64]
    end: NDArray[np.int64]
    summit: NDArray[np.int64]
    name: NDArray[Any]
    id: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.start)

    def take(self, rows: Sequence[int]) -> "Peaks":
        """Some of the peaks, which keep their `id`."""
        index = np.asarray(rows, dtype=np.int64)
        columns = {
            field.name: getattr(self, field.name)[index]
            for field in fields(self)
            if field.name != "path"
        }
        return Peaks(self.path, **columns)

    def regions(self, width: int) -> Coordinates:
        """Regions of a width in bp, whose base ``width // 2`` is the summit."""
        start = self.summit - width // 2
        return Coordinates(self.chrom, start, start + width, self.name, self.id)

    def whole(self) -> Coordinates:
        """Regions from the start to the end of each peak."""
        return Coordinates(self.chrom, self.start, self.end, self.name, self.id)


@dataclass
class _Columns:
    chrom: list[str] = field(default_factory=list)
    start: "array[int]" = field(default_factory=lambda: array("q"))
    end: "array[int]" = field(default_factory=lambda: array("q"))
    summit: "array[int]" = field(default_factory=lambda: array("q"))
    name: list[str] = field(default_factory=list)

    def append(self, chrom: str, start: int, end: int, summit: int, name: str) -> None:
        self.chrom.append(chrom)
        self.start.append(start)
        self.end.append(end)
        self.summit.append(summit)
        self.name.append(name)


def read_peaks(path: Path) -> Peaks:
    """Read a narrowPeak or BED file, gzipped or not.

    A file whose first row has ten columns or more is narrowPeak, unless it is BED12; a summit of
    -1 stands for none. Blank, ``#``, ``track`` and ``browser`` lines are skipped. Columns are
    separated by tabs, or by white space where a line has no tab.

    Raises
    ------
    ReadError
        With the number of the line, if one is not a peak.
    """
    columns = _Columns()
    known: dict[str, str] = {}
    summits: bool | None = None
    for number, row in records(path, "a narrowPeak or BED file"):
        if summits is None:
            summits = len(row) >= _NARROWPEAK_COLUMNS and not _is_bed12(row)
        try:
            row[0] = known.setdefault(row[0], row[0])
            columns.append(*parse_peak(row, summits))
        except (ValueError, OverflowError) as error:
            raise ReadError(f"{path}, line {number}: {error}") from error
    if summits is None:
        raise ReadError(f"{path} has no peaks, expected narrowPeak or BED lines")
    return Peaks(
        path,
        _objects(columns.chrom),
        _integers(columns.start),
        _integers(columns.end),
        _integers(columns.summit),
        _objects(columns.name),
        np.arange(len(columns.chrom), dtype=np.int64),
    )


def parse_peak(row: Sequence[str], summits: bool) -> tuple[str, int, int, int, str]:
    """Chromosome, start, end, position of the summit and name of one row.

    Parameters
    ----------
    row : sequence of str
        The columns.
    summits : bool
        Whether column 10 is the summit, relative to the start.

    Raises
    ------
    ValueError
        If it is not a peak.
    """
    needed = _NARROWPEAK_COLUMNS if summits else 3
    if len(row) < needed:
        raise ValueError(f"{len(row)} columns, expected at least {needed}")
    start, end = _integer("start", row[1]), _integer("end", row[2])
    if start < 0:
        raise ValueError(f"start is {start}, expected 0 or more")
    if start >= end:
        raise ValueError(f"start {start} is not before end {end}")
    offset = _integer("summit", row[_SUMMIT_COLUMN]) if summits else -1
    if not -1 <= offset < end - start:
        raise ValueError(
            f"summit {offset} is outside the peak, expected 0 to {end - start - 1},"
            " relative to the start (-1: none)"
        )
    summit = (start + end) // 2 if offset == -1 else start + offset
    name = row[3] if len(row) > 3 else f"{row[0]}:{start}-{end}"
    return row[0], start, end, summit, name


def records(path: Path, expected: str) -> Iterator[tuple[int, list[str]]]:
    """Number, from 1, and columns of each line with data of a text file, gzipped or not."""
    compressed = file_head(path, expected).startswith(b"\x1f\x8b")
    opener = gzip.open if compressed else open
    try:
        with opener(path, "rt", encoding="utf-8-sig", errors="replace") as handle:
            yield from _split(cast("TextIO", handle))
    except (OSError, EOFError, zlib.error) as error:
        raise ReadError(f"{path} is damaged or truncated: {error}") from error


def _split(handle: TextIO) -> Iterator[tuple[int, list[str]]]:
    for number, line in enumerate(handle, start=1):
        text = line.strip("\r\n ")
        row = text.split("\t") if "\t" in text else text.split()
        if row and row[0] and row[0][0] != "#" and row[0].split()[0] not in {"track", "browser"}:
            yield number, row


def read_chrom_order(path: Path) -> list[str]:
    """Chromosomes in the order of a file's first column.

    Raises
    ------
    ReadError
        If the file is missing or names no chromosome.
    """
    order = list(dict.fromkeys(row[0] for _, row in records(path, "a list of chromosomes")))
    if not order:
        raise ReadError(f"{path} names no chromosome, expected one at the start of each line")
    return order


def _integer(what: str, text: str) -> int:
    try:
        return int(text)
    except ValueError:
        raise ValueError(f"{what} is {text!r}, expected an integer") from None


def _is_bed12(row: Sequence[str]) -> bool:
    lists = row[_BED12_COLUMNS - 2 : _BED12_COLUMNS]
    return len(row) >= _BED12_COLUMNS and all(
        _NUMBERS.fullmatch(text) and str(len(text.strip(",").split(","))) == row[_SUMMIT_COLUMN]
        for text in lists
    )


def _objects(values: list[str]) -> NDArray[Any]:
    column = np.empty(len(values), dtype=object)
    column[:] = values
    return column


def _integers(values: "array[int]") -> NDArray[np.int64]:
    return np.frombuffer(values, dtype=np.int64)
