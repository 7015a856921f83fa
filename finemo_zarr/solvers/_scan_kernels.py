"""The pass over all positions: which columns violate their optimality condition.

See :mod:`finemo_zarr.solvers._state_kernels` for the notation.
"""

import numpy as np

from finemo_zarr.solvers._correlate_kernels import (
    FEW_LANES,
    POSITIONS,
    correlate_hypothetical_few,
    correlate_hypothetical_many,
    correlate_projected_few,
    correlate_projected_many,
)
from finemo_zarr.solvers._state_kernels import (
    BEFORE,
    BEHIND,
    COEFFICIENT,
    CORE,
    ENERGY,
    LAMBDA,
    LEFT,
    MOTIF,
    NARROWEST,
    NEXT,
    NORM,
    SCALE,
    SIZE,
    START,
    TABLE,
    WIDEST,
    dot,
    kernel,
    violates,
)

# Products are in single precision: a column this close to its penalty joins the working set, where
# it is looked at in double precision.
_MARGIN = 1e-4


@kernel
def _list_positions(bank, group, region, scan, count):  # type: ignore[no-untyped-def]
    """List the positions at which some motif of a group could now reach its penalty.

    They are followed by idle ones up to a whole tile; returns the number of both.
    """
    narrowest, widest = bank.groups[group, NARROWEST], bank.groups[group, WIDEST]
    energy, left, bound = region.sums[ENERGY], region.sums[LEFT], bank.bounds[group]
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


@kernel
def _enter(bank, region, columns, count, q, motif):  # type: ignore[no-untyped-def]
    """Put a column into the working set.

    Returns 2 if it violates its optimality condition, 1 if not, 0 if it is there or can never be.
    """
    previous, following = -1, columns.heads[q]
    while following >= 0 and columns.places[following, MOTIF] < motif:
        previous, following = following, columns.places[following, NEXT]
    if following >= 0 and columns.places[following, MOTIF] == motif:
        return 0
    core = bank.places[motif, CORE]
    energy = region.sums[ENERGY, q + core] - region.sums[ENERGY, q]
    scale = 1 / np.sqrt(energy + 1)
    size = core * bank.rows
    values = columns.values[count]
    for index in range(size):
        base = region.bases[q + index] if bank.rows == 1 else 0
        at = 4 * index + base if bank.rows == 1 else index
        values[index] = scale * bank.weights[motif, at] if base < 4 else 0.0
    norm = dot(values, values, 0, size)
    if norm == 0.0:
        return 0
    columns.places[count, START] = q
    columns.places[count, MOTIF] = motif
    columns.places[count, SIZE] = size
    columns.places[count, NEXT] = following
    if previous < 0:
        columns.heads[q] = count
    else:
        columns.places[previous, NEXT] = count
    columns.numbers[count, COEFFICIENT] = 0.0
    columns.numbers[count, NORM] = norm
    columns.numbers[count, LAMBDA] = bank.lambdas[motif]
    columns.numbers[count, SCALE] = scale
    product = dot(values, region.residual, q * bank.rows, size)
    return 2 if violates(product - bank.lambdas[motif], norm) else 1


@kernel
def _is_candidate(bank, region, q, motif, product, length):  # type: ignore[no-untyped-def]
    """Whether a motif may be placed at `q`, and comes near its penalty there."""
    if q < bank.places[motif, BEFORE] or q + bank.places[motif, BEHIND] > length:
        return False
    core = bank.places[motif, CORE]
    energy = region.sums[ENERGY, q + core] - region.sums[ENERGY, q]
    return product >= (1 - _MARGIN) * np.sqrt(energy + 1)


@kernel
def _correlate(bank, region, scan, group, first, listed):  # type: ignore[no-untyped-def]
    """Multiply a group of motifs with the residual, to the next tile with a candidate."""
    steps = bank.groups[group, WIDEST] * bank.rows
    start = bank.groups[group, TABLE]
    residual, codes, table = region.single, region.codes, bank.table
    positions, thresholds, products = scan.offsets, scan.thresholds, scan.products
    if bank.rows == 1 and bank.lanes == FEW_LANES:
        return correlate_projected_few(
            residual, codes, table, start, steps, positions, first, listed, thresholds, products
        )
    if bank.rows == 1:
        return correlate_projected_many(
            residual, codes, table, start, steps, positions, first, listed, thresholds, products
        )
    if bank.lanes == FEW_LANES:
        return correlate_hypothetical_few(
            residual, codes, table, start, steps, positions, first, listed, thresholds, products
        )
    return correlate_hypothetical_many(
        residual, codes, table, start, steps, positions, first, listed, thresholds, products
    )


@kernel
def scan_positions(bank, region, scan, columns, count, length):  # type: ignore[no-untyped-def]
    """Find the columns at or above their penalty.

    Returns the size of the working set, -1 where it has no room, and the number of violations.
    """
    violations = 0
    listed = 0
    for group in range(bank.groups.shape[0]):
        narrowest, widest = bank.groups[group, NARROWEST], bank.groups[group, WIDEST]
        before = max(group - 1, 0)
        same = narrowest == bank.groups[before, NARROWEST] and widest == bank.groups[before, WIDEST]
        if group == 0 or not same:
            positions = max(0, length - narrowest + 1)
            listed = _list_positions(bank, group, region, scan, positions)
        first = 0
        while first < listed:
            first = _correlate(bank, region, scan, group, first, listed)
            if first >= listed:
                break
            for place in range(POSITIONS * bank.lanes):
                product = scan.products[place]
                if not product > scan.thresholds[first + place // bank.lanes]:
                    continue
                motif = bank.slots[group * bank.lanes + place % bank.lanes]
                q = scan.offsets[first + place // bank.lanes] // bank.rows
                if not _is_candidate(bank, region, q, motif, product, length):
                    continue
                if count == columns.values.shape[0]:
                    return -1, 0
                entered = _enter(bank, region, columns, count, q, motif)
                count += entered > 0
                violations += entered == 2
            first += POSITIONS
    return count, violations
