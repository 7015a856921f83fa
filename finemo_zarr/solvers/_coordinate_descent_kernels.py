"""Compiled part of the solver `coordinate-descent`.

Notation: `q` is where the core of a motif starts; a *column* is a motif at a `q`; a *slot* is the
place of a motif in the bank (sorted by core, `LANES` to a group). Scores are laid out as
``[position, row]`` with one row (projected) or four (hypothetical), so that what lies under a core
is contiguous in both.

All of it runs without the GIL and without Python objects, and is cached on disk. State is kept in
few arrays: each array that is handed from function to function costs compile time.
"""

from typing import NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

from finemo_zarr.solvers._correlate_kernels import (
    LANES,
    POSITIONS,
    correlate_hypothetical,
    correlate_projected,
)

# Products are in single precision: a column this close to its penalty joins the working set, where
# it is looked at in double precision.
_MARGIN = 1e-4
# Coefficients are settled when no step changes the explained scores (of mean square 1) by more.
_SETTLED = 1e-9
_NEGLIGIBLE = 1e-7

Floats = NDArray[np.float64]
Singles = NDArray[np.float32]
Ints = NDArray[np.int64]

# Columns of Bank.places, Bank.groups and Columns.places, and of Columns.numbers.
CORE, BEFORE, BEHIND = range(3)
TABLE, WIDEST, NARROWEST = range(3)
_START, _MOTIF, _SIZE, _NEXT = range(4)
_COEFFICIENT, _NORM, _LAMBDA, _SCALE = range(4)
# Rows of Region.sums.
_ENERGY, _LEFT = range(2)

_kernel = njit(cache=True, nogil=True, error_model="numpy")
_reduction = njit(
    cache=True, nogil=True, error_model="numpy", fastmath={"reassoc", "contract", "nsz"}
)


class Bank(NamedTuple):
    """Motifs as the kernels want them."""

    rows: int  # numbers per base of the scores: 1 projected, 4 hypothetical
    weights: Floats  # (motif, 4 * widest core), [position, base]
    lambdas: Floats  # (motif,)
    places: Ints  # (motif, 3): core width, bases needed before the core, and from its start on
    slots: Ints  # (slot,): motif, or -1
    table: Singles  # weights over lambdas of all groups, [step, base, lane] each
    groups: Ints  # (group, 3): start in table, widest and narrowest core
    bounds: Floats  # (group,): largest squared norm of a column over lambda, not yet scaled


class Region(NamedTuple):
    """One region, with zeros behind."""

    bases: NDArray[np.int32]  # base codes
    lanes: NDArray[np.int32]  # LANES times base code; any base where there is none
    scores: Floats
    residual: Floats
    single: Singles  # the residual again
    sums: Floats  # running sums of squared scores and squared residual
    stale: NDArray[
        np.bool_
    ]  # (position,): whether a residual under a core that starts there is new


class Columns(NamedTuple):
    """The working set in order of entry, and the first column at each position."""

    places: Ints  # start, motif, numbers under the core, next column at the same start
    numbers: Floats  # coefficient, squared norm, lambda, importance scale
    values: Floats  # (column, widest): the column of A
    heads: Ints  # (position,): first column that starts there, or -1


class Scan(NamedTuple):
    """Buffers of a pass over the positions."""

    passing: NDArray[np.bool_]
    floors: Singles
    offsets: NDArray[np.int32]
    thresholds: Singles
    products: Singles


@_reduction
def _dot(left, right, start, size):  # type: ignore[no-untyped-def]
    total = 0.0
    for index in range(size):
        total += left[index] * right[start + index]
    return total


@_reduction
def _add_to(target, start, size, factor, values):  # type: ignore[no-untyped-def]
    for index in range(size):
        target[start + index] += factor * values[index]


@_kernel
def _running_squares(values, rows, sums):  # type: ignore[no-untyped-def]
    total = 0.0
    for position in range(sums.size - 1):
        for row in range(rows):
            value = values[position * rows + row]
            total += value * value
        sums[position + 1] = total


@_kernel
def _load(region, codes, scores, rows):  # type: ignore[no-untyped-def]
    """Fill a region's arrays from its codes ``(L,)`` and scores ``(rows, L)``; return its scale."""
    total = 0.0
    for row in range(rows):
        for position in range(codes.size):
            total += scores[row, position] * scores[row, position]
    scale = np.sqrt(total / codes.size)
    inverse = 1 / scale if scale > 0 else 0.0
    for position in range(codes.size):
        code = np.int32(codes[position])
        region.stale[position] = True
        region.bases[position] = code
        region.lanes[position] = LANES * min(code, np.int32(3))
        for row in range(rows):
            value = scores[row, position] * inverse
            region.scores[position * rows + row] = value
            region.residual[position * rows + row] = value
            region.single[position * rows + row] = value
    _running_squares(region.scores, rows, region.sums[_ENERGY])
    for position in range(region.sums.shape[1]):
        region.sums[_LEFT, position] = region.sums[_ENERGY, position]
    return scale


@_kernel
def _refresh(region, rows, length, widest):  # type: ignore[no-untyped-def]
    """Bring what derives from the residual up to date."""
    unchanged = widest
    for position in range(length - 1, -1, -1):
        unchanged += 1
        for at in range(position * rows, (position + 1) * rows):
            value = np.float32(region.residual[at])
            unchanged = 0 if value != region.single[at] else unchanged
            region.single[at] = value
        region.stale[position] = unchanged < widest
    _running_squares(region.residual, rows, region.sums[_LEFT])


@_kernel
def _list_positions(bank, group, region, scan, count):  # type: ignore[no-untyped-def]
    """List the positions at which some motif of a group could now reach its penalty.

    They are followed by idle ones up to a whole tile; returns the number of both.
    """
    narrowest, widest = bank.groups[group, NARROWEST], bank.groups[group, WIDEST]
    energy, left, bound = region.sums[_ENERGY], region.sums[_LEFT], bank.bounds[group]
    for q in range(count):
        above = energy[q + narrowest] - energy[q] + 1
        scan.passing[q] = ((left[q + widest] - left[q]) * bound > above) & region.stale[q]
        scan.floors[q] = np.float32(1 - _MARGIN) * np.sqrt(np.float32(above))
    listed = 0
    for q in range(count):
        scan.offsets[listed] = q * bank.rows
        scan.thresholds[listed] = scan.floors[q]
        listed += scan.passing[q]
    filled = -(-listed // POSITIONS) * POSITIONS
    for index in range(listed, filled):
        scan.offsets[index] = 0
        scan.thresholds[index] = np.inf
    return filled


@_kernel
def _enter(bank, region, columns, count, q, motif):  # type: ignore[no-untyped-def]
    """Put a column into the working set.

    Returns 2 if it violates its optimality condition, 1 if not, 0 if it is there or can never be.
    """
    previous, following = -1, columns.heads[q]
    while following >= 0 and columns.places[following, _MOTIF] < motif:
        previous, following = following, columns.places[following, _NEXT]
    if following >= 0 and columns.places[following, _MOTIF] == motif:
        return 0
    core = bank.places[motif, CORE]
    energy = region.sums[_ENERGY, q + core] - region.sums[_ENERGY, q]
    scale = 1 / np.sqrt(energy + 1)
    size = core * bank.rows
    values = columns.values[count]
    for index in range(size):
        base = region.bases[q + index] if bank.rows == 1 else 0
        at = 4 * index + base if bank.rows == 1 else index
        values[index] = scale * bank.weights[motif, at] if base < 4 else 0.0
    norm = _dot(values, values, 0, size)
    if norm == 0.0:
        return 0
    columns.places[count, _START] = q
    columns.places[count, _MOTIF] = motif
    columns.places[count, _SIZE] = size
    columns.places[count, _NEXT] = following
    if previous < 0:
        columns.heads[q] = count
    else:
        columns.places[previous, _NEXT] = count
    columns.numbers[count, _COEFFICIENT] = 0.0
    columns.numbers[count, _NORM] = norm
    columns.numbers[count, _LAMBDA] = bank.lambdas[motif]
    columns.numbers[count, _SCALE] = scale
    product = _dot(values, region.residual, q * bank.rows, size)
    return 2 if product > bank.lambdas[motif] * (1 + _SETTLED) else 1


@_kernel
def _is_candidate(bank, region, q, motif, product, length):  # type: ignore[no-untyped-def]
    """Whether a motif may be placed at `q`, and comes near its penalty there."""
    if q < bank.places[motif, BEFORE] or q + bank.places[motif, BEHIND] > length:
        return False
    core = bank.places[motif, CORE]
    energy = region.sums[_ENERGY, q + core] - region.sums[_ENERGY, q]
    return product >= (1 - _MARGIN) * np.sqrt(energy + 1)


@_kernel
def _correlate(bank, region, scan, group, first):  # type: ignore[no-untyped-def]
    """Multiply one group of motifs with the residual at the next few listed positions."""
    steps = bank.groups[group, WIDEST] * bank.rows
    start = bank.groups[group, TABLE]
    if bank.rows == 1:
        return correlate_projected(
            region.single, region.lanes, bank.table, start, steps,
            scan.offsets, first, scan.thresholds, scan.products,
        )  # fmt: skip
    return correlate_hypothetical(
        region.single, region.lanes, bank.table, start, steps,
        scan.offsets, first, scan.thresholds, scan.products,
    )  # fmt: skip


@_kernel
def _scan(bank, region, scan, columns, count, length):  # type: ignore[no-untyped-def]
    """Find the columns at or above their penalty.

    Returns the size of the working set, -1 where it has no room, and the number of violations.
    """
    violations = 0
    for group in range(bank.groups.shape[0]):
        positions = max(0, length - bank.groups[group, NARROWEST] + 1)
        for first in range(0, _list_positions(bank, group, region, scan, positions), POSITIONS):
            if _correlate(bank, region, scan, group, first) == 0:
                continue
            for place in range(POSITIONS * LANES):
                product = scan.products[place]
                if not product > scan.thresholds[first + place // LANES]:
                    continue
                motif = bank.slots[group * LANES + place % LANES]
                q = scan.offsets[first + place // LANES] // bank.rows
                if not _is_candidate(bank, region, q, motif, product, length):
                    continue
                if count == columns.values.shape[0]:
                    return -1, 0
                entered = _enter(bank, region, columns, count, q, motif)
                count += entered > 0
                violations += entered == 2
    return count, violations


@_kernel
def _descend(region, columns, count, rows, length, widest, max_sweeps):  # type: ignore[no-untyped-def]
    """Coordinate descent on the working set until it is settled; returns the sweeps taken."""
    order = np.empty(count, np.int64)
    starts = np.empty(count, np.int64)
    waiting = np.ones(count, np.bool_)
    listed = 0
    for q in range(length):
        column = columns.heads[q]
        while column >= 0:
            order[listed], starts[listed] = column, q
            column = columns.places[column, _NEXT]
            listed += 1
    sweeps, moving = 0, count > 0
    while moving and sweeps < max_sweeps:
        moving = False
        sweeps += 1
        for index in range(count):
            if not waiting[index]:
                continue
            waiting[index] = False
            column = order[index]
            size = columns.places[column, _SIZE]
            at = starts[index] * rows
            numbers = columns.numbers[column]
            slope = _dot(columns.values[column], region.residual, at, size) - numbers[_LAMBDA]
            new = max(0.0, numbers[_COEFFICIENT] + slope / numbers[_NORM])
            step = new - numbers[_COEFFICIENT]
            if step * step * numbers[_NORM] <= _SETTLED**2:
                continue
            numbers[_COEFFICIENT] = new
            _add_to(region.residual, at, size, -step, columns.values[column])
            moving = True
            other = index - 1
            while other >= 0 and starts[other] > starts[index] - widest:
                waiting[other] = True
                other -= 1
            other = index + 1
            while other < count and starts[other] < starts[index] + widest:
                waiting[other] = True
                other += 1
    return sweeps


@_kernel
def _gap(region, columns, count, rows, length):  # type: ignore[no-untyped-def]
    """Duality gap and squared residual; columns outside the working set are below penalty."""
    excess, penalty = 1.0, 0.0
    for column in range(count):
        at = columns.places[column, _START] * rows
        size = columns.places[column, _SIZE]
        product = _dot(columns.values[column], region.residual, at, size)
        excess = max(excess, product / columns.numbers[column, _LAMBDA])
        penalty += columns.numbers[column, _LAMBDA] * columns.numbers[column, _COEFFICIENT]
    squares = _dot(region.residual, region.residual, 0, length * rows)
    overlap = _dot(region.residual, region.scores, 0, length * rows)
    shrink = 1 / excess
    gap = 0.5 * squares + penalty - shrink * overlap + 0.5 * shrink * shrink * squares
    return max(gap, 0.0), squares


@_kernel
def _write_hits(region, columns, rows, length, hits, index, scale):  # type: ignore[no-untyped-def]
    """Write the hits of a region by start and motif; returns their number."""
    found = 0
    for q in range(length):
        column = columns.heads[q]
        while column >= 0:
            numbers = columns.numbers[column]
            coefficient = numbers[_COEFFICIENT]
            if coefficient * np.sqrt(numbers[_NORM]) > _NEGLIGIBLE:
                size, at = columns.places[column, _SIZE], q * rows
                product = _dot(columns.values[column], region.scores, at, size)
                absolute, squared = 0.0, 0.0
                for position in range(at, at + size):
                    absolute += abs(region.scores[position])
                    squared += region.scores[position] ** 2
                row = hits[found]
                row[0] = index
                row[1] = columns.places[column, _MOTIF]
                row[2] = q
                row[3] = coefficient
                row[4] = coefficient * scale * scale
                row[5] = product / numbers[_SCALE] / np.sqrt(squared) if squared > 0 else 0.0
                row[6] = absolute * scale
                row[7] = squared * scale * scale
                found += 1
            column = columns.places[column, _NEXT]
    return found


@_kernel
def _solve_region(bank, region, scan, columns, length, max_sweeps):  # type: ignore[no-untyped-def]
    """Solve a loaded region; returns the size of the working set (-1: no room) and the sweeps."""
    count, sweeps = np.int64(0), 0  # a literal 0 would compile all of this twice
    while True:
        count, violations = _scan(bank, region, scan, columns, count, length)
        if violations == 0 or sweeps >= max_sweeps:
            return count, sweeps
        widest = bank.groups[0, WIDEST]
        sweeps += _descend(region, columns, count, bank.rows, length, widest, max_sweeps - sweeps)
        _refresh(region, bank.rows, length, widest)


def workspace(bank: Bank, length: int, room: int) -> tuple[Region, Scan, Columns]:
    """Buffers for regions of a length, with room for so many columns in the working set.

    Allocated outside of the compiled code, which would take longer to compile than to run.
    """
    pad = bank.weights.shape[1] // 4 + 1
    numbers = (length + pad) * bank.rows
    region = Region(
        bases=np.zeros(length + pad, np.int32),
        lanes=np.zeros(length + pad, np.int32),
        scores=np.zeros(numbers),
        residual=np.zeros(numbers),
        single=np.zeros(numbers, np.float32),
        sums=np.zeros((2, length + pad + 1)),
        stale=np.zeros(length, np.bool_),
    )
    scan = Scan(
        passing=np.zeros(length + 1, np.bool_),
        floors=np.zeros(length + 1, np.float32),
        offsets=np.zeros(length + POSITIONS + 1, np.int32),
        thresholds=np.zeros(length + POSITIONS + 1, np.float32),
        products=np.zeros(POSITIONS * LANES, np.float32),
    )
    columns = Columns(
        places=np.zeros((room, 4), np.int64),
        numbers=np.zeros((room, 4)),
        values=np.zeros((room, bank.weights.shape[1] * bank.rows // 4)),
        heads=np.full(length, -1),
    )
    return region, scan, columns


@_kernel
def solve_regions(bank, buffers, codes, scores, first, max_sweeps, hits, qc):  # type: ignore[no-untyped-def]
    """Solve regions of a block, one after the other, as long as there is room for their columns.

    Parameters
    ----------
    bank : Bank
        The motifs.
    buffers : tuple
        From :func:`workspace`.
    codes : array of uint8, ``(region, position)``
        Base codes.
    scores : array of float64, ``(region, rows, position)``
        Projected (one row; zero where there is no base) or hypothetical scores (four rows).
    first : int
        The region to begin with.
    max_sweeps : int
        Sweeps of coordinate descent allowed per region.
    hits : array of float64, ``(any, 8)``
        Written: region, motif, start of the core, coefficient, global coefficient, similarity,
        importance, squared importance.
    qc : array of float64, ``(region, 4)``
        Written: half the mean squared residual, duality gap per base, sweeps, scale.

    Returns
    -------
    stopped : int
        The first region that is not solved: its working set or its hits did not fit.
    found : int
        Number of hits written.
    """
    region, scan, columns = buffers
    length, rows = codes.shape[1], bank.rows
    found = 0
    for index in range(first, codes.shape[0]):
        scale = _load(region, codes[index], scores[index], rows)
        qc[index, 3] = scale
        if not scale > 0:
            continue
        count, sweeps = _solve_region(bank, region, scan, columns, length, max_sweeps)
        if count < 0 or count > hits.shape[0] - found:
            return index, found
        gap, squares = _gap(region, columns, count, rows, length)
        qc[index, 0] = squares / (2 * length)
        qc[index, 1] = gap / length
        qc[index, 2] = sweeps
        found += _write_hits(region, columns, rows, length, hits[found:], index, scale)
        for column in range(count):
            columns.heads[columns.places[column, _START]] = -1
    return codes.shape[0], found
