"""The compiled part: which of overlapping hits is the best, and which pairs are taken.

Hits are ordered by group, then by start; among those of one start, by what keeps on a tie. The file
is imported where it is used, so that nothing is compiled before.
"""

from typing import Any

import numpy as np
from numba import njit

_compile: Any = njit  # its stubs do not know all of its options


def _share_enough(start, end, least, i, j):  # type: ignore[no-untyped-def]
    """Whether two hits share enough, and at least one base."""
    shared = min(end[i], end[j]) - max(start[i], start[j])
    lengths = end[i] - start[i] + end[j] - start[j]
    return shared > 0 and 2 * shared >= least * lengths


_overlap: Any = _compile(nogil=True)(_share_enough)


def _pairwise(group, start, end, similarity, least, primary):  # type: ignore[no-untyped-def]
    """Compare each hit with all earlier ones it overlaps; the less similar of a pair loses.

    Of hits at the same place only the best is kept in mind: whatever another beats, it beats, too.
    """
    near = np.empty(16, np.int64)
    count = 0
    for i in range(len(start)):
        if i > 0 and group[i] != group[i - 1]:
            count = 0
        still, best = 0, True
        for k in range(count):
            j = near[k]
            if end[j] <= start[i]:
                continue
            same = start[j] == start[i] and end[j] == end[i]
            better = similarity[i] > similarity[j]
            if _overlap(start, end, least, i, j):
                primary[j if better else i] = False
            if same and not better:
                best = False
            if not (same and better):
                near[still] = j
                still += 1
        count = still
        if best:
            if count == len(near):
                grown = np.empty(2 * count, np.int64)
                grown[:count] = near
                near = grown
            near[count] = i
            count += 1


def _greedy(group, start, end, best_first, least, primary):  # type: ignore[no-untyped-def]
    """Keep the best hit, drop what it overlaps, and so on with the best that is left."""
    reach = end.copy()  # the furthest end up to each hit, within its group
    for i in range(1, len(end)):
        if group[i] == group[i - 1]:
            reach[i] = max(reach[i], reach[i - 1])
    for i in best_first:
        if not primary[i]:
            continue
        j = i - 1
        while j >= 0 and group[j] == group[i] and reach[j] > start[i]:
            if _overlap(start, end, least, i, j):
                primary[j] = False
            j -= 1
        j = i + 1
        while j < len(start) and group[j] == group[i] and start[j] < end[i]:
            if _overlap(start, end, least, i, j):
                primary[j] = False
            j += 1


def _take_pairs(first, second, free_first, free_second, taken):  # type: ignore[no-untyped-def]
    """Take pairs in their order, each member once."""
    for k in range(len(first)):
        if free_first[first[k]] and free_second[second[k]]:
            free_first[first[k]] = False
            free_second[second[k]] = False
            taken[k] = True


pairwise = _compile(nogil=True, cache=True)(_pairwise)
greedy = _compile(nogil=True, cache=True)(_greedy)
take_pairs = _compile(nogil=True, cache=True)(_take_pairs)
