"""Motifs of the text output of ChIPMunk, ChIPHorde and diChIPMunk."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from finemo_zarr.errors import ReadError
from finemo_zarr.readers._checks import listing
from finemo_zarr.readers._probability_motifs import (
    FloatArray,
    ProbabilityMotif,
    parse_number,
    read_lines,
    text_head,
    to_dataset,
    usable_sites,
)
from finemo_zarr.sequence import BASES

if TYPE_CHECKING:
    import xarray as xr

_EXPECTED = "output of ChIPMunk (lines such as KDIC|…, A|…, C|…)"
_HEAD_SIZE = 1 << 20  # bytes within which the first motif must begin; messages may come before
_PAIRS = tuple(first + second for first in BASES for second in BASES)
_PAIR_TOLERANCE = 0.05  # of all sites, by which the two sums of an inner position may differ

_STATE = re.compile(r"^(PROG|OUTC|MOTF|KDIC)\|(.*)")
_BEGIN = re.compile(r"^KDIC\|", re.MULTILINE)
_ROW = re.compile(r"^([ACGT]{1,2})\|(.*)", re.MULTILINE)
_SITES = re.compile(r"^N\|(.*)")


@dataclass(frozen=True)
class ChipmunkReader:
    """Reads what ChIPMunk, ChIPHorde and diChIPMunk print, gzipped or not.

    Lines are ``KEY|value``. A motif begins with ``KDIC|`` and has its counts by position in
    ``A|`` to ``T|``, or, of pairs of bases, in ``AA|`` to ``TT|``, and its number of sites in
    ``N|``; other lines are ignored. Counts of pairs are summed to counts of bases: at inner
    positions those by first and by second base should be the same, and the mean is taken.
    Motifs on the way to the result, printed before the ``OUTC|`` line that names the program of
    the ``PROG|`` line, or before the first ``MOTF|``, are ignored, too.

    There are no contributions in such a file; what stands in for them is worked out from the
    probabilities (see ``_probability_motifs``), and marked by the origin ``log-odds``. The file
    has no background frequencies: they are taken to be equal.
    """

    name: ClassVar[str] = "chipmunk"
    summary: ClassVar[str] = "output of ChIPMunk, ChIPHorde and diChIPMunk"

    def can_read(self, path: Path) -> bool:
        """Whether a motif begins in the file, with a ``KDIC|`` line and a row of counts."""
        head = text_head(path, _HEAD_SIZE)
        begin = _BEGIN.search(head)
        return begin is not None and _ROW.search(head, begin.end()) is not None

    def read(self, path: Path) -> "xr.Dataset":
        """Read the motifs of a file.

        Parameters
        ----------
        path : Path
            The file.

        Returns
        -------
        xarray.Dataset
            A motifs dataset with PPM, CWM and hCWM. A motif is named after the file, without
            its suffix, and if there are several also numbered, from 0, in their order:
            ``results_0``, ``results_1``.

        Raises
        ------
        ReadError
            If the file is missing, damaged, not output of ChIPMunk, without motifs, or a motif is
            faulty; the message gives the line.
        """
        path = Path(path)
        lines = read_lines(path, _EXPECTED)
        starts = [index for index, line in enumerate(lines) if _BEGIN.match(line)]
        if not starts:
            raise ReadError(f"{path} holds no motifs: no line KDIC|…, expected {_EXPECTED}")
        ends = dict(zip(starts, [*starts[1:], len(lines)], strict=True))
        results = _results(lines) or starts
        motifs = [
            _parse_motif(path, name, begin, lines[begin : ends[begin]])
            for name, begin in zip(_names(path, len(results)), results, strict=True)
        ]
        return to_dataset(motifs, path)


def _results(lines: Sequence[str]) -> list[int]:
    """Where the motifs begin that are results, not steps towards them.

    A run begins with ``PROG|`` and the name of a program, and its results with ``OUTC|`` and the
    same name, or if there may be several with ``MOTF|`` before each. Lines without a run are all
    results.
    """
    found = []
    program, is_result, is_list = "", True, False
    for index, line in enumerate(lines):
        if not (match := _STATE.match(line)):
            continue
        key, value = match[1], match[2].strip()
        if key == "PROG":
            program, is_result, is_list = value, False, False
        elif key == "MOTF":
            is_result = is_list = True
        elif key == "OUTC":
            is_result = is_list or program in ("", value)
        elif is_result:
            found.append(index)
    return found


def _names(path: Path, number: int) -> list[str]:
    stem = "_".join(Path(path.name.removesuffix(".gz")).stem.split())
    return [stem] if number == 1 else [f"{stem}_{index}" for index in range(number)]


def _parse_motif(path: Path, name: str, begin: int, lines: Sequence[str]) -> ProbabilityMotif:
    """The motif of a KDIC line, the first of `lines`, and what follows it."""
    where = f"{path}, motif {name}"
    rows = _parse_rows(lines, begin + 1, where)
    keys = _PAIRS if any(len(key) > 1 for key in rows) else tuple(BASES)
    missing = [f"{key}|" for key in keys if key not in rows]
    if missing:
        found = listing((f"{key}|" for key in rows), len(_PAIRS)) or "none"
        raise ReadError(
            f"{where}, line {begin + 1}: of the rows of counts {found} follow, expected also "
            f"{listing(missing, len(_PAIRS))}"
        )
    table = _stack(rows, keys, where)
    counts = table if len(keys) == len(BASES) else _sum_pairs(table, f"{where}, line {begin + 1}")
    totals = counts.sum(axis=1)
    if not totals.all():
        raise ReadError(
            f"{where}, line {begin + 1}: all counts of position {totals.argmin() + 1} are 0,"
            " expected those of the sites"
        )
    return ProbabilityMotif(
        name,
        name,
        begin + 1,
        counts / totals[:, None],
        usable_sites(_parse_sites(lines, begin + 1, where), float(totals.mean())),
    )


@dataclass(frozen=True)
class _Row:
    line: int
    counts: FloatArray  # by position


def _parse_rows(lines: Sequence[str], first_line: int, where: str) -> dict[str, _Row]:
    """The rows of counts of a motif by base, or by pair of bases."""
    rows: dict[str, _Row] = {}
    for number, line in enumerate(lines, start=first_line):
        if not (match := _ROW.match(line)):
            continue
        key, at = match[1], f"{where}, line {number}"
        if key in rows:
            raise ReadError(
                f"{at}: a second row {key}|, the first is line {rows[key].line}; expected one,"
                " and a line KDIC| before each motif"
            )
        counts = np.array([parse_number(word, at) for word in match[2].split()])
        if not counts.size or not (np.isfinite(counts) & (counts >= 0)).all():
            shown = listing(f"{count:g}" for count in counts) or "nothing"
            raise ReadError(f"{at}: {key}| has {shown}, expected counts, none below 0")
        rows[key] = _Row(number, counts)
    return rows


def _stack(rows: Mapping[str, _Row], keys: Sequence[str], where: str) -> FloatArray:
    """Counts ``(position, key)``."""
    width = len(rows[keys[0]].counts)
    for key in keys:
        if len(rows[key].counts) != width:
            raise ReadError(
                f"{where}, line {rows[key].line}: {key}| has {len(rows[key].counts)} counts,"
                f" expected {width} as in {keys[0]}|"
            )
    return np.stack([rows[key].counts for key in keys], axis=1)


def _sum_pairs(table: FloatArray, where: str) -> FloatArray:
    """Counts of bases ``(width, 4)`` from those of pairs ``(width - 1, 16)``."""
    pairs = table.reshape(-1, len(BASES), len(BASES))
    by_first, by_second = pairs.sum(axis=2), pairs.sum(axis=1)
    apart = np.abs(by_first[1:] - by_second[:-1]).max(axis=1, initial=0)
    faulty = apart > _PAIR_TOLERANCE * pairs.sum(axis=(1, 2))[1:]
    if faulty.any():
        position = int(faulty.argmax()) + 1
        raise ReadError(
            f"{where}: at position {position + 1} the counts of pairs sum to"
            f" {_shown(by_second[position - 1])} by second base and to"
            f" {_shown(by_first[position])} by first base, expected the same; compute the motif"
            " again if the file was edited"
        )
    inner = (by_first[1:] + by_second[:-1]) / 2
    return np.concatenate([by_first[:1], inner, by_second[-1:]])


def _shown(counts: FloatArray) -> str:
    return " ".join(f"{base} {count:g}" for base, count in zip(BASES, counts, strict=True))


def _parse_sites(lines: Sequence[str], first_line: int, where: str) -> float:
    """What the first line ``N|`` of a motif says, NaN if there is none."""
    for number, line in enumerate(lines, start=first_line):
        if match := _SITES.match(line):
            return parse_number(match[1].strip(), f"{where}, line {number}, N|")
    return np.nan
