"""Motifs of a file in MEME's minimal format, as JASPAR and HOCOMOCO give them."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import takewhile
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from finemo_zarr.errors import ReadError
from finemo_zarr.readers._probability_motifs import (
    DEFAULT_SITES,
    SUM_TOLERANCE,
    FloatArray,
    ProbabilityMotif,
    parse_number,
    parse_rows,
    read_lines,
    text_head,
    to_dataset,
    uniform_background,
    usable_sites,
)
from finemo_zarr.sequence import BASES

if TYPE_CHECKING:
    import xarray as xr

_EXPECTED = "a motif file in MEME format"
_HEAD_SIZE = 4096  # bytes within which the version line must stand

_VERSION = re.compile(r"^\s*MEME\s+version", re.MULTILINE)
_MATRIX = "letter-probability matrix"
_MOTIF = re.compile(r"MOTIF(\s|$)")
_STATISTICS = re.compile(r"\swidth\s*=")
_PARAMETER = re.compile(r"(\w+)\s*=\s*(\S+)")
_ROW = re.compile(r"\s*[-+]?(\d|\.\d|nan\b|inf\b)", re.IGNORECASE)


@dataclass(frozen=True)
class MemeReader:
    """Reads position probability matrices in MEME's minimal format, gzipped or not.

    There are no contributions in such a file; what stands in for them is worked out from the
    probabilities (see ``_probability_motifs``), and marked by the origin ``log-odds``.
    """

    name: ClassVar[str] = "meme"
    summary: ClassVar[str] = "motifs in MEME format (JASPAR, HOCOMOCO)"

    def can_read(self, path: Path) -> bool:
        """Whether the file begins like one in MEME format."""
        return _VERSION.search(text_head(path, _HEAD_SIZE)) is not None

    def read(self, path: Path) -> "xr.Dataset":
        """Read the motifs of a file.

        Parameters
        ----------
        path : Path
            The file.

        Returns
        -------
        xarray.Dataset
            A motifs dataset with PPM, CWM and hCWM. A motif is named by its identifier and its
            alternate name, joined by ``_`` (``MA0036.3_GATA2``), or by the alternate name alone
            where that begins with the identifier; ``motif_name_orig`` is as in the file.

        Raises
        ------
        ReadError
            If the file is missing, damaged, not in MEME format, not of DNA, without motifs, or
            a motif is faulty; the message gives the line.
        """
        path = Path(path)
        lines = read_lines(path, _EXPECTED)
        if _VERSION.search("\n".join(lines[:100])) is None:
            raise ReadError(f"{path} has no line `MEME version 4`, expected {_EXPECTED}")
        starts = [index for index, line in enumerate(lines) if _MOTIF.match(line)]
        if not starts:
            raise ReadError(f"{path} holds no motifs: no line begins with MOTIF")
        background = _background(lines[: starts[0]], path)
        motifs = [
            _parse_motif(path, begin, lines[begin:end])
            for begin, end in zip(starts, [*starts[1:], len(lines)], strict=True)
        ]
        return to_dataset(motifs, path, background)


def _background(header: Sequence[str], path: Path) -> FloatArray:
    """Background frequencies ``(4,)``, uniform if the file has none; refuses other alphabets."""
    frequencies: dict[str, float] = {}
    for number, line in enumerate(header, start=1):
        words = line.replace("=", " ").split()
        if words[:1] == ["ALPHABET"] and words[1:] != [BASES]:
            raise ReadError(
                f"{path}, line {number}: the alphabet is {' '.join(words[1:])}, expected {BASES}"
            )
        if line.startswith("Background letter frequencies"):
            for letter, value in _letter_values(header[number:]):
                frequencies[letter] = parse_number(value, f"{path}, background of {letter}")
    if not frequencies:
        return uniform_background()
    background = np.array([frequencies.get(base, np.nan) for base in BASES])
    if not ((background > 0).all() and abs(background.sum() - 1) < SUM_TOLERANCE):
        shown = " ".join(f"{letter} {value:g}" for letter, value in frequencies.items())
        raise ReadError(
            f"{path}: the background letter frequencies are {shown}, expected A, C, G and T"
            " above 0 that sum to 1"
        )
    return np.asarray(background / background.sum())


def _letter_values(lines: Sequence[str]) -> Iterator[tuple[str, str]]:
    """Pairs of letter and frequency, which may stand on several lines."""
    for line in lines:
        words = line.split()
        if len(words) % 2 or not all(len(letter) == 1 for letter in words[::2]) or not words:
            return
        yield from zip(words[::2], words[1::2], strict=True)


def _parse_motif(path: Path, begin: int, lines: Sequence[str]) -> ProbabilityMotif:
    """The motif of a MOTIF line, the first of `lines`, and what follows it."""
    # The text output of MEME goes on in the same line: `width = 6 sites = 17 llr = ...`.
    words = _STATISTICS.split(lines[0], maxsplit=1)[0].split()[1:]
    if not words:
        raise ReadError(f"{path}, line {begin + 1}: MOTIF has no name")
    where = f"{path}, motif {' '.join(words)}"
    matrix = next((i for i, line in enumerate(lines) if line.strip().startswith(_MATRIX)), None)
    if matrix is None:
        raise ReadError(f"{where}, line {begin + 1}: no line `{_MATRIX}:` follows")
    parameters = dict(_PARAMETER.findall(lines[matrix]))
    where_matrix = f"{where}, line {begin + matrix + 1}"
    if parameters.get("alength", "4") != "4":
        raise ReadError(f"{where_matrix}: alength is {parameters['alength']}, expected 4 ({BASES})")
    rows = list(takewhile(_ROW.match, lines[matrix + 1 :]))
    width = parse_number(parameters.get("w", str(len(rows))), f"{where_matrix}, w")
    if len(rows) != width or not rows:
        raise ReadError(f"{where_matrix}: {len(rows)} rows follow, expected {width or 1:g}")
    sites = parse_number(parameters.get("nsites", str(DEFAULT_SITES)), f"{where_matrix}, nsites")
    return ProbabilityMotif(
        _join_name(words),
        " ".join(words),
        begin + 1,
        parse_rows(enumerate(rows, start=begin + matrix + 2), where),
        usable_sites(sites),
    )


def _join_name(words: Sequence[str]) -> str:
    identifier, alternate = words[0], "_".join(words[1:])
    return alternate if alternate.startswith(identifier) else "_".join(words)
