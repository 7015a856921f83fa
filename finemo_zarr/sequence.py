"""Base codes, one-hot encoding and reverse complement.

Bases are always in the order A, C, G, T with the codes 0, 1, 2, 3. Everything else, N and the
other ambiguity codes in either case, is "no base", code 4, and one-hot encodes to zeros.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

BASES = "ACGT"
NO_BASE = 4

_CODES = np.full(256, NO_BASE, dtype=np.uint8)
for _code, _base in enumerate(BASES):
    _CODES[ord(_base)] = _CODES[ord(_base.lower())] = _code
_LETTERS = np.frombuffer(b"ACGTN", dtype="S1")
_COMPLEMENT = np.array([3, 2, 1, 0, NO_BASE], dtype=np.uint8)


def encode(sequence: str | bytes) -> NDArray[np.uint8]:
    """Base codes ``(length,)`` of a sequence of letters, in either case."""
    raw = sequence.encode("latin-1", "replace") if isinstance(sequence, str) else sequence
    codes: NDArray[np.uint8] = _CODES[np.frombuffer(raw, dtype=np.uint8)]
    return codes


def decode(codes: NDArray[np.uint8]) -> str:
    """Letters of base codes ``(length,)``, ``N`` where there is no base."""
    return _LETTERS[codes].tobytes().decode("ascii")


def one_hot(codes: NDArray[np.uint8], dtype: Any = np.float32) -> NDArray[Any]:
    """One-hot encoding ``(..., 4, length)`` of base codes ``(..., length)``."""
    bases = np.arange(len(BASES), dtype=np.uint8)[:, None]
    encoded: NDArray[Any] = (codes[..., None, :] == bases).astype(dtype)
    return encoded


def from_one_hot(encoded: NDArray[Any]) -> NDArray[np.uint8]:
    """Base codes ``(..., length)`` of a one-hot encoding ``(..., 4, length)``.

    Raises
    ------
    ValueError
        If a value is neither 0 nor 1, or a position has more than one base.
    """
    ones = encoded == 1
    if not (ones | (encoded == 0)).all():
        raise ValueError("values other than 0 and 1")
    if encoded.shape[-2] != len(BASES):
        raise ValueError(f"{encoded.shape[-2]} rows, expected 4 (A C G T)")
    bases = ones.sum(axis=-2, dtype=np.uint8)
    if (bases > 1).any():
        raise ValueError("positions with more than one base")
    codes: NDArray[np.uint8] = ones.argmax(axis=-2).astype(np.uint8)
    codes[bases == 0] = NO_BASE
    return codes


def reverse_complement(codes: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Base codes of the other strand, along the last axis."""
    complement: NDArray[np.uint8] = _COMPLEMENT[codes[..., ::-1]]
    return complement


def project(contributions: NDArray[Any], codes: NDArray[np.uint8]) -> NDArray[Any]:
    """Projected scores: those of the bases that are there.

    Parameters
    ----------
    contributions : array, ``(..., 4, length)``
        Hypothetical scores.
    codes : array of uint8, ``(..., length)``
        Base codes.

    Returns
    -------
    array, ``(..., length)``
        0 where there is no base.
    """
    index = np.minimum(codes, len(BASES) - 1)[..., None, :]
    observed = np.take_along_axis(contributions, index, axis=-2)[..., 0, :]
    observed[codes == NO_BASE] = 0
    return observed
