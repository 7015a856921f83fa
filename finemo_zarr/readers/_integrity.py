"""Whether stored sequences are those of the genome at the regions' coordinates."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from finemo_zarr.errors import ReadError
from finemo_zarr.readers._genome import Genome, check_regions
from finemo_zarr.readers._lazy import region_blocks
from finemo_zarr.readers._peaks import Coordinates
from finemo_zarr.readers._stored import Codes
from finemo_zarr.sequence import NO_BASE

LARGEST_SHIFT = 50
_NAMED = 3
_PROBED = 20
_LARGEST_OFFSET = 1000
_TOLERATED_GAPS = 0.05


@dataclass(frozen=True, eq=False)
class SequenceCheck:
    """Stored sequences against the genome.

    A region differs where the two have different bases, or where more than 5 % of it has a base in
    one and none in the other. Case does not matter.

    Parameters
    ----------
    codes : Codes
        The stored sequences.
    coordinates : Coordinates
        Where they should lie; may be more or fewer than the sequences.
    genome : Genome
        The genome.
    """

    codes: Codes
    coordinates: Coordinates
    genome: Genome

    def run(self) -> None:
        """Compare all of them, block by block.

        Raises
        ------
        ReadError
            If some differ: with the first of them, and what could be the cause.
        """
        check_regions(self.coordinates, self.genome.path, self.genome.lengths)
        count = min(len(self.coordinates), self.codes.shape[0])
        found = self._mismatches(count)
        if not found:
            return
        first = [
            f"{self.coordinates.describe(row)}: {bases} of {self.codes.width} bases"
            for row, bases in found[:_NAMED]
        ]
        path = self.codes.arrays[0].path
        raise ReadError(
            f"{path}: the stored sequences of {len(found)} of {count} regions are not those of"
            f" {self.genome.path.name} at their coordinates, first {'; '.join(first)}."
            f" {self.explain(found[0][0])}"
        )

    def explain_count(self) -> str:
        """Where sequences and coordinates part, if there are more of one than of the other."""
        check_regions(self.coordinates, self.genome.path, self.genome.lengths)
        count = min(len(self.coordinates), self.codes.shape[0])
        if found := self._mismatches(count, 1):
            return self.explain(found[0][0])
        return f"The first {count} match the genome: what is too many comes after them"

    def explain(self, row: int) -> str:
        """What could be the cause of a difference, as a sentence.

        Parameters
        ----------
        row : int
            The first row that differs.
        """
        shift, rows = self._row_shift(row)
        row = max(row, row - shift)
        if shift > 0:
            names = ", ".join(str(name) for name in self.coordinates.name[row : row + shift][:5])
            what = "one peak was" if shift == 1 else f"{shift} peaks were"
            them = "it" if shift == 1 else "them"
            return (
                f"From row {row} on, the scores match the peak {_rows(shift)} later ({rows} rows"
                f" compared): {what} dropped upstream ({names}); name {them} with --dropped"
            )
        if shift < 0:
            return (
                f"From row {row} on, the scores match the peak {_rows(-shift)} earlier ({rows} rows"
                " compared): the peak file lacks peaks that have scores; give the peaks that the"
                " scores were made for"
            )
        if offset := self._base_offset(row):
            side = "right" if offset > 0 else "left"
            return (
                f"The sequence of row {row} lies {abs(offset)} bp further {side}: the scores were"
                " made around other summits, or with another rule for the centre"
            )
        return (
            f"No shift of up to {LARGEST_SHIFT} rows explains it: are genome, peaks and scores of"
            " the same genome build, and is it the file of peaks that the scores were made for?"
        )

    def _mismatches(self, count: int, limit: int | None = None) -> list[tuple[int, int]]:
        """Rows that differ, each with the number of bases that do."""
        found: list[tuple[int, int]] = []
        block = region_blocks(count, 4 * self.codes.width, self.codes.arrays[0].chunk_rows)
        for first in range(0, count, block):
            rows = range(first, min(first + block, count))
            bases = differences(self.codes.read(rows.start, rows.stop), self._expected(rows))
            found += [(first + int(row), int(bases[row])) for row in np.flatnonzero(bases)]
            if limit is not None and len(found) >= limit:
                break
        return found

    def _expected(self, rows: range) -> NDArray[np.uint8]:
        part = slice(rows.start, rows.stop)
        return self.genome.windows(
            self.coordinates.chrom[part], self.coordinates.start[part], self.codes.width
        )

    def _row_shift(self, row: int) -> tuple[int, int]:
        """Shift that explains most rows without a gap, and how many; 0 if none.

        Peaks that were dropped (shift > 0) are skipped among the coordinates, scores whose peaks
        are missing (shift < 0) among the stored sequences.
        """
        last = row + _PROBED + LARGEST_SHIFT
        stored = self.codes.read(row, min(last, self.codes.shape[0]))
        expected = self._expected(range(row, min(last, len(self.coordinates))))
        best = (0, 0)
        for shift in sorted(range(-LARGEST_SHIFT, LARGEST_SHIFT + 1), key=abs):
            left, right = stored[max(-shift, 0) :], expected[max(shift, 0) :]
            count = min(len(left), len(right), _PROBED)
            equal = differences(left[:count], right[:count]) == 0
            run = count if equal.all() else int(np.argmin(equal))
            if run > best[1]:
                best = shift, run
        return best

    def _base_offset(self, row: int) -> int:
        """Distance in bp at which the genome has the sequence of a row; 0 if nowhere near."""
        width = self.codes.width
        reach = min(width, _LARGEST_OFFSET)
        wide = self.genome.windows(
            self.coordinates.chrom[row : row + 1],
            self.coordinates.start[row : row + 1] - reach,
            width + 2 * reach,
        )
        windows = np.lib.stride_tricks.sliding_window_view(wide[0], width)
        equal = np.flatnonzero(differences(self.codes.read(row, row + 1), windows) == 0) - reach
        return int(min(equal, key=abs, default=0))


def differences(stored: NDArray[np.uint8], expected: NDArray[np.uint8]) -> NDArray[np.int64]:
    """Number of differing bases of each row, 0 where the rows can pass for the same.

    Parameters
    ----------
    stored, expected : array of uint8, ``(region, position)``
        Base codes.
    """
    different = stored != expected
    gaps = different & ((stored == NO_BASE) | (expected == NO_BASE))
    count: NDArray[np.int64] = different.sum(axis=1)
    gap_count = gaps.sum(axis=1)
    same = (count == gap_count) & (gap_count <= _TOLERATED_GAPS * stored.shape[1])
    return np.where(same, 0, count)


def _rows(number: int) -> str:
    return "1 row" if number == 1 else f"{number} rows"
