"""Files that hits are annotated with: intervals, summits, and what all files have in common.

All positions are 0-based and half-open here, whatever the files count from.
"""

import warnings
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from finemo_zarr.errors import InputWarning, ReadError
from finemo_zarr.intervals import LARGEST_POSITION
from finemo_zarr.postprocess._tables import number_labels
from finemo_zarr.readers._peaks import read_peaks, records

if TYPE_CHECKING:
    import pandas as pd
    import polars as pl

_SHOWN = 5


class Summits(NamedTuple):
    """Summits of peaks, in the order of the file.

    Parameters
    ----------
    places : pandas.DataFrame
        Columns `chrom`, `start`, `end`; one base each.
    name : list of str
        Names of the peaks.
    """

    places: "pd.DataFrame"
    name: list[str]


def place_frame(chrom: Any, start: Any, end: Any) -> "pd.DataFrame":
    """Intervals as bioframe takes them."""
    import pandas as pd

    chroms = np.asarray(chrom, dtype=object)
    return pd.DataFrame(
        {"chrom": chroms, "start": np.asarray(start, np.int64), "end": np.asarray(end, np.int64)}
    )


def shared_text(names: "pl.Series") -> NDArray[Any]:
    """Names as objects, one for all that are the same."""
    known: dict[str, int] = {}
    numbers = number_labels(names, known)
    return np.array(list(known), dtype=object)[numbers]


def check_chroms(hits: Sequence[str], found: Iterable[str], path: Path) -> None:
    """Compare the chromosomes of hits with those of a file.

    Raises
    ------
    ReadError
        If they share none.

    Warns
    -----
    InputWarning
        If the file lacks some of the hits' chromosomes, or all there are.
    """
    names = list(dict.fromkeys(found))
    known = set(names)
    if not hits:
        return
    if not names:
        warnings.warn(f"{path}: holds nothing that a hit could meet", InputWarning, 2)
        return
    missing = [chrom for chrom in hits if chrom not in known]
    if len(missing) == len(hits):
        raise ReadError(
            f"{path}: none of its chromosomes ({_listed(names)}) is one of the hits' "
            f"({_listed(hits)}); rename them in one of the two, and see that both are of one genome"
        )
    if missing:
        warnings.warn(
            f"{path}: nothing on {len(missing)} of the {len(hits)} chromosomes of the hits: "
            f"{_listed(missing)}; hits there meet nothing",
            InputWarning,
            2,
        )


def _listed(names: Sequence[str]) -> str:
    shown = ", ".join(names[:_SHOWN])
    return f"{shown}, and {len(names) - _SHOWN} more" if len(names) > _SHOWN else shown


# --- Intervals -----------------------------------------------------------------------------------


def read_intervals(path: Path) -> "pd.DataFrame":
    """Read the bases that the intervals of a BED file cover.

    Returns
    -------
    pandas.DataFrame
        Columns `chrom`, `start`, `end`; no two intervals share a base.

    Raises
    ------
    ReadError
        With the line, if one is no interval.
    """
    import bioframe

    chroms, starts, ends = [], [], []
    names: dict[str, str] = {}
    for line, row in data_lines(path, "a BED file"):
        start, end = interval(row, path, line)
        chroms.append(names.setdefault(row[0], row[0]))
        starts.append(start)
        ends.append(end)
    frame = place_frame(chroms, starts, ends)
    frame = frame[frame["end"] > frame["start"]]
    if frame.empty:
        return frame
    merged: pd.DataFrame = bioframe.merge(frame, min_dist=0)[["chrom", "start", "end"]]
    return merged


def data_lines(path: Path, expected: str) -> Iterator[tuple[int, list[str]]]:
    """Lines with data; an empty file has none."""
    if path.is_file() and path.stat().st_size == 0:
        return
    yield from records(path, expected)


def interval(row: Sequence[str], path: Path, line: int) -> tuple[int, int]:
    """Start and end of a line of a BED file.

    Raises
    ------
    ReadError
        If it is no interval.
    """
    if len(row) < 3:
        found = "1 column" if len(row) == 1 else f"{len(row)} columns"
        raise ReadError(f"{path}, line {line}: {found}, expected chromosome, start and end")
    start, end = integer(row[1], "start", path, line), integer(row[2], "end", path, line)
    if start < 0 or end < start:
        raise ReadError(
            f"{path}, line {line}: {start} to {end} is no interval, expected 0 <= start <= end"
        )
    return start, end


def integer(text: str, what: str, path: Path, line: int) -> int:
    """Return the number of a cell.

    Raises
    ------
    ReadError
        If it is no position.
    """
    try:
        number = int(text)
    except ValueError:
        number = LARGEST_POSITION + 1
    if abs(number) > LARGEST_POSITION:
        raise ReadError(f"{path}, line {line}: {what} is {text!r:.40}, expected a position")
    return number


# --- Summits -------------------------------------------------------------------------------------


def read_summits(path: Path) -> Summits:
    """Read summits: column 10 of a narrowPeak file, the middle of the intervals of a BED file.

    Raises
    ------
    ReadError
        With the line, if one is no peak.
    """
    peaks = read_peaks(path)
    places = place_frame(peaks.chrom, peaks.summit, peaks.summit + 1)
    return Summits(places, [str(name) for name in peaks.name])
