"""Peaks that an upstream tool left out: which of a peak file have scores."""

from collections import Counter, defaultdict, deque
from collections.abc import Hashable
from pathlib import Path

from finemo_zarr.errors import ReadError
from finemo_zarr.readers._checks import listing
from finemo_zarr.readers._peaks import Peaks, read_peaks, records


def without_dropped(peaks: Peaks, dropped: Path) -> Peaks:
    """The peaks that have scores, in the order of the scores.

    Parameters
    ----------
    peaks : Peaks
        All peaks.
    dropped : Path
        Names of those without scores, one per line; or the filtered peak file that the upstream
        tool wrote, whose order then counts.

    Raises
    ------
    ReadError
        If a line matches no peak, or more than one.
    """
    lines = records(dropped, "names of dropped peaks, or a filtered peak file")
    _, row = next(lines, (0, []))
    if len(row) >= 3 and row[1].isdecimal() and row[2].isdecimal():
        return peaks.take(_kept_rows(peaks, read_peaks(dropped)))
    return peaks.take(_rows_not_named(peaks, dropped))


def _rows_not_named(peaks: Peaks, path: Path) -> list[int]:
    names = {row[0].strip() for _, row in records(path, "names of dropped peaks")}
    count = Counter(peaks.name)
    if unknown := sorted(name for name in names if not count[name]):
        raise ReadError(
            f"{path}: no peak of {peaks.path} has the {_names(unknown)} {listing(unknown)}"
        )
    if repeated := sorted(name for name in names if count[name] > 1):
        raise ReadError(
            f"{path}: several peaks of {peaks.path} have the {_names(repeated)}"
            f" {listing(repeated)}; give the filtered peak file instead"
        )
    return [row for row, name in enumerate(peaks.name) if name not in names]


def _kept_rows(peaks: Peaks, kept: Peaks) -> list[int]:
    by_name: dict[Hashable, deque[int]] = defaultdict(deque)
    by_place: dict[Hashable, list[int]] = defaultdict(list)
    for row, place in enumerate(_places(peaks)):
        by_name[*place, peaks.name[row]].append(row)
        by_place[place].append(row)
    sizes = {key: len(rows) for key, rows in by_name.items()}
    rows, used = [], set()
    for number, place in enumerate(_places(kept)):
        key: Hashable = (*place, kept.name[number])
        if key not in sizes:
            key = _by_place(peaks, kept, number, by_place[place])
        if not by_name[key]:
            raise ReadError(f"{kept.path} lists {_peak(kept, number)} more often than {peaks.path}")
        rows.append(by_name[key].popleft())
        used.add(key)
    if unclear := [key for key in used if by_name[key]]:
        row = by_name[unclear[0]][0]
        raise ReadError(
            f"{peaks.path} lists {_peak(peaks, row)} {sizes[unclear[0]]} times, {kept.path} less"
            " often: which of them was dropped is not known"
        )
    return rows


def _by_place(peaks: Peaks, kept: Peaks, number: int, rows: list[int]) -> Hashable:
    if not rows:
        raise ReadError(f"{kept.path}: {_peak(kept, number)} is not in {peaks.path}")
    names = {str(peaks.name[row]) for row in rows}
    if len(names) > 1:
        raise ReadError(
            f"{kept.path}: {_peak(kept, number)} is several peaks of {peaks.path}:"
            f" {listing(sorted(names))}"
        )
    return (*_place(peaks, rows[0]), names.pop())


def _places(peaks: Peaks) -> list[tuple[str, int, int, int]]:
    columns = (peaks.start.tolist(), peaks.end.tolist(), peaks.summit.tolist())
    return list(zip(peaks.chrom.tolist(), *columns, strict=True))


def _place(peaks: Peaks, row: int) -> tuple[str, int, int, int]:
    return peaks.chrom[row], int(peaks.start[row]), int(peaks.end[row]), int(peaks.summit[row])


def _peak(peaks: Peaks, row: int) -> str:
    return f"{peaks.name[row]} ({peaks.chrom[row]}:{peaks.start[row]}-{peaks.end[row]})"


def _names(names: list[str]) -> str:
    return "name" if len(names) == 1 else "names"
