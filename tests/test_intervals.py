import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from finemo_zarr.intervals import (
    LARGEST_POSITION,
    Intervals,
    least_share,
    on_one_line,
    overlapping_pairs,
    pairs_within,
    position_order,
    shared_bases,
    stripes,
)

ROW = st.tuples(st.integers(0, 3), st.integers(-20, 40), st.integers(0, 15))


def made(rows: list[tuple[int, int, int]]) -> Intervals:
    group, start, length = np.array(rows, dtype=np.int64).reshape(-1, 3).T
    return Intervals(group, start, start + length)


@given(st.lists(ROW, max_size=30), st.lists(ROW, max_size=30))
def test_overlapping_pairs__are_those_of_every_one_with_every_one(rows_a, rows_b):
    a, b = made(rows_a), made(rows_b)
    expected = [
        (i, j)
        for i in range(len(rows_a))
        for j in range(len(rows_b))
        if a.group[i] == b.group[j] and min(a.end[i], b.end[j]) > max(a.start[i], b.start[j])
    ]
    index_a, index_b = overlapping_pairs(a, b)
    assert sorted(zip(index_a.tolist(), index_b.tolist(), strict=True)) == expected
    assert (np.diff(index_a) >= 0).all()
    assert (shared_bases(a.take(index_a), b.take(index_b)) > 0).all()


@pytest.mark.parametrize("dtype", [np.int32, np.uint16])
def test_overlapping_pairs__small_integers_do_not_overflow(dtype):
    far = 60_000 if dtype is np.uint16 else 2_000_000_000
    a = Intervals(*(np.array(values, dtype=dtype) for values in ([0, 9], [0, far], [9, far + 9])))
    assert [found.tolist() for found in overlapping_pairs(a, a)] == [[0, 1], [0, 1]]


def test_overlapping_pairs__groups_stay_apart_at_the_largest_positions():
    far = np.array([LARGEST_POSITION - 5, -LARGEST_POSITION])
    a = Intervals(np.array([0, 1]), far, far + 5)
    assert [found.tolist() for found in overlapping_pairs(a, a)] == [[0, 1], [0, 1]]


@given(st.lists(ROW, max_size=30))
def test_position_order__is_by_group_and_start_and_stable(rows):
    expected = sorted(range(len(rows)), key=lambda i: rows[i][:2])
    assert position_order(made(rows)).tolist() == expected


@given(st.lists(ROW, max_size=20), st.integers(1, 50))
def test_on_one_line__keeps_groups_apart_and_distances_within_them(rows, apart):
    intervals = made(rows)
    start, end = on_one_line(intervals, apart)
    assert (end - start == intervals.end - intervals.start).all()
    for i, j in np.ndindex(len(rows), len(rows)):
        if intervals.group[i] == intervals.group[j]:
            assert start[j] - start[i] == intervals.start[j] - intervals.start[i]
        elif intervals.group[i] < intervals.group[j]:
            assert start[j] - end[i] >= apart


@given(st.lists(st.integers(-20, 20), max_size=20), st.integers(-2, 15))
def test_pairs_within__are_all_that_there_are(places, reach):
    position = np.array(sorted(places), dtype=np.int64)
    found = [
        pair
        for left, right in pairs_within(position, reach)
        for pair in zip(left.tolist(), right.tolist(), strict=True)
    ]
    size = len(places)
    expected = [
        (i, j)
        for i in range(size)
        for j in range(i + 1, size)
        if position[j] - position[i] <= reach
    ]
    assert sorted(found) == sorted(expected)


@given(st.lists(st.integers(0, 5), max_size=40), st.integers(1, 12))
def test_stripes__hold_whole_groups_each_once(groups, size):
    group = np.array(groups, dtype=np.int64)
    found = [rows.tolist() for rows in stripes(group, size)]
    assert sorted(row for rows in found for row in rows) == list(range(len(groups)))
    assert all(rows == sorted(rows) for rows in found)
    members = [set(group[rows].tolist()) for rows in found]
    assert sum(len(ones) for ones in members) == len(set(groups))
    largest = int(np.bincount(group).max()) if groups else 0
    assert all(len(rows) < size + largest for rows in found)


@pytest.mark.parametrize("share", [-0.1, 1.1, float("nan")])
def test_least_share__must_be_a_share(share):
    with pytest.raises(ValueError, match="expected a share from 0 to 1"):
        least_share(share)
