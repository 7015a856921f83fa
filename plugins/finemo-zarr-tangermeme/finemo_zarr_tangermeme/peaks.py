"""Sequences to attribute: around peaks of a genome, or those of a regions store."""

import gzip
import os
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from numpy.typing import NDArray

from finemo_zarr import open_regions
from finemo_zarr.errors import ReadError
from finemo_zarr.sequence import NO_BASE, encode
from finemo_zarr_tangermeme.packages import package

_SUMMIT = 9


@dataclass(frozen=True, eq=False)
class Sequences:
    """Base codes of windows, and where the regions inside lie.

    Parameters
    ----------
    codes : array of uint8, ``(region, position)``
        As wide as the input of the model.
    coordinates : mapping, optional
        ``chrom, start, end, name, id`` of the regions, without flanks.
    """

    codes: NDArray[np.uint8]
    coordinates: dict[str, Any] | None

    def complete(self) -> NDArray[np.bool_]:
        """Which have a base everywhere."""
        known: NDArray[np.bool_] = (self.codes != NO_BASE).all(axis=1)
        return known

    def take(self, rows: NDArray[Any]) -> "Sequences":
        """Some of them."""
        coordinates = self.coordinates
        if coordinates is not None:
            coordinates = {name: values[rows] for name, values in coordinates.items()}
        return Sequences(self.codes[rows], coordinates)

    def label(self, row: int) -> str:
        """One region, for a message."""
        if self.coordinates is None:
            return f"number {row}"
        at = {name: values[row] for name, values in self.coordinates.items()}
        place = f"{at['chrom']}:{at['start']}-{at['end']}"
        return place if at["name"] in {".", ""} else f"{at['name']} ({place})"


def read_bed(path: Path) -> dict[str, NDArray[Any]]:
    """Chromosome, start, end, summit and name of each row of a narrowPeak or BED file.

    Raises
    ------
    ReadError
        With the number of the line, if one is not a peak, or there is none.
    """
    rows = []
    try:
        for number, words in _records(path):
            try:
                rows.append(_peak(words))
            except (ValueError, IndexError) as error:
                raise ReadError(f"{path}, line {number}: not a peak ({error})") from error
    except (OSError, UnicodeDecodeError, EOFError) as error:
        raise ReadError(f"{path} cannot be read as narrowPeak or BED: {error}") from error
    if not rows:
        raise ReadError(f"{path} has no peaks, expected narrowPeak or BED lines")
    chrom, start, end, summit, name = zip(*rows, strict=True)
    return {
        "chrom": np.array(chrom, dtype=object),
        "start": np.array(start, dtype=np.int64),
        "end": np.array(end, dtype=np.int64),
        "summit": np.array(summit, dtype=np.int64),
        "name": np.array(name, dtype=object),
    }


def _records(path: Path) -> Iterator[tuple[int, list[str]]]:
    opener = gzip.open if path.suffix == ".gz" else open
    with opener(path, "rt", encoding="utf-8") as file:
        for number, line in enumerate(file, 1):
            words = line.split("\t") if "\t" in line else line.split()
            if words and words[0].strip() and not words[0].startswith(("#", "track", "browser")):
                yield number, [word.strip() for word in words]


def _peak(words: list[str]) -> tuple[str, int, int, int, str]:
    start, end = int(words[1]), int(words[2])
    if not 0 <= start < end:
        raise ValueError(f"start {start} and end {end}")
    offset = int(words[_SUMMIT]) if len(words) == _SUMMIT + 1 else -1
    if not -1 <= offset < end - start:
        raise ValueError(f"summit {offset} is outside the peak")
    name = words[3] if len(words) > 3 else f"{words[0]}:{start}-{end}"
    return words[0], start, end, (start + end) // 2 if offset == -1 else start + offset, name


def around_peaks(peaks: Path, fasta: Path, width: int, input_width: int) -> Sequences:
    """Windows of a genome; no base beyond the ends of a chromosome.

    Parameters
    ----------
    peaks, fasta : Path
        narrowPeak or BED; a genome that is not compressed.
    width : int
        Width of the regions in bp; their base ``width // 2`` is the summit.
    input_width : int
        Width that is read around them.

    Raises
    ------
    ReadError
        If a file cannot be used, or the genome does not have a chromosome of the peaks.
    """
    rows = read_bed(peaks)
    start = rows["summit"] - width // 2
    codes = windows(fasta, rows["chrom"], rows["summit"] - input_width // 2, input_width)
    columns = {"chrom": rows["chrom"], "start": start, "end": start + width, "name": rows["name"]}
    return Sequences(codes, {**columns, "id": np.arange(start.size)})


def windows(
    fasta: Path, chrom: NDArray[Any], start: NDArray[np.int64], width: int
) -> NDArray[np.uint8]:
    """Base codes ``(window, width)`` of windows of a genome."""
    pyfaidx = package("pyfaidx", "Reading a genome")
    codes = np.full((start.size, width), NO_BASE, dtype=np.uint8)
    try:
        with (
            _index(fasta) as index,
            closing(pyfaidx.Faidx(str(fasta), str(index), as_raw=True)) as genome,
        ):
            lengths = {name: int(entry.rlen) for name, entry in genome.index.items()}
            if unknown := sorted({name for name in chrom if name not in lengths}):
                raise ReadError(
                    f"{fasta} does not have {', '.join(unknown[:5])} of the peaks; it has "
                    f"{', '.join(list(lengths)[:5])}"
                )
            for row in np.lexsort((start, chrom.astype(str))).tolist():
                low = max(int(start[row]), 0)
                high = min(int(start[row]) + width, lengths[chrom[row]])
                if low < high:
                    letters = encode(str(genome.fetch(chrom[row], low + 1, high)))
                    codes[row, low - int(start[row]) : high - int(start[row])] = letters
    except (OSError, pyfaidx.FastaIndexingError, pyfaidx.FetchError) as error:
        raise ReadError(f"{fasta} cannot be read as a FASTA file: {error}") from error
    return codes


@contextmanager
def _index(fasta: Path) -> Iterator[Path]:
    """Where the index of a genome is: beside it or, where nothing can be written, temporary."""
    beside = fasta.with_name(f"{fasta.name}.fai")
    if beside.is_file() or os.access(fasta.parent, os.W_OK):
        yield beside
        return
    with TemporaryDirectory() as folder:
        yield Path(folder) / beside.name


def of_store(path: Path) -> Sequences:
    """Sequences and coordinates of a regions store; its scores are not read.

    Raises
    ------
    ReadError
        If its regions differ in width: a model wants one.
    """
    regions = open_regions(path)
    if "region_width" in regions:
        raise ReadError(f"{path} has regions of different widths; the model takes one width")
    coordinates = None
    if "region_chrom" in regions:
        names = ("chrom", "start", "end", "name", "id")
        coordinates = {name: regions[f"region_{name}"].to_numpy() for name in names}
    return Sequences(regions["region_sequence"].to_numpy(), coordinates)
