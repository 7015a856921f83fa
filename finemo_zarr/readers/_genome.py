"""The genome: a FASTA file and windows of it."""

import shutil
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from finemo_zarr.errors import ReadError
from finemo_zarr.readers._checks import file_head, listing, scratch_folder
from finemo_zarr.sequence import NO_BASE, encode

if TYPE_CHECKING:
    from pyfaidx import Faidx

    from finemo_zarr.readers._peaks import Coordinates

_LONGEST_RUN = 2**20  # bp


@dataclass(frozen=True)
class Genome:
    """An indexed FASTA file.

    Parameters
    ----------
    path : Path
        The FASTA file.
    index : Path
        Its index, made if need be: beside it, or in a temporary folder where that is read-only.
    lengths : mapping
        Length of each sequence by its name.
    """

    path: Path
    index: Path
    lengths: Mapping[str, int]

    def windows(
        self, chrom: NDArray[Any], start: NDArray[np.int64], width: int
    ) -> NDArray[np.uint8]:
        """Base codes ``(window, width)``; no base beyond the ends of a chromosome.

        Parameters
        ----------
        chrom : array of str, ``(window,)``
            Names that the genome has.
        start : array of int64, ``(window,)``
            First bases; may be negative.
        width : int
            Width in bp.

        Raises
        ------
        ReadError
            If the file cannot be read.
        """
        codes = np.full((len(start), width), NO_BASE, dtype=np.uint8)
        with _fasta(self.path, self.index) as fasta:
            for run in runs(chrom, start, width):
                first, last = run.clipped(self.lengths)
                if first < last:
                    letters = encode(str(fasta.fetch(run.chrom, first + 1, last)))
                    run.scatter(letters, first, codes)
        return codes


def open_genome(path: Path) -> Genome:
    """Index a FASTA file, if it has no index that is up to date.

    Raises
    ------
    ReadError
        If it is missing, compressed or no FASTA file.
    """
    head = file_head(path, "a FASTA file")
    if head.startswith(b"\x1f\x8b"):
        raise ReadError(f"{path} is compressed; decompress it first, for example with gunzip -k")
    if head[:1] not in b">;":
        raise ReadError(f"{path} is not a FASTA file: it does not begin with '>'")
    index = _index_path(path)
    with _fasta(path, index) as fasta:
        lengths = {str(name): int(entry.rlen) for name, entry in fasta.index.items()}
        last = max(entry.bend for entry in fasta.index.values())
    if last > (size := path.stat().st_size):
        raise ReadError(
            f"{path} has {size} bytes, its index {index.name} expects {last}: the file is"
            " truncated, or the index belongs to another; delete the index if the file is right"
        )
    return Genome(path, index, lengths)


def check_regions(coordinates: "Coordinates", path: Path, lengths: Mapping[str, int]) -> None:
    """Refuse regions on chromosomes that a file does not have, or wholly off theirs.

    Raises
    ------
    ReadError
        With the first of them.
    """
    used = list(dict.fromkeys(coordinates.chrom))
    if unknown := [chrom for chrom in used if chrom not in lengths]:
        raise ReadError(
            f"{path.name} does not have {_plural('chromosome', unknown)} {listing(unknown)} of the"
            f" peaks; it has {listing(lengths)}{_prefix_hint(unknown[0], lengths)}"
        )
    index = {chrom: number for number, chrom in enumerate(used)}
    codes = np.fromiter((index[chrom] for chrom in coordinates.chrom), np.int64, len(coordinates))
    length = np.array([lengths[chrom] for chrom in used], dtype=np.int64)[codes]
    off = np.flatnonzero((coordinates.end <= 0) | (coordinates.start >= length))
    if off.size:
        first = int(off[0])
        raise ReadError(
            f"{_plural('region', off)} wholly off the chromosome: {off.size}, first"
            f" {coordinates.describe(first)}; {coordinates.chrom[first]} of {path.name} is"
            f" {length[first]} bp long"
        )


@dataclass(frozen=True)
class Run:
    """Windows that overlap or touch: what lies under them is read once.

    Parameters
    ----------
    chrom : str
        Chromosome.
    start, end : int
        From the first base of the first window to the end of the last; may reach off the
        chromosome.
    rows : list of int
        The windows, by start.
    starts : list of int
        Their first bases.
    """

    chrom: str
    start: int
    end: int
    rows: list[int]
    starts: list[int]

    def clipped(self, lengths: Mapping[str, int]) -> tuple[int, int]:
        """The part that lies on the chromosome, as start and end."""
        return max(self.start, 0), min(self.end, lengths[self.chrom])

    def scatter(self, values: NDArray[Any], first: int, windows: NDArray[Any]) -> None:
        """Copy what was read, from `first` on, into the rows of ``(window, width)``."""
        width = windows.shape[1]
        for row, start in zip(self.rows, self.starts, strict=True):
            low, high = max(start, first), min(start + width, first + len(values))
            if low < high:
                windows[row, low - start : high - start] = values[low - first : high - first]


def runs(chrom: NDArray[Any], start: NDArray[np.int64], width: int) -> Iterator[Run]:
    """Windows in the order of chromosome and start, in which files are read fastest.

    Parameters
    ----------
    chrom : array of str, ``(window,)``
        Chromosomes.
    start : array of int64, ``(window,)``
        First bases.
    width : int
        Width in bp.
    """
    codes = np.unique(chrom.astype(str), return_inverse=True)[1]
    order = np.lexsort((start, codes))
    begins, kinds = start[order], codes[order]
    apart = (np.diff(kinds) != 0) | (np.diff(begins) > width)
    crossed = np.diff(begins // _LONGEST_RUN) != 0  # bounds what is read at once
    for part in np.split(np.arange(order.size), np.flatnonzero(apart | crossed) + 1):
        if part.size:
            first, last = int(begins[part[0]]), int(begins[part[-1]]) + width
            rows = order[part].tolist()
            yield Run(str(chrom[rows[0]]), first, last, rows, begins[part].tolist())


def _plural(noun: str, things: Any) -> str:
    return noun if len(things) == 1 else f"{noun}s"


def _prefix_hint(chrom: str, lengths: Mapping[str, int]) -> str:
    other = chrom.removeprefix("chr") if chrom.startswith("chr") else f"chr{chrom}"
    if other in lengths:
        return f". The names differ by the prefix 'chr': {chrom} against {other}"
    return ". Is it the genome the peaks were called on?"


def _index_path(path: Path) -> Path:
    beside = path.with_name(f"{path.name}.fai")
    if beside.is_file() and beside.stat().st_mtime_ns >= path.stat().st_mtime_ns:
        return beside
    # Built elsewhere first, so that nobody meets half an index, and used there if need be.
    built = scratch_folder() / f"{uuid.uuid4().hex}.fai"
    with _fasta(path, built):
        pass
    partial = beside.with_name(f"{beside.name}.{built.stem}")
    try:
        shutil.copyfile(built, partial)
        partial.replace(beside)
    except OSError:
        with suppress(OSError):
            partial.unlink(missing_ok=True)
        return built
    built.unlink()
    return beside


@contextmanager
def _fasta(path: Path, index: Path) -> Iterator["Faidx"]:
    from pyfaidx import Faidx, FastaIndexingError

    fasta = None
    try:
        fasta = Faidx(str(path), indexname=str(index), as_raw=True)
        yield fasta
    except ReadError:
        raise
    except (OSError, ValueError, LookupError, ImportError, FastaIndexingError) as error:
        reason = " ".join(str(error).split())
        raise ReadError(f"{path} cannot be read as a FASTA file: {reason}") from error
    finally:
        if fasta is not None:
            fasta.close()
