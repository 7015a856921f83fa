"""Stored arrays of sequences and scores: what they have in common, whatever the file."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from finemo_zarr.errors import ReadError
from finemo_zarr.readers._lazy import RowSource, mean_of
from finemo_zarr.sequence import BASES, from_one_hot


@dataclass(frozen=True)
class StoredArray(ABC):
    """An array in a file, whose rows are regions.

    Parameters
    ----------
    path : Path
        The file.
    key : str
        The dataset or member in it.
    shape : tuple of int
        As stored.
    dtype : numpy.dtype
        Element type, as stored.
    base_axis : int or None
        Axis of the bases; none for projected scores.
    stamp : tuple of int
        See :func:`finemo_zarr.readers._checks.file_stamp`.
    chunk_rows : int
        Regions per chunk of the file.
    """

    path: Path
    key: str
    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    base_axis: int | None
    stamp: tuple[int, int]
    chunk_rows: int = 1

    @property
    def count(self) -> int:
        """Number of regions."""
        return self.shape[0]

    @property
    def length(self) -> int:
        """Stored width in bp."""
        return self.shape[1] if self.base_axis == 2 else self.shape[-1]

    @property
    def label(self) -> str:
        """File, dataset and shape, for a message."""
        return f"{self.path.name}: {self.key} {self.shape}"

    def read(self, first: int, last: int, start: int, width: int) -> NDArray[Any]:
        """Rows `first` to `last` and `width` columns from `start`: ``(row, [base,] position)``.

        Raises
        ------
        ReadError
            If the file is damaged.
        """
        rows, columns = slice(first, last), slice(start, start + width)
        if self.base_axis == 2:
            return self._select((rows, columns, slice(None))).swapaxes(1, 2)
        return self._select((rows, *[slice(None)] * (len(self.shape) - 2), columns))

    @abstractmethod
    def _select(self, index: tuple[slice, ...]) -> NDArray[Any]:
        """The part of the array that an index of slices names."""


@dataclass(frozen=True)
class Codes(RowSource):
    """Base codes of stored one-hot sequences.

    Parameters
    ----------
    arrays : tuple of StoredArray
        The same sequences, once for each score file.
    start, width : int
        The columns to read.
    """

    arrays: tuple[StoredArray, ...]
    start: int
    width: int

    @property
    def shape(self) -> tuple[int, ...]:
        """``(region, position)``."""
        return self.arrays[0].count, self.width

    @property
    def dtype(self) -> np.dtype[Any]:
        """Type of base codes."""
        return np.dtype(np.uint8)

    def read(self, first: int, last: int) -> NDArray[np.uint8]:
        """Base codes of some regions, the same in every file.

        Raises
        ------
        ReadError
            If a sequence is not one-hot, or not the same in all files.
        """
        codes = self._codes(self.arrays[0], first, last)
        for other in self.arrays[1:]:
            same = (self._codes(other, first, last) == codes).all(axis=1)
            if not same.all():
                row = first + int(np.argmin(same))
                raise ReadError(
                    f"{self.arrays[0].path} and {other.path} hold different sequences, first in"
                    f" row {row}; score files can only be averaged over the same regions"
                )
        return codes

    def _codes(self, array: StoredArray, first: int, last: int) -> NDArray[np.uint8]:
        encoded = array.read(first, last, self.start, self.width)
        try:
            return from_one_hot(encoded)
        except ValueError as error:
            row = first + _first_not_one_hot(encoded)
            raise ReadError(
                f"{array.path}: {array.key} is not one-hot, first in row {row}: {error}; expected 0"
                " and 1, with at most one 1 per position"
            ) from error


@dataclass(frozen=True)
class Scores(RowSource):
    """Scores, the mean over files as float32; NaN where one of them is NaN.

    Parameters
    ----------
    arrays : tuple of StoredArray
        Of the same shape.
    start, width : int
        The columns to read.
    """

    arrays: tuple[StoredArray, ...]
    start: int
    width: int

    @property
    def shape(self) -> tuple[int, ...]:
        """``(region, [base,] position)``."""
        bases = () if self.arrays[0].base_axis is None else (len(BASES),)
        return (self.arrays[0].count, *bases, self.width)

    @property
    def dtype(self) -> np.dtype[Any]:
        """Single precision, whatever is stored."""
        return np.dtype(np.float32)

    def read(self, first: int, last: int) -> NDArray[np.float32]:
        """Scores of some regions."""
        # A double that single precision cannot hold becomes infinite, which the run refuses.
        with np.errstate(over="ignore"):
            return mean_of(
                [
                    array.read(first, last, self.start, self.width).astype(np.float32, order="C")
                    for array in self.arrays
                ]
            )


def check_arrays(sequences: Sequence[StoredArray], scores: Sequence[StoredArray]) -> None:
    """Refuse arrays that are not sequences and scores of the same regions.

    Raises
    ------
    ReadError
        With the file, the dataset and both shapes.
    """
    first = sequences[0]
    for array in (*sequences, *scores):
        _check_shape(array)
        if array.dtype.kind not in "biuf":
            raise ReadError(f"{array.label} has type {array.dtype}, expected numbers")
        if (array.count, array.length) != (first.count, first.length):
            raise ReadError(f"the shapes of {first.label} and {array.label} disagree")
    for array in scores[1:]:
        if array.shape != scores[0].shape:
            raise ReadError(f"the shapes of {scores[0].label} and {array.label} disagree")
    if first.count == 0:
        raise ReadError(f"{first.label} holds no regions")


def _check_shape(array: StoredArray) -> None:
    if array.base_axis is None:
        expected, fits, swapped = "(regions, positions)", len(array.shape) == 2, False
    else:
        expected = "(regions, 4, positions)" if array.base_axis == 1 else "(regions, positions, 4)"
        three = len(array.shape) == 3
        fits = three and array.shape[array.base_axis] == len(BASES)
        swapped = three and array.shape[3 - array.base_axis] == len(BASES)
    if not fits:
        hint = "; the last two axes look swapped" if swapped else ""
        raise ReadError(f"{array.label}: expected the shape {expected}{hint}")


def _first_not_one_hot(encoded: NDArray[Any]) -> int:
    good = ((encoded == 0) | (encoded == 1)).all(axis=(1, 2)) & (
        (encoded != 0).sum(axis=1) <= 1
    ).all(axis=1)
    return int(np.argmin(good))
