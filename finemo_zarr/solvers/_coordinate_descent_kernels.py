"""Compiled part of the solver `coordinate-descent`: scan, settle, repeat; region by region.

See :mod:`finemo_zarr.solvers._state_kernels` for the notation.
"""

import numpy as np

from finemo_zarr.solvers._scan_kernels import scan_positions
from finemo_zarr.solvers._settle_kernels import settle
from finemo_zarr.solvers._state_kernels import (
    COEFFICIENT,
    ENERGY,
    LAMBDA,
    LEFT,
    MOTIF,
    NEXT,
    NORM,
    SCALE,
    SIZE,
    START,
    WIDEST,
    dot,
    entry,
    kernel,
    sources,
)

_NEGLIGIBLE = 1e-7  # explained scores, of mean square 1


@kernel
def _running_squares(values, rows, sums, count):  # type: ignore[no-untyped-def]
    total = 0.0
    for position in range(count):
        for row in range(rows):
            value = values[position * rows + row]
            total += value * value
        sums[position + 1] = total


@kernel
def _scale(scores, rows, length):  # type: ignore[no-untyped-def]
    """Root of the mean squared score per base."""
    total = 0.0
    for row in range(rows):
        for position in range(length):
            total += scores[row, position] * scores[row, position]
    return np.sqrt(total / max(length, 1))


@kernel
def _load(region, codes, scores, rows, length, behind, scale):  # type: ignore[no-untyped-def]
    """Fill a region's arrays from its codes ``(any,)`` and scores ``(rows, any)``.

    Zeros follow, in place of what an earlier region left: wider cores look at them.
    """
    inverse = 1 / scale
    for position in range(length):
        code = np.int32(codes[position])
        region.stale[position] = True
        region.bases[position] = code
        region.codes[position] = min(code, np.int32(3))
        for row in range(rows):
            value = scores[row, position] * inverse
            region.scores[position * rows + row] = value
            region.residual[position * rows + row] = value
            region.single[position * rows + row] = value
    for position in range(length, length + behind):
        region.codes[position] = 0
        for at in range(position * rows, (position + 1) * rows):
            region.scores[at] = 0.0
            region.residual[at] = 0.0
            region.single[at] = 0.0
    _running_squares(region.scores, rows, region.sums[ENERGY], length + behind)
    for position in range(length + behind + 1):
        region.sums[LEFT, position] = region.sums[ENERGY, position]


@kernel
def _refresh(region, rows, length, behind, widest):  # type: ignore[no-untyped-def]
    """Bring what derives from the residual up to date."""
    unchanged = widest
    for position in range(length - 1, -1, -1):
        unchanged += 1
        for at in range(position * rows, (position + 1) * rows):
            value = np.float32(region.residual[at])
            unchanged = 0 if value != region.single[at] else unchanged
            region.single[at] = value
        region.stale[position] = unchanged < widest
    _running_squares(region.residual, rows, region.sums[LEFT], length + behind)


@kernel
def _gap(region, columns, count, rows, length):  # type: ignore[no-untyped-def]
    """Duality gap and squared residual; columns outside the working set are below penalty."""
    excess, penalty = 1.0, 0.0
    for column in range(count):
        at = columns.places[column, START] * rows
        size = columns.places[column, SIZE]
        product = dot(columns.values[column], region.residual, at, size)
        excess = max(excess, product / columns.numbers[column, LAMBDA])
        penalty += columns.numbers[column, LAMBDA] * columns.numbers[column, COEFFICIENT]
    squares = dot(region.residual, region.residual, 0, length * rows)
    overlap = dot(region.residual, region.scores, 0, length * rows)
    shrink = 1 / excess
    gap = 0.5 * squares + penalty - shrink * overlap + 0.5 * shrink * shrink * squares
    return max(gap, 0.0), squares


@kernel
def _write_hits(region, columns, rows, length, hits, index, scale):  # type: ignore[no-untyped-def]
    """Write the hits of a region by start and motif; returns their number."""
    found = 0
    for q in range(length):
        column = columns.heads[q]
        while column >= 0:
            numbers = columns.numbers[column]
            coefficient = numbers[COEFFICIENT]
            if coefficient * np.sqrt(numbers[NORM]) > _NEGLIGIBLE:
                size, at = columns.places[column, SIZE], q * rows
                product = dot(columns.values[column], region.scores, at, size)
                absolute, squared = 0.0, 0.0
                for position in range(at, at + size):
                    absolute += abs(region.scores[position])
                    squared += region.scores[position] ** 2
                row = hits[found]
                row[0] = index
                row[1] = columns.places[column, MOTIF]
                row[2] = q
                row[3] = coefficient
                row[4] = coefficient * scale * scale
                row[5] = product / numbers[SCALE] / np.sqrt(squared) if squared > 0 else 0.0
                row[6] = absolute * scale
                row[7] = squared * scale * scale
                found += 1
            column = columns.places[column, NEXT]
    return found


@kernel
def _solve_region(bank, region, scan, columns, length, behind, max_sweeps):  # type: ignore[no-untyped-def]
    """Solve a loaded region; returns the size of the working set (-1: no room) and the sweeps."""
    count, sweeps = np.int64(0), 0  # a literal 0 would compile all of this twice
    while True:
        count, violations = scan_positions(bank, region, scan, columns, count, length)
        if violations == 0 or sweeps >= max_sweeps:
            return count, sweeps
        widest = bank.groups[0, WIDEST]
        sweeps += settle(region, columns, count, bank.rows, length, widest, max_sweeps - sweeps)
        _refresh(region, bank.rows, length, behind, widest)


def _compiled(version: int):  # type: ignore[no-untyped-def]
    """The function below, cached under a version: what a closure holds is part of the key."""

    @entry
    def solve_regions(bank, buffers, data, first, max_sweeps, hits, qc):  # type: ignore[no-untyped-def]
        """Solve regions of a block one by one, as long as there is room for their columns.

        Parameters
        ----------
        bank : Bank
            The motifs.
        buffers : tuple
            From :func:`finemo_zarr.solvers._state_kernels.workspace`.
        data : Data
            The regions.
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
        _ = version
        region, scan, columns = buffers
        rows, behind = bank.rows, region.bases.size - data.codes.shape[1]
        found = 0
        for index in range(first, data.codes.shape[0]):
            length, scores, scale = data.widths[index], data.scores[index], data.scales[index]
            if np.isnan(scale):
                scale = _scale(scores, rows, length)
            qc[index, 3] = scale
            if not (scale > 0 and length > 0):
                continue
            _load(region, data.codes[index], scores, rows, length, behind, scale)
            count, sweeps = _solve_region(bank, region, scan, columns, length, behind, max_sweeps)
            if count < 0 or count > hits.shape[0] - found:
                return index, found
            gap, squares = _gap(region, columns, count, rows, length)
            qc[index, 0] = squares / (2 * length)
            qc[index, 1] = gap / length
            qc[index, 2] = sweeps
            found += _write_hits(region, columns, rows, length, hits[found:], index, scale)
            for column in range(count):
                columns.heads[columns.places[column, START]] = -1
        return data.codes.shape[0], found

    return solve_regions


solve_regions = _compiled(sources())
