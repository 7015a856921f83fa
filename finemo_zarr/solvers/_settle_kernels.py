"""Settle the working set: find its optimal coefficients, given the columns.

Sweeps of coordinate descent find out which coefficients are positive; a Newton step on these (a
banded Cholesky factorisation, since only columns that overlap have a product) then solves for them
exactly. Sweeps alone would stall between columns that are nearly parallel, such as the two strands
of a near-palindrome, and share the coefficient among them as chance has it.

See :mod:`finemo_zarr.solvers._state_kernels` for the notation.
"""

import numpy as np

from finemo_zarr.solvers._state_kernels import (
    COEFFICIENT,
    LAMBDA,
    NEXT,
    NORM,
    SETTLED,
    SIZE,
    dot,
    kernel,
    reduction,
    violates,
)

_SWEEPS = 8  # before the next Newton step
_DEPENDENT = 1e-13  # share of a column that those before it do not explain


@reduction
def _add_to(target, start, size, factor, values):  # type: ignore[no-untyped-def]
    for index in range(size):
        target[start + index] += factor * values[index]


@reduction
def _overlap(left, right, shift, size):  # type: ignore[no-untyped-def]
    total = 0.0
    for index in range(size):
        total += left[shift + index] * right[index]
    return total


@kernel
def _sweep(region, columns, order, starts, waiting, rows, widest):  # type: ignore[no-untyped-def]
    """Optimise each waiting coefficient once; returns whether any moved."""
    moved = False
    count = order.size
    for index in range(count):
        if not waiting[index]:
            continue
        waiting[index] = False
        column = order[index]
        size, at = columns.places[column, SIZE], starts[index] * rows
        numbers = columns.numbers[column]
        slope = dot(columns.values[column], region.residual, at, size) - numbers[LAMBDA]
        new = max(0.0, numbers[COEFFICIENT] + slope / numbers[NORM])
        step = new - numbers[COEFFICIENT]
        if abs(step) * numbers[NORM] <= SETTLED * np.sqrt(numbers[NORM]):
            continue
        numbers[COEFFICIENT] = new
        _add_to(region.residual, at, size, -step, columns.values[column])
        moved = True
        other = index - 1
        while other >= 0 and starts[other] > starts[index] - widest:
            waiting[other] = True
            other -= 1
        other = index + 1
        while other < count and starts[other] < starts[index] + widest:
            waiting[other] = True
            other += 1
    return moved


@kernel
def _factorise(columns, support, starts, first, factor, rows):  # type: ignore[no-untyped-def]
    """Banded Cholesky factor of the products of the supporting columns.

    Row `i` of `factor` holds the entries of columns ``i, i - 1, …, first[i]``. Returns the first
    column that depends on those before it, or -1.
    """
    for i in range(support.size):
        own = columns.values[support[i]]
        norm = columns.numbers[support[i], NORM]
        pivot = norm
        for j in range(first[i], i):
            shift = (starts[i] - starts[j]) * rows
            shared = min(columns.places[support[j], SIZE] - shift, columns.places[support[i], SIZE])
            total = _overlap(columns.values[support[j]], own, shift, shared)
            for k in range(max(first[i], first[j]), j):
                total -= factor[i, i - k] * factor[j, j - k]
            factor[i, i - j] = total / factor[j, 0]
            pivot -= factor[i, i - j] ** 2
        if pivot <= _DEPENDENT * norm:
            return i
        factor[i, 0] = np.sqrt(pivot)
    return -1


@kernel
def _solve_factor(factor, first, step):  # type: ignore[no-untyped-def]
    """Solve with the factor, in place."""
    for i in range(step.size):
        for k in range(first[i], i):
            step[i] -= factor[i, i - k] * step[k]
        step[i] /= factor[i, 0]


@kernel
def _solve_transpose(factor, first, step, size):  # type: ignore[no-untyped-def]
    """Solve with the transposed factor of the first `size` columns, in place."""
    for i in range(size - 1, -1, -1):
        step[i] /= factor[i, 0]
        for k in range(first[i], i):
            step[k] -= factor[i, i - k] * step[i]


@kernel
def _exchange(columns, support, factor, first, dependent, step):  # type: ignore[no-untyped-def]
    """The step that hands a dependent column's share to the others, or takes theirs.

    What is explained stays as it is, and the penalty does not grow.
    """
    for k in range(first[dependent], dependent):
        step[k] = factor[dependent, dependent - k]
    _solve_transpose(factor, first, step, dependent)
    step[dependent] = -1.0
    penalty = 0.0
    for k in range(dependent + 1):
        penalty += step[k] * columns.numbers[support[k], LAMBDA]
    if penalty > _DEPENDENT * columns.numbers[support[dependent], LAMBDA]:
        for k in range(dependent + 1):
            step[k] = -step[k]


@kernel
def _supporting(columns, order, all_starts, widest):  # type: ignore[no-untyped-def]
    """The columns with a positive coefficient, their starts, and the first that each overlaps."""
    size = 0
    for index in range(order.size):
        size += columns.numbers[order[index], COEFFICIENT] > 0
    support = np.empty(size, np.int64)
    starts = np.empty(size, np.int64)
    first = np.empty(size, np.int64)
    size = 0
    for index in range(order.size):
        if columns.numbers[order[index], COEFFICIENT] > 0:
            support[size], starts[size] = order[index], all_starts[index]
            first[size] = first[size - 1] if size > 0 else 0
            while starts[first[size]] <= starts[size] - widest:
                first[size] += 1
            size += 1
    return support, starts, first


@kernel
def _newton_step(region, columns, order, all_starts, rows, widest):  # type: ignore[no-untyped-def]
    """Solve for the positive coefficients, as far as they stay positive.

    Returns whether one of them became zero, so that another step is due; each has fewer columns.
    """
    support, starts, first = _supporting(columns, order, all_starts, widest)
    band = 0
    for i in range(support.size):
        band = max(band, i - first[i])
    factor = np.empty((support.size, band + 1))
    dependent = _factorise(columns, support, starts, first, factor, rows)
    step = np.zeros(support.size)
    if dependent >= 0:
        _exchange(columns, support, factor, first, dependent, step)
    else:
        for i in range(support.size):
            size = columns.places[support[i], SIZE]
            slope = dot(columns.values[support[i]], region.residual, starts[i] * rows, size)
            step[i] = slope - columns.numbers[support[i], LAMBDA]
        _solve_factor(factor, first, step)
        _solve_transpose(factor, first, step, support.size)
    leaving, length = -1, 1.0 if dependent < 0 else np.inf
    for i in range(support.size):
        room = columns.numbers[support[i], COEFFICIENT]
        if step[i] < 0 and room <= -length * step[i]:
            leaving, length = i, -room / step[i]
    for i in range(support.size):
        column, size = support[i], columns.places[support[i], SIZE]
        change = length * step[i]
        columns.numbers[column, COEFFICIENT] = max(
            0.0, columns.numbers[column, COEFFICIENT] + change
        )
        _add_to(region.residual, starts[i] * rows, size, -change, columns.values[column])
    if leaving >= 0:
        columns.numbers[support[leaving], COEFFICIENT] = 0.0
    return leaving >= 0


@kernel
def _wake(region, columns, order, starts, waiting, rows):  # type: ignore[no-untyped-def]
    """Let the zero coefficients wait that should not be zero; returns whether there are any."""
    woken = False
    for index in range(order.size):
        column = order[index]
        numbers = columns.numbers[column]
        if numbers[COEFFICIENT] == 0.0:
            size = columns.places[column, SIZE]
            product = dot(columns.values[column], region.residual, starts[index] * rows, size)
            waiting[index] = violates(product - numbers[LAMBDA], numbers[NORM])
            woken |= waiting[index]
        else:
            waiting[index] = False
    return woken


@kernel
def settle(region, columns, count, rows, length, widest, max_sweeps):  # type: ignore[no-untyped-def]
    """Optimise the coefficients of the working set; returns the sweeps taken."""
    order = np.empty(count, np.int64)
    starts = np.empty(count, np.int64)
    waiting = np.ones(count, np.bool_)
    listed = 0
    for q in range(length):
        column = columns.heads[q]
        while column >= 0:
            order[listed], starts[listed] = column, q
            column = columns.places[column, NEXT]
            listed += 1
    sweeps = 0
    while sweeps < max_sweeps:
        limit = min(sweeps + _SWEEPS, max_sweeps)
        moved = True
        while moved and sweeps < limit:
            moved = _sweep(region, columns, order, starts, waiting, rows, widest)
            sweeps += 1
        while _newton_step(region, columns, order, starts, rows, widest):
            pass
        if not _wake(region, columns, order, starts, waiting, rows):
            break
    return sweeps
