"""Motifs of a file in MEME's minimal format, as JASPAR and HOCOMOCO give them."""

import gzip
import re
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import takewhile
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

import numpy as np
from numpy.typing import NDArray

from finemo_zarr.errors import ReadError
from finemo_zarr.model import create_motifs
from finemo_zarr.readers._checks import file_head, listing
from finemo_zarr.readers._motif_arrays import stack_padded
from finemo_zarr.sequence import BASES

if TYPE_CHECKING:
    import xarray as xr

FloatArray = NDArray[np.float64]

DEFAULT_SITES = 20
"""Sites of a motif whose file does not say ``nsites``, as in the MEME Suite."""
PSEUDOCOUNT = 1.0
"""Sites' worth of background that is added to each column."""

_GZIP = b"\x1f\x8b"
_EXPECTED = "a motif file in MEME format"
_HEAD_SIZE = 4096  # bytes within which the version line must stand
_SUM_TOLERANCE = 0.02  # files round to few digits

_VERSION = re.compile(r"^\s*MEME\s+version", re.MULTILINE)
_MATRIX = "letter-probability matrix"
_MOTIF = re.compile(r"MOTIF(\s|$)")
_PARAMETER = re.compile(r"(\w+)\s*=\s*(\S+)")
_ROW = re.compile(r"\s*[-+]?(\d|\.\d|nan\b|inf\b)", re.IGNORECASE)


@dataclass(frozen=True)
class MemeReader:
    """Reads position probability matrices in MEME's minimal format, gzipped or not.

    There are no contributions in such a file, so log-odds stand in for them, marked by the origin
    ``log-odds``. The hCWM is the logarithm of the probabilities over the background, centred so
    that its mean over the background is zero in every column, as hypothetical contributions are;
    the CWM is its product with the probabilities, which is what contributions average to over the
    sites. (Plain log-odds are dominated by the bases that sites do not have, and resemble neither:
    JASPAR's CTCF has a cosine of 0.24 with a TF-MoDISco CWM, and of 0.96 in this form.) A
    pseudocount of one site of background keeps the logarithm finite.
    """

    name: ClassVar[str] = "meme"
    summary: ClassVar[str] = "motifs in MEME format (JASPAR, HOCOMOCO)"

    def can_read(self, path: Path) -> bool:
        """Whether the file begins like one in MEME format."""
        try:
            with Path(path).open("rb") as file:
                head = file.read(_HEAD_SIZE)
            if head.startswith(_GZIP):
                head = zlib.decompressobj(wbits=31).decompress(head, _HEAD_SIZE)
        except (OSError, zlib.error):
            return False
        return _VERSION.search(head.decode("utf-8", "replace")) is not None

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
        lines = _read_lines(path)
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
        _check_names(motifs, path)
        return _to_dataset(motifs, background, path)


@dataclass(frozen=True)
class _Motif:
    name: str
    name_orig: str
    line: int
    ppm: FloatArray  # (width, 4)
    sites: float

    def log_odds(self, background: FloatArray) -> tuple[FloatArray, FloatArray]:
        """The stand-ins for CWM and hCWM, ``(width, 4)``."""
        weight = self.sites + PSEUDOCOUNT
        smooth = (self.ppm * self.sites + PSEUDOCOUNT * background) / weight
        log_odds = np.log(smooth / background)
        centred = log_odds - (log_odds @ background)[:, None]
        return smooth * centred, centred


def _to_dataset(motifs: Sequence[_Motif], background: FloatArray, path: Path) -> "xr.Dataset":
    cwms, hcwms = zip(*(motif.log_odds(background) for motif in motifs), strict=True)
    return create_motifs(
        [motif.name for motif in motifs],
        stack_padded(cwms),
        widths=[len(motif.ppm) for motif in motifs],
        matrices={"hcwm": stack_padded(hcwms), "ppm": stack_padded([m.ppm for m in motifs])},
        labels={
            "origin": "log-odds",
            "source": str(path),
            "name_orig": [motif.name_orig for motif in motifs],
        },
    )


def _read_lines(path: Path) -> list[str]:
    head = file_head(path, _EXPECTED)
    try:
        raw = path.read_bytes()
        text = gzip.decompress(raw) if head.startswith(_GZIP) else raw
    except (OSError, EOFError, zlib.error) as error:
        raise ReadError(
            f"{path} is truncated or damaged ({error}): copy or make it again"
        ) from error
    return text.decode("utf-8", "replace").splitlines()


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
                frequencies[letter] = _number(value, f"{path}, background of {letter}")
    if not frequencies:
        return np.full(len(BASES), 1 / len(BASES))
    background = np.array([frequencies.get(base, np.nan) for base in BASES])
    if not ((background > 0).all() and abs(background.sum() - 1) < _SUM_TOLERANCE):
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


def _parse_motif(path: Path, begin: int, lines: Sequence[str]) -> _Motif:
    """The motif of a MOTIF line, the first of `lines`, and what follows it."""
    words = lines[0].split()[1:]
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
    width = _number(parameters.get("w", str(len(rows))), f"{where_matrix}, w")
    if len(rows) != width or not rows:
        raise ReadError(f"{where_matrix}: {len(rows)} rows follow, expected {width or 1:g}")
    sites = _number(parameters.get("nsites", str(DEFAULT_SITES)), f"{where_matrix}, nsites")
    return _Motif(
        _join_name(words),
        " ".join(words),
        begin + 1,
        _parse_rows(rows, where, begin + matrix + 2),
        sites if np.isfinite(sites) and sites > 0 else DEFAULT_SITES,
    )


def _join_name(words: Sequence[str]) -> str:
    identifier, alternate = words[0], "_".join(words[1:])
    return alternate if alternate.startswith(identifier) else "_".join(words)


def _parse_rows(rows: Sequence[str], where: str, first_line: int) -> FloatArray:
    """Probabilities ``(width, 4)``, made to sum to 1 where rounding is all that is in the way."""
    values = []
    for number, row in enumerate(rows, start=first_line):
        words = row.split()
        if len(words) != len(BASES):
            raise ReadError(f"{where}, line {number}: {len(words)} columns, expected 4 ({BASES})")
        values.append([_number(word, f"{where}, line {number}") for word in words])
    matrix = np.array(values)
    sums = matrix.sum(axis=1)
    faulty = (matrix < 0).any(axis=1) | ~(np.abs(sums - 1) <= _SUM_TOLERANCE)
    if faulty.any():
        worst = int(faulty.argmax())
        raise ReadError(_row_complaint(matrix[worst], f"{where}, line {first_line + worst}"))
    return np.asarray(matrix / sums[:, None])


def _row_complaint(row: FloatArray, where: str) -> str:
    shown = " ".join(f"{value:g}" for value in row)
    if (row >= 0).all() and row.sum() > 1 + _SUM_TOLERANCE:
        return (
            f"{where}: the row {shown} sums to {row.sum():g}, expected probabilities that sum to 1;"
            " if these are counts, divide each row by its sum"
        )
    return f"{where}: the row {shown} is not four probabilities that sum to 1"


def _number(word: str, where: str) -> float:
    try:
        return float(word)
    except ValueError:
        raise ReadError(f"{where}: {word!r} is not a number") from None


def _check_names(motifs: Sequence[_Motif], path: Path) -> None:
    lines: dict[str, list[int]] = {}
    for motif in motifs:
        lines.setdefault(motif.name, []).append(motif.line)
    repeated = {name: where for name, where in lines.items() if len(where) > 1}
    if repeated:
        shown = (f"{name} (lines {', '.join(map(str, at))})" for name, at in repeated.items())
        raise ReadError(
            f"{path}: {len(repeated)} motif names occur more than once: {listing(shown)};"
            " rename them in the file"
        )
