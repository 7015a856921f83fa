"""Motifs that are given as probabilities of bases: what their readers share.

There are no contributions in such files, so log-odds stand in for them, marked by the origin
``log-odds``. The hCWM is the logarithm of the probabilities over the background, centred so that
its mean over the background is zero in every column, as hypothetical contributions are; the CWM is
its product with the probabilities, which is what contributions average to over the sites. (Plain
log-odds are dominated by the bases that sites do not have, and resemble neither: JASPAR's CTCF has
a cosine of 0.24 with a TF-MoDISco CWM, and of 0.96 in this form.) A pseudocount of one site of
background keeps the logarithm finite.
"""

import gzip
import zlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

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

DEFAULT_SITES = 20.0
"""Sites of a motif whose file does not say how many, as in the MEME Suite."""
PSEUDOCOUNT = 1.0
"""Sites' worth of background that is added to each column."""
SUM_TOLERANCE = 0.02
"""How far probabilities may be from a sum of 1: files round to few digits."""

_GZIP = b"\x1f\x8b"


@dataclass(frozen=True)
class ProbabilityMotif:
    """A motif as a file gives it.

    Parameters
    ----------
    name, name_orig : str
        Its name here, and as in the file.
    line : int
        The line on which it begins, from 1.
    ppm : array, ``(width, 4)``
        Probabilities, each row of sum 1.
    sites : float
        How many sites they come from, see :func:`usable_sites`.
    """

    name: str
    name_orig: str
    line: int
    ppm: FloatArray
    sites: float = DEFAULT_SITES

    def log_odds(self, background: FloatArray) -> tuple[FloatArray, FloatArray]:
        """The stand-ins for CWM and hCWM, ``(width, 4)``."""
        weight = self.sites + PSEUDOCOUNT
        smooth = (self.ppm * self.sites + PSEUDOCOUNT * background) / weight
        log_odds = np.log(smooth / background)
        centred = log_odds - (log_odds @ background)[:, None]
        return smooth * centred, centred


def usable_sites(sites: float, default: float = DEFAULT_SITES) -> float:
    """The number of sites, or `default` where the file's is no number above 0."""
    return sites if np.isfinite(sites) and sites > 0 else default


def uniform_background() -> FloatArray:
    """Equal frequencies ``(4,)``, for files that give none."""
    return np.full(len(BASES), 1 / len(BASES))


def to_dataset(
    motifs: Sequence[ProbabilityMotif], path: Path, background: FloatArray | None = None
) -> "xr.Dataset":
    """A motifs dataset with PPM, CWM and hCWM.

    Parameters
    ----------
    motifs : sequence of ProbabilityMotif
        At least one.
    path : Path
        The file they come from.
    background : array, ``(4,)``, optional
        Frequencies of the bases, uniform if not given.

    Raises
    ------
    ReadError
        If a name occurs more than once; the message gives the lines.
    """
    _check_names(motifs, path)
    frequencies = uniform_background() if background is None else background
    cwms, hcwms = zip(*(motif.log_odds(frequencies) for motif in motifs), strict=True)
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


def _check_names(motifs: Sequence[ProbabilityMotif], path: Path) -> None:
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


def text_head(path: Path, size: int) -> str:
    """How a file begins, gzipped or not, to tell its format by; empty if it cannot be read.

    Parameters
    ----------
    path : Path
        The file.
    size : int
        Number of bytes, of the text if gzipped.
    """
    try:
        with Path(path).open("rb") as file:
            head = file.read(size)
        if head.startswith(_GZIP):
            head = zlib.decompressobj(wbits=31).decompress(head, size)
    except (OSError, zlib.error):
        return ""
    return head.decode("utf-8", "replace")


def read_lines(path: Path, expected: str) -> list[str]:
    """The lines of a text file, gzipped or not.

    Parameters
    ----------
    path : Path
        The file.
    expected : str
        What it should be, for the message.

    Raises
    ------
    ReadError
        If the file is missing, empty or damaged.
    """
    head = file_head(path, expected)
    try:
        raw = path.read_bytes()
        text = gzip.decompress(raw) if head.startswith(_GZIP) else raw
    except (OSError, EOFError, zlib.error) as error:
        raise ReadError(
            f"{path} is truncated or damaged ({error}): copy or make it again"
        ) from error
    return text.decode("utf-8", "replace").splitlines()


def parse_number(word: str, where: str) -> float:
    """A number; otherwise a ReadError that says where it should be."""
    try:
        return float(word)
    except ValueError:
        raise ReadError(f"{where}: {word!r} is not a number") from None


def parse_rows(rows: Iterable[tuple[int, str]], where: str) -> FloatArray:
    """Probabilities, made to sum to 1 where rounding is all that is in the way.

    Parameters
    ----------
    rows : iterable of (int, str)
        Line numbers, and lines of four probabilities (A C G T); at least one.
    where : str
        File and motif, for messages.

    Returns
    -------
    array, ``(width, 4)``

    Raises
    ------
    ReadError
        If a line is no four probabilities.
    """
    values, numbers = [], []
    for number, row in rows:
        words = row.split()
        if len(words) != len(BASES):
            raise ReadError(f"{where}, line {number}: {len(words)} columns, expected 4 ({BASES})")
        values.append([parse_number(word, f"{where}, line {number}") for word in words])
        numbers.append(number)
    matrix = np.array(values)
    sums = matrix.sum(axis=1)
    faulty = (matrix < 0).any(axis=1) | ~(np.abs(sums - 1) <= SUM_TOLERANCE)
    if faulty.any():
        worst = int(faulty.argmax())
        raise ReadError(_row_complaint(matrix[worst], f"{where}, line {numbers[worst]}"))
    return np.asarray(matrix / sums[:, None])


def _row_complaint(row: FloatArray, where: str) -> str:
    shown = " ".join(f"{value:g}" for value in row)
    if (row >= 0).all() and row.sum() > 1 + SUM_TOLERANCE:
        return (
            f"{where}: the row {shown} sums to {row.sum():g}, expected probabilities that sum to 1;"
            " if these are counts, divide each row by its sum"
        )
    return f"{where}: the row {shown} is not four probabilities that sum to 1"
