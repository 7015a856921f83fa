"""Dask arrays whose rows are read from files when they are computed."""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    import dask.array as da

BLOCK_BYTES = 8_000_000
_LARGEST_OVER_TARGET = 4


class RowSource(ABC):
    """An array along `region` that lives in files.

    Subclasses are dataclasses of paths and numbers, never of open files, so that threads and
    processes can share them: each call of :meth:`read` opens what it needs.
    """

    @property
    @abstractmethod
    def shape(self) -> tuple[int, ...]:
        """Shape, regions first."""

    @property
    @abstractmethod
    def dtype(self) -> np.dtype[Any]:
        """Type of what is read."""

    @abstractmethod
    def read(self, first: int, last: int) -> NDArray[Any]:
        """Rows `first` to `last`, exclusive."""

    @property
    def ndim(self) -> int:
        """Number of dimensions."""
        return len(self.shape)

    def __getitem__(self, index: Any) -> NDArray[Any]:
        # dask pushes what is selected of a block down to here: only rows in use are read.
        rows, *rest = index if isinstance(index, tuple) else (index,)
        picked = np.arange(self.shape[0])[rows] if isinstance(rows, slice) else np.asarray(rows)
        picked = np.where(picked < 0, picked + self.shape[0], picked)
        if not picked.size:
            return np.empty((0, *self.shape[1:]), dtype=self.dtype)[(slice(None), *rest)]
        first, last = int(picked.min()), int(picked.max()) + 1
        part = self.read(first, last)[(slice(None), *rest)]
        if isinstance(rows, slice) and rows.step in {None, 1}:
            return part
        chosen: NDArray[Any] = part[picked - first]
        return chosen


@dataclass(frozen=True, eq=False)
class Cut(RowSource):
    """Rows of another source, of which each has its own width.

    Parameters
    ----------
    source : RowSource
        An array ``(region, position)``.
    widths : array of int64, ``(region,)``
        Positions that count.
    fill : int
        What stands behind them.
    """

    source: RowSource
    widths: NDArray[np.int64]
    fill: int

    @property
    def shape(self) -> tuple[int, ...]:
        """``(region, position)``."""
        return self.source.shape

    @property
    def dtype(self) -> np.dtype[Any]:
        """Type of the source."""
        return self.source.dtype

    def read(self, first: int, last: int) -> NDArray[Any]:
        """Rows `first` to `last`, exclusive."""
        rows = self.source.read(first, last)
        rows[np.arange(rows.shape[1]) >= self.widths[first:last, None]] = self.fill
        return rows


def region_blocks(count: int, bytes_per_region: int, chunk_rows: int = 1) -> int:
    """Regions per block: about 8 MB, on the chunk boundaries of the file where practical.

    Parameters
    ----------
    count : int
        Number of regions.
    bytes_per_region : int
        Size of the scores of one.
    chunk_rows : int
        Rows per chunk of the file.
    """
    rows = max(1, BLOCK_BYTES // bytes_per_region)
    if chunk_rows <= rows:
        rows -= rows % chunk_rows
    elif chunk_rows * bytes_per_region <= _LARGEST_OVER_TARGET * BLOCK_BYTES:
        rows = chunk_rows
    return max(1, min(rows, count))


def lazy_array(source: RowSource, block: int) -> "da.Array":
    """A dask array of a source, in blocks of regions."""
    import dask.array as da

    rest = source.shape[1:]
    meta = np.empty((0,) * source.ndim, dtype=source.dtype)
    array: da.Array = da.from_array(  # type: ignore[no-untyped-call]
        source, chunks=(block, *rest), meta=meta
    )
    return array


def mean_of(parts: list[NDArray[np.float32]]) -> NDArray[np.float32]:
    """Mean over files; NaN where one of them is NaN. Overwrites the first."""
    total = parts[0]
    for part in parts[1:]:
        total += part
    if len(parts) > 1:
        total /= np.float32(len(parts))
    return total
