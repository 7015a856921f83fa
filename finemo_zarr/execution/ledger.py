"""Which blocks of a run are done, and what they gave.

A Zarr array with one row, and one chunk, per block. A block takes its mark away, writes what it has
to write, and marks itself as its last act: a mark means that all of it was written. A chunk that is
there does not mean that, and Zarr writes none for what equals the fill value.
"""

from collections.abc import Sequence
from hashlib import blake2b
from typing import Any

import numpy as np
from numpy.typing import NDArray

from finemo_zarr.store import Location, new_group, zarr_at

_NAME = "ledger"
_NOT_DONE = -1
_DIGEST_WORDS = 2


def digest_words(digest: bytes) -> tuple[int, ...]:
    """Sixteen bytes of digest as the numbers that a ledger holds."""
    return tuple(np.frombuffer(digest, dtype="<i8", count=_DIGEST_WORDS).tolist())


def digest_arrays(*arrays: NDArray[Any]) -> tuple[int, ...]:
    """Digest of the values of arrays, as the numbers that a ledger holds."""
    digest = blake2b(digest_size=16)
    for array in arrays:
        digest.update(np.ascontiguousarray(array).data)
    return digest_words(digest.digest())


class Ledger:
    """The marks of the blocks of a run.

    Parameters
    ----------
    path : path
        The Zarr group in which the run keeps its state.
    """

    def __init__(self, path: Location) -> None:
        import zarr

        self._array = zarr.open_array(**zarr_at(path, _NAME), mode="r+", zarr_format=3)
        columns = self._array.attrs["columns"]
        self.columns: tuple[str, ...] = tuple(columns)  # type: ignore[arg-type]

    @classmethod
    def create(cls, path: Location, n_blocks: int, columns: Sequence[str]) -> "Ledger":
        """Create a ledger without marks.

        Parameters
        ----------
        path : path
            Where the run keeps its state.
        n_blocks : int
            Number of blocks.
        columns : sequence of str
            What a mark says of a block; the first is never negative.
        """
        from zarr.codecs import Crc32cCodec

        new_group(path).create_array(
            _NAME,
            shape=(n_blocks, len(columns)),
            dtype=np.int64,
            chunks=(1, len(columns)),
            compressors=(Crc32cCodec(),),
            fill_value=_NOT_DONE,
            attributes={"columns": list(columns)},
        )
        return cls(path)

    def unmark(self, block: int) -> None:
        """Take the mark of a block away."""
        self._array[block] = np.full(len(self.columns), _NOT_DONE)

    def mark(self, block: int, values: Sequence[int]) -> None:
        """Mark a block, with a value for each column."""
        self._array[block] = np.asarray(values, dtype=np.int64)

    def read(self) -> NDArray[np.int64]:
        """Marks ``(block, column)``; -1 in the first column of a block that is not done."""
        try:
            return np.asarray(self._array[...])
        except (ValueError, RuntimeError):  # one that was not written to its end is none
            return np.stack([self._read_row(index) for index in range(self._array.shape[0])])

    def done(self) -> NDArray[np.bool_]:
        """Whether a block ``(block,)`` is done."""
        done: NDArray[np.bool_] = self.read()[:, 0] != _NOT_DONE
        return done

    def _read_row(self, index: int) -> NDArray[np.int64]:
        try:
            return np.asarray(self._array[index])
        except (ValueError, RuntimeError):
            return np.full(len(self.columns), _NOT_DONE)
