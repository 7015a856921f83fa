"""Windows of bigWig files and of the genome, read when they are computed."""

import struct
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from finemo_zarr.errors import ReadError
from finemo_zarr.readers._checks import file_head, listing
from finemo_zarr.readers._genome import Genome, runs
from finemo_zarr.readers._lazy import RowSource, mean_of

_MAGIC = 0x888FFC26
_BIGBED_MAGIC = 0x8789F2EB
# Magic, version, zoom levels, offsets of the chromosome tree, the data and the index.
_HEADER = "IHHQQQ"
_HEADER_SIZE = 64
# Reduction, reserved, offsets of the data and the index of a zoom level.
_ZOOM = "IIQQ"
_ZOOM_SIZE = 24


@dataclass(frozen=True, eq=False)
class _Windows(RowSource):
    """Windows on chromosomes.

    Parameters
    ----------
    chrom : array of str, ``(region,)``
        Chromosomes.
    start : array of int64, ``(region,)``
        First bases; may be negative.
    width : int
        Width in bp.
    """

    chrom: NDArray[Any]
    start: NDArray[np.int64]
    width: int

    @property
    def shape(self) -> tuple[int, ...]:
        """``(region, position)``."""
        return len(self.start), self.width


@dataclass(frozen=True, eq=False)
class GenomeCodes(_Windows):
    """Base codes of windows of a genome."""

    genome: Genome

    @property
    def dtype(self) -> np.dtype[Any]:
        """Type of base codes."""
        return np.dtype(np.uint8)

    def read(self, first: int, last: int) -> NDArray[np.uint8]:
        """Base codes of some windows."""
        return self.genome.windows(self.chrom[first:last], self.start[first:last], self.width)


@dataclass(frozen=True, eq=False)
class BigWigScores(_Windows):
    """Scores of windows, the mean over bigWig files; 0 where a file has none.

    Parameters
    ----------
    paths : tuple of Path
        The bigWig files.
    lengths : mapping
        Lengths of the chromosomes.
    """

    paths: tuple[Path, ...]
    lengths: Mapping[str, int]

    @property
    def dtype(self) -> np.dtype[Any]:
        """Single precision, as in the files."""
        return np.dtype(np.float32)

    def read(self, first: int, last: int) -> NDArray[np.float32]:
        """Scores of some windows."""
        chrom, start = self.chrom[first:last], self.start[first:last]
        return mean_of([self._scores(path, chrom, start) for path in self.paths])

    def _scores(
        self, path: Path, chrom: NDArray[Any], start: NDArray[np.int64]
    ) -> NDArray[np.float32]:
        scores = np.zeros((len(start), self.width), dtype=np.float32)
        with _opened(path) as bigwig:
            for run in runs(chrom, start, self.width):
                first, last = run.clipped(self.lengths)
                run.scatter(bigwig.values(run.chrom, first, last, numpy=True), first, scores)
        scores[np.isnan(scores)] = 0
        return scores


def check_bigwig(path: Path, genome: Path, lengths: Mapping[str, int]) -> None:
    """Refuse a file that is no bigWig file, or of another genome.

    Parameters
    ----------
    path : Path
        The file.
    genome : Path
        The genome, for the message.
    lengths : mapping
        Lengths there of the chromosomes in use.

    Raises
    ------
    ReadError
        If the file is missing, damaged, lacks a chromosome, or has one of another length.
    """
    _check_header(path)
    with _opened(path) as bigwig:
        found = dict(bigwig.chroms())
    for chrom, length in lengths.items():
        if chrom not in found:
            raise ReadError(
                f"{path} does not have chromosome {chrom} of the peaks; it has {listing(found)}"
            )
        if found[chrom] != length:
            raise ReadError(
                f"{chrom} is {found[chrom]} bp long in {path}, {length} bp in {genome}: they are of"
                " different genome builds"
            )


def _check_header(path: Path) -> None:
    # Looked at here because pyBigWig crashes on some truncated files.
    head = file_head(path, "a bigWig file", _HEADER_SIZE)
    order = next((order for order in "<>" if head[:4] == struct.pack(f"{order}I", _MAGIC)), None)
    if order is None:
        bigbed = head[:4] in {struct.pack(f"{order}I", _BIGBED_MAGIC) for order in "<>"}
        what = ": it is a bigBed file" if bigbed else ""
        raise ReadError(f"{path} is not a bigWig file{what}")
    size = path.stat().st_size
    if len(head) < _HEADER_SIZE:
        raise ReadError(f"{path} is truncated: {size} bytes")
    _, _, zooms, *offsets = struct.unpack_from(order + _HEADER, head)
    needed = _HEADER_SIZE + zooms * _ZOOM_SIZE
    levels = file_head(path, "a bigWig file", needed)[_HEADER_SIZE:]
    usable = levels[: len(levels) // _ZOOM_SIZE * _ZOOM_SIZE]
    offsets += [at for level in struct.iter_unpack(order + _ZOOM, usable) for at in level[2:]]
    if size <= max(needed, *offsets):
        raise ReadError(f"{path} is truncated: {size} bytes, expected more than {max(offsets)}")


@contextmanager
def _opened(path: Path) -> Iterator[Any]:
    import pyBigWig

    bigwig = None
    try:
        bigwig = pyBigWig.open(str(path))
        yield bigwig
    except RuntimeError as error:
        raise ReadError(f"{path} cannot be read as a bigWig file: {error}") from error
    finally:
        if bigwig is not None:
            bigwig.close()
