from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from finemo_zarr.readers._lazy import BLOCK_BYTES, RowSource, lazy_array, mean_of, region_blocks

VALUES = np.arange(23 * 6).reshape(23, 6)


@dataclass(frozen=True)
class Counted(RowSource):
    rows_read: list[tuple[int, int]]

    @property
    def shape(self) -> tuple[int, ...]:
        return VALUES.shape

    @property
    def dtype(self) -> np.dtype[Any]:
        return VALUES.dtype

    def read(self, first: int, last: int) -> Any:
        self.rows_read.append((first, last))
        return VALUES[first:last]


SLICES = st.slices(23)


@given(rows=SLICES | st.integers(-23, 22), columns=st.slices(6), block=st.integers(1, 30))
def test_lazy_array__gives_what_numpy_gives(rows, columns, block):
    array = lazy_array(Counted([]), block)[rows, columns]
    np.testing.assert_array_equal(array.compute(scheduler="sync"), VALUES[rows, columns])


@given(rows=SLICES | st.integers(-23, 22), columns=st.slices(6))
def test_row_source__gives_what_numpy_gives(rows, columns):
    np.testing.assert_array_equal(Counted([])[rows, columns], VALUES[rows, columns])
    np.testing.assert_array_equal(Counted([])[rows], VALUES[rows])


def test_lazy_array__reads_only_the_rows_asked_for():
    source = Counted([])
    array = lazy_array(source, 10)
    assert not source.rows_read
    array[4:7].compute(scheduler="sync")
    assert source.rows_read == [(4, 7)]


def test_lazy_array__takes_lists_of_rows():
    rows = [20, 1, 1, 7]
    array = lazy_array(Counted([]), 10)[rows]
    np.testing.assert_array_equal(array.compute(scheduler="sync"), VALUES[rows])
    array = array[1:, [5, 0]]
    np.testing.assert_array_equal(array.compute(scheduler="sync"), VALUES[rows][1:, [5, 0]])


@given(
    count=st.integers(1, 10**7),
    size=st.integers(1, 10**8),
    chunk=st.integers(1, 10**5),
)
def test_region_blocks__stay_near_the_target(count, size, chunk):
    rows = region_blocks(count, size, chunk)
    assert 1 <= rows <= count
    assert rows == 1 or rows * size <= 4 * BLOCK_BYTES
    if chunk <= BLOCK_BYTES // size and rows < count:
        assert rows % chunk == 0


def test_region_blocks__follow_large_chunks():
    assert region_blocks(10**6, BLOCK_BYTES // 100, 50) == 100
    assert region_blocks(10**6, BLOCK_BYTES // 100, 300) == 300
    assert region_blocks(10**6, BLOCK_BYTES // 100, 10**5) == 100


def test_mean_of__is_nan_where_one_is():
    parts = [np.array([1, 2, np.nan], np.float32), np.array([3, np.nan, 1], np.float32)]
    np.testing.assert_array_equal(mean_of(parts), [2, np.nan, np.nan])


def test_mean_of__is_the_array_itself_for_one_file():
    (only,) = parts = [np.array([1, 2], np.float32)]
    assert mean_of(parts) is only
    assert mean_of(parts).tolist() == pytest.approx([1, 2])
