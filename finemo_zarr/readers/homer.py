"""Motifs of HOMER's motif files, as its discovery writes them and its library has them."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from finemo_zarr.errors import ReadError
from finemo_zarr.readers._probability_motifs import (
    DEFAULT_SITES,
    ProbabilityMotif,
    parse_rows,
    read_lines,
    text_head,
    to_dataset,
    usable_sites,
)

if TYPE_CHECKING:
    import xarray as xr

_EXPECTED = "a HOMER motif file"
_HEAD_SIZE = 4096  # bytes within which the first header and its first row must stand
_HEADER = ">"
_GUESS = ",BestGuess:"
_THRESHOLD = re.compile(r"[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?$")
_NUMBERS = re.compile(r"[-+.\deE\s]*\d[-+.\deE\s]*")
_SITES = re.compile(r"(?:^|[\s,])T:\s*(\d+\.?\d*(?:[eE]\+?\d+)?)")

_NumberedLines = Sequence[tuple[int, str]]


@dataclass(frozen=True)
class HomerReader:
    """Reads HOMER's motif files of one or more motifs, gzipped or not.

    A motif is a line ``>consensus``, name, threshold and statistics, separated by tabs, and a row
    of four probabilities for each position. All but the consensus may be missing. The number of
    sites is that of targets with the motif (``T:``), or 20.

    There are no contributions in such a file; what stands in for them is worked out from the
    probabilities (see ``_probability_motifs``), and marked by the origin ``log-odds``. The file
    has no background frequencies: they are taken to be equal.
    """

    name: ClassVar[str] = "homer"
    summary: ClassVar[str] = "HOMER motif files"

    def can_read(self, path: Path) -> bool:
        """Whether the file begins with a header and a row of four probabilities.

        Sequences have letters there. Counts and scores of other programs, under a header that is
        a mere name, do not sum to 1.
        """
        lines = _numbered(text_head(path, _HEAD_SIZE).splitlines())[:2]
        if len(lines) < 2 or not _is_header(lines[0][1]):
            return False
        if _THRESHOLD.match("".join(_split(lines[0][1])[2:3])):
            return _NUMBERS.fullmatch(lines[1][1]) is not None
        try:
            parse_rows(lines[1:], str(path))
        except ReadError:
            return False
        return True

    def read(self, path: Path) -> "xr.Dataset":
        """Read the motifs of a file.

        Parameters
        ----------
        path : Path
            The file.

        Returns
        -------
        xarray.Dataset
            A motifs dataset with PPM, CWM and hCWM. A motif is named by the second field of its
            header, up to ``,BestGuess:`` and with ``_`` for white space, or by its consensus if
            there is none; ``motif_name_orig`` is the whole field.

        Raises
        ------
        ReadError
            If the file is missing, damaged, not a HOMER motif file, without motifs, or a motif is
            faulty; the message gives the line.
        """
        path = Path(path)
        lines = _numbered(read_lines(path, _EXPECTED))
        if not lines:
            raise ReadError(f"{path} holds no motifs: all lines are blank, expected {_EXPECTED}")
        if not _is_header(lines[0][1]):
            raise ReadError(
                f"{path}, line {lines[0][0]}: {lines[0][1][:40]!r}, expected {_EXPECTED}, which"
                " begins with > and a consensus"
            )
        starts = [index for index, (_, line) in enumerate(lines) if _is_header(line)]
        motifs = [
            _parse_motif(path, lines[begin:end])
            for begin, end in zip(starts, [*starts[1:], len(lines)], strict=True)
        ]
        return to_dataset(motifs, path)


def _numbered(lines: Sequence[str]) -> _NumberedLines:
    """The lines that are not blank, with their numbers, without white space around them."""
    return [(number, line.strip()) for number, line in enumerate(lines, 1) if line.strip()]


def _is_header(line: str) -> bool:
    return line.startswith(_HEADER)


def _parse_motif(path: Path, lines: _NumberedLines) -> ProbabilityMotif:
    """The motif of a header, the first of `lines`, and its rows."""
    number, header = lines[0]
    fields = _split(header)
    title = (fields[1] if len(fields) > 1 else "") or fields[0]
    name = "_".join(title.partition(_GUESS)[0].split())
    if not name:
        raise ReadError(
            f"{path}, line {number}: the motif {header!r} has neither consensus nor name, expected"
            " > and a consensus, then its name after a tab"
        )
    where = f"{path}, motif {name}"
    if len(lines) == 1:
        raise ReadError(
            f"{where}, line {number}: no rows follow, expected four probabilities for each position"
        )
    return ProbabilityMotif(name, title, number, parse_rows(lines[1:], where), _sites(fields[2:]))


def _split(header: str) -> list[str]:
    """The fields of a header; by white space if its tabs were lost, as by copying from a page."""
    text = header.removeprefix(_HEADER)
    if "\t" in text:
        return [field.strip() for field in text.split("\t")]
    return text.split() or [""]


def _sites(fields: Sequence[str]) -> float:
    """The number of target sequences with the motif, if the statistics have it."""
    found = _SITES.search("\t".join(fields))
    return usable_sites(float(found[1])) if found else DEFAULT_SITES
