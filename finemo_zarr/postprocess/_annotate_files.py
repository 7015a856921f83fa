"""Files that hits are annotated with: intervals, transcription starts, summits.

All positions are 0-based and half-open here, whatever the files count from.
"""

import re
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
_STRANDS = {"+": 1, "-": -1, ".": 1, "": 1}
_GENE = re.compile(r'(?:^|;)\s*gene_name[ =]"?([^";]+)')
_GENE_ID = re.compile(r'(?:^|;)\s*(?:gene_id|gene|Name|ID)[ =]"?([^";]+)')
_GTF = (".gtf", ".gff", ".gff3")
_GTF_COLUMNS = 9
_CHROM_NAMES = ("chrom", "chr", "chromosome")
_POSITION_NAMES = ("pos", "position", "tss")
_GENE_NAMES = ("gene", "gene_name", "name")


class Starts(NamedTuple):
    """Transcription starts, ordered by chromosome and position; one for each position.

    Parameters
    ----------
    places : pandas.DataFrame
        Columns `chrom`, `start`, `end`; one base each.
    direction : array of int64
        1 where transcription runs along the chromosome, -1 where it runs against it.
    gene : array of str
        Name.
    """

    places: "pd.DataFrame"
    direction: NDArray[np.int64]
    gene: NDArray[Any]


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
    for line, row in _lines(path, "a BED file"):
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


def _lines(path: Path, expected: str) -> Iterator[tuple[int, list[str]]]:
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


# --- Transcription starts ------------------------------------------------------------------------

_Start = tuple[str, int, int, str]


def read_starts(path: Path) -> Starts:
    """Read transcription starts from GTF or GFF, from a table with a header, or from BED.

    Of a GTF, the starts of its transcripts are taken, or of its genes where it has none. A table
    has the columns `chrom` and `pos` (0-based), and may have `strand` and `gene`. In BED, the start
    is the first base of an interval on the strand ``+``, the last one on ``-``. Without a strand,
    it is ``+``.

    Raises
    ------
    ReadError
        With the line, if one is none of these.
    """
    name = path.name.removesuffix(".gz").lower()
    lines = _lines(path, "a GTF, BED or tab-separated file")
    if name.endswith(_GTF):
        return _starts(_of_gtf(lines, path), path)
    return _starts(_of_bed_or_table(lines, path), path)


def _starts(found: Iterable[_Start], path: Path) -> Starts:
    # Of several at one place, the first of the file; the order is that in which ties are broken.
    first: dict[tuple[str, int], tuple[int, str]] = {}
    for chrom, position, direction, gene in found:
        first.setdefault((chrom, position), (direction, gene))
    if not first:
        raise ReadError(f"{path}: no transcription start in it; expected a GTF, BED or TSV file")
    keys = sorted(first)
    positions = np.array([position for _, position in keys], dtype=np.int64)
    return Starts(
        place_frame([chrom for chrom, _ in keys], positions, positions + 1),
        np.array([first[key][0] for key in keys], dtype=np.int64),
        np.array([first[key][1] for key in keys], dtype=object),
    )


def _direction(text: str, path: Path, line: int) -> int:
    if text not in _STRANDS:
        raise ReadError(f"{path}, line {line}: strand is {text!r:.40}, expected + or -")
    return _STRANDS[text]


def _of_gtf(lines: Iterable[tuple[int, list[str]]], path: Path) -> Iterator[_Start]:
    genes: list[_Start] = []
    has_transcripts = False
    for line, row in lines:
        if len(row) < _GTF_COLUMNS:
            raise ReadError(f"{path}, line {line}: {len(row)} columns, expected 9 as in a GTF file")
        if row[2] not in {"gene", "transcript", "mRNA"}:
            continue
        first = integer(row[3], "start", path, line)
        last = integer(row[4], "end", path, line)
        direction = _direction(row[6], path, line)
        position = (first if direction > 0 else last) - 1
        gene = _GENE.search(row[8]) or _GENE_ID.search(row[8])
        start = (row[0], position, direction, gene[1].strip() if gene else f"{row[0]}:{position}")
        if row[2] == "gene":
            genes.append(start)
        else:
            has_transcripts = True
            yield start
    if not has_transcripts:
        yield from genes


def _of_bed_or_table(lines: Iterable[tuple[int, list[str]]], path: Path) -> Iterator[_Start]:
    columns: dict[str, int] | None = None
    for number, (line, row) in enumerate(lines):
        if number == 0 and (columns := _header(row)) is not None:
            continue
        if columns is not None:
            yield _of_table(row, columns, path, line)
            continue
        start, end = interval(row, path, line)
        direction = _direction(row[5], path, line) if len(row) > 5 else 1
        position = start if direction > 0 else max(end - 1, start)
        yield row[0], position, direction, row[3] if len(row) > 3 else f"{row[0]}:{position}"


def _header(row: Sequence[str]) -> dict[str, int] | None:
    """Places of the columns of a table, if a line is its header."""
    names = [cell.lower() for cell in row]
    wanted = {
        "chrom": _CHROM_NAMES,
        "pos": _POSITION_NAMES,
        "strand": ("strand",),
        "gene": _GENE_NAMES,
    }
    found = {
        what: names.index(name)
        for what, choices in wanted.items()
        for name in reversed(choices)
        if name in names
    }
    return found if {"chrom", "pos"} <= set(found) else None


def _of_table(row: Sequence[str], columns: dict[str, int], path: Path, line: int) -> _Start:
    if len(row) <= max(columns.values()):
        raise ReadError(
            f"{path}, line {line}: {len(row)} columns, expected {max(columns.values()) + 1} or more"
            " as in the header"
        )
    chrom, position = row[columns["chrom"]], integer(row[columns["pos"]], "pos", path, line)
    strand = row[columns["strand"]] if "strand" in columns else "+"
    gene = row[columns["gene"]] if "gene" in columns else f"{chrom}:{position}"
    return chrom, position, _direction(strand, path, line), gene


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
